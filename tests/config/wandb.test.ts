import assert from "node:assert/strict";
import fc from "fast-check";
import { computeAccess } from "../../src/config/access.ts";
import { type Config, listSecrets } from "../../src/config/config.ts";
import { netrcFiles, netrcPassword, withNetrcKey } from "../../src/config/netrc.ts";
import { resolveSettings } from "../../src/config/resolve.ts";
import type { Settings } from "../../src/config/settings.ts";
import { isWandbConfigured, wandbBaseUrl, wandbDocsUrl } from "../../src/config/wandb.ts";
import { createLog } from "../../src/core/log.ts";
import { wandbAppUrl } from "../../src/wandb/account.ts";
import { wandbBackends } from "../../src/wandb/backend.ts";

const KEY = "0123456789abcdef".repeat(3);

function settingsOf(env: Record<string, string>): Settings {
  const { settings, errors } = resolveSettings(new Map(), (name) => env[name]);
  assert.deepEqual(errors, []);
  return settings;
}

function backendOf(env: Record<string, string>) {
  const config: Config = {
    command: "tools",
    words: [],
    options: {},
    settings: settingsOf(env),
    notes: [],
    home: undefined,
    version: "0",
  };
  const [wandb] = wandbBackends(
    config,
    createLog({ level: "ERROR", format: "human", secrets: [] }),
  );
  assert.ok(wandb !== undefined);
  return wandb;
}

/** The hosts but for Weave's, which another test is about. */
function models(net: readonly string[]): string[] {
  return net.filter((host) => !host.startsWith("trace."));
}

Deno.test("W&B's hosts are permitted only with credentials", () => {
  const none = computeAccess(
    settingsOf({ WANDB_BASE_URL: "https://w.example.com" }),
    "/home/a",
    false,
  );
  assert.deepEqual([none.net, none.errors], [[], []]);
  const cloud = computeAccess(settingsOf({ WANDB_API_KEY: KEY }), "/home/a", false);
  assert.deepEqual(models(cloud.net), ["api.wandb.ai:443", "docs.wandb.ai:443"]);
  const alone = { WANDB_API_KEY: KEY, WANDB_MCP_PROXY_DOCS: "false" };
  const own = computeAccess(
    settingsOf({ ...alone, WANDB_BASE_URL: "http://wandb.local:8080/x/" }),
    "/home/a",
    false,
  );
  assert.deepEqual(models(own.net), ["wandb.local:8080"]);
  const docs = computeAccess(
    settingsOf({ WANDB_API_KEY: KEY, WANDBOT_BASE_URL: "https://docs.corp:8443/mcp" }),
    undefined,
    false,
  );
  assert.deepEqual(models(docs.net), ["api.wandb.ai:443", "docs.corp:8443"]);
  const file = computeAccess(
    settingsOf({ WANDB_IDENTITY_TOKEN_FILE: "/run/jwt" }),
    undefined,
    false,
  );
  assert.ok(file.read.includes("/run/jwt") && file.net.includes("api.wandb.ai:443"));
  const both = { WANDB_IDENTITY_TOKEN_FILE: "/run/jwt", WANDB_API_KEY: KEY };
  assert.deepEqual(computeAccess(settingsOf(both), undefined, false).read, []);
  for (const bad of ["ftp://x", "nonsense"]) {
    const { errors } = computeAccess(
      settingsOf({ ...alone, WANDB_BASE_URL: bad }),
      undefined,
      false,
    );
    assert.match(errors.join(), /WANDB_BASE_URL/);
  }
});

Deno.test("the API, pages and documentation have their addresses", () => {
  const app = (base: string, own?: string) => {
    const settings = settingsOf({ WANDB_BASE_URL: base, ...(own ? { WANDB_APP_URL: own } : {}) });
    const url = wandbBaseUrl(settings);
    assert.ok(url !== undefined);
    return [url.href, wandbAppUrl(settings, url).href];
  };
  assert.deepEqual(app("https://api.wandb.ai"), ["https://api.wandb.ai/", "https://wandb.ai/"]);
  assert.deepEqual(app("https://wandb.ai/"), ["https://api.wandb.ai/", "https://wandb.ai/"]);
  assert.deepEqual(app("https://api.corp.com"), ["https://api.corp.com/", "https://app.corp.com/"]);
  assert.deepEqual(app("https://w.corp:8443/w/"), [
    "https://w.corp:8443/w",
    "https://w.corp:8443/w",
  ]);
  assert.deepEqual(app("http://u:p@w.corp?a#b"), ["http://w.corp/", "http://w.corp/"]);
  assert.deepEqual(app("https://w.corp/graphql/"), ["https://w.corp/", "https://w.corp/"]);
  assert.equal(app("https://api.wandb.ai", "https://my.app/")[1], "https://my.app/");
  assert.equal(wandbDocsUrl(settingsOf({})), undefined);
  assert.equal(
    wandbDocsUrl(settingsOf({ WANDB_API_KEY: KEY }))?.href,
    "https://docs.wandb.ai/mcp",
  );
});

Deno.test("a key of any form counts, a placeholder does not; documentation search can be switched off", () => {
  for (const key of [KEY, `local-${KEY}`, "short", "a".repeat(90)]) {
    const names = backendOf({ WANDB_API_KEY: key }).tools.map(({ name }) => name);
    assert.ok(names.includes("list_entities_tool") && names.includes("search_wandb_docs_tool"));
  }
  const quiet = backendOf({ WANDB_API_KEY: KEY, WANDB_MCP_PROXY_DOCS: "false" });
  assert.ok(!quiet.tools.some(({ name }) => name === "search_wandb_docs_tool"));
  assert.match(quiet.absent ?? "", /WANDB_MCP_PROXY_DOCS/);
  assert.ok(!isWandbConfigured(settingsOf({ WANDB_API_KEY: "${WANDB_API_KEY}" })));
  assert.ok(isWandbConfigured(settingsOf({ WANDB_API_KEY: KEY })));
});

Deno.test("the key is a secret in every form that it is sent in", () => {
  const secrets = listSecrets(settingsOf({ WANDB_API_KEY: KEY }));
  assert.ok(secrets.includes(KEY) && secrets.includes(btoa(`api:${KEY}`)));
});

Deno.test("a netrc file gives the key of the API's host", () => {
  const files: Record<string, string> = {
    "/home/a/.netrc": `machine api.wandb.ai\n  login user\n  password ${KEY}\n`,
    "/etc/mine": `machine w.corp:8080 login user password "q\\"k"\n`,
  };
  const read = (path: string) => {
    const text = files[path];
    if (text === undefined) throw new Deno.errors.NotFound(path);
    return text;
  };
  const key = (env: Record<string, string>, home = "/home/a/") =>
    withNetrcKey(settingsOf(env), home, read).wandbApiKey;
  assert.equal(key({}), KEY);
  assert.equal(key({ WANDB_API_KEY: "other" }), "other");
  assert.equal(key({ WANDB_BASE_URL: "https://w.corp" }), undefined);
  assert.equal(key({ WANDB_BASE_URL: "http://w.corp:8080", NETRC: "/etc/mine" }), 'q"k');
  assert.equal(key({ WANDB_IDENTITY_TOKEN_FILE: "/run/jwt" }), undefined);
  assert.equal(key({}, "/nowhere"), undefined);
  assert.deepEqual(netrcFiles("~/n", "/home/a"), ["/home/a/n"]);
});

Deno.test("netrc: defaults, comments, macros and other machines give nothing", () => {
  const hosts = ["api.wandb.ai"];
  const none = [
    "default login a password p",
    "# machine api.wandb.ai password p",
    "macdef init\nmachine api.wandb.ai password p\n\n",
    "machine api.wandb.ai.evil.com password p",
    "machine api.wandb.ai login password",
    "machine other password p\ndefault password q",
    "",
  ];
  for (const text of none) assert.equal(netrcPassword(text, hosts), undefined, text);
  const some = [
    "machine other password q machine api.wandb.ai login user password p",
    "macdef init\nput x\n\nmachine api.wandb.ai\naccount x password p # note",
    "machine API.wandb.ai password 'p'\r\n",
  ];
  for (const text of some) assert.equal(netrcPassword(text, hosts), "p", text);
  assert.equal(netrcPassword("machine api.wandb.ai password #p", hosts), "#p");
});

Deno.test("netrc: any password that W&B's client writes is read back", () => {
  const word = fc.stringMatching(/^[A-Za-z0-9_-]{1,60}$/);
  fc.assert(
    fc.property(word, word, fc.boolean(), (other, password, quoted) => {
      const shown = quoted ? `'${password}'` : password;
      const text =
        `machine x${other}\n  login user\n  password ${other}\nmachine h.test\n  login user\n` +
        `  password ${shown}\n`;
      assert.equal(netrcPassword(text, ["h.test"]), password);
    }),
  );
});

Deno.test("netrc: no text makes the parser fail", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => {
    const found = netrcPassword(text, ["h"]);
    assert.ok(found === undefined || typeof found === "string");
  }));
});
