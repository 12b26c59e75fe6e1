import assert from "node:assert/strict";
import fc from "fast-check";
import {
  computeAccess,
  extractHost,
  isLoopback,
  permissionEntry,
} from "../../src/config/access.ts";
import { credentialsFile } from "../../src/config/mlflow.ts";
import { listSecrets } from "../../src/config/config.ts";
import { resolveSettings, settingKeys } from "../../src/config/resolve.ts";
import type { Setting } from "../../src/config/setting.ts";
import { SETTINGS, type Settings } from "../../src/config/settings.ts";

function settings(env: Record<string, string>): Settings {
  const resolved = resolveSettings(new Map(), (name) => env[name]);
  assert.deepEqual(resolved.errors, []);
  return resolved.settings;
}

/** Whether the runtime makes a worker with these hosts; a bad one would crash the launcher. */
function workerTakes(net: readonly string[]): boolean {
  try {
    new Worker("data:text/javascript,self.close()", {
      type: "module",
      deno: { permissions: { net: [...net] } },
    }).terminate();
    return true;
  } catch {
    return false;
  }
}

/** What may be touched where nothing is configured. */
const NOTHING = { net: [], read: [], why: {}, errors: [] };

Deno.test("without configuration nothing is reachable, and credentials alone add nothing", () => {
  assert.deepEqual(computeAccess(settings({}), "/home/u", false), NOTHING);
  const env = { MLFLOW_TRACKING_TOKEN: "token-1", MLFLOW_TRACKING_USERNAME: "u" };
  assert.deepEqual(computeAccess(settings(env), "/home/u", false), NOTHING);
});

Deno.test("a tracking URI admits exactly its host and port", () => {
  const cases = {
    "http://localhost:5000": "localhost:5000",
    "https://mlflow.example.com/prefix": "mlflow.example.com:443",
    "http://mlflow.example.com": "mlflow.example.com:80",
    "HTTPS://EXAMPLE.com:8443/": "example.com:8443",
    "http://[::1]:5000/": "[::1]:5000",
    "http://0x7f000001/": "127.0.0.1:80",
    "http://user:pass@h.example/": "h.example:80",
    "http://münchen.example/": "xn--mnchen-3ya.example:80",
  };
  for (const [uri, host] of Object.entries(cases)) {
    const { net, errors } = computeAccess(settings({ MLFLOW_TRACKING_URI: uri }), undefined, false);
    assert.deepEqual([net, errors], [[host], []], uri);
    assert.ok(workerTakes(net), uri);
  }
});

Deno.test("a hostile or unsupported URI admits nothing", () => {
  for (
    const uri of [
      "file:///etc/passwd",
      "sqlite:///mlflow.db",
      "databricks",
      "localhost:5000",
      "javascript:alert(1)",
      "ftp://host/",
      "http://",
      "http://a b/",
      "http://host:99999/",
      "*",
      "http://*:80",
      "http://h*st/",
      "http://a..b/",
      "http://a,b/",
    ]
  ) {
    const { net, read, errors } = computeAccess(
      settings({ MLFLOW_TRACKING_URI: uri }),
      "/home/u",
      false,
    );
    const admitted = errors.length === 0 ? net : [];
    assert.deepEqual(admitted, [], uri);
    if (net.length === 0) assert.deepEqual(read, [], uri);
  }
});

Deno.test("cloud metadata addresses are refused whatever the configuration says", () => {
  for (const uri of ["http://169.254.169.254/", "http://0xa9fea9fe/", "http://169.254.1.1:8080"]) {
    const { errors } = computeAccess(settings({ MLFLOW_TRACKING_URI: uri }), undefined, false);
    assert.match(errors.join(), /169\.254\.0\.0\/16/, uri);
  }
  const listed = computeAccess(settings({ WANDFLOW_ALLOW_HOSTS: "169.254.169.254:80" }), "", false);
  assert.equal(listed.errors.length, 1);
});

Deno.test("entries of --allow-hosts become permissions that the runtime takes", () => {
  const entries = {
    "storage.example.com": "storage.example.com",
    "storage.example.com:9000": "storage.example.com:9000",
    "*.example.com": "*.example.com",
    "*.example.com:443": "*.example.com:443",
    "https://bucket.example.com/path?x=1": "bucket.example.com:443",
    "10.0.0.1:80": "10.0.0.1:80",
    "[::1]:9000": "[::1]:9000",
    "[2001:db8::1]": "[2001:db8::1]",
  };
  for (const [entry, host] of Object.entries(entries)) {
    assert.equal(permissionEntry(entry), host, entry);
    assert.ok(workerTakes([host]), entry);
  }
  for (
    const entry of [
      "*",
      "*:80",
      "http://",
      "a b",
      "host:port",
      "host:99999",
      "host/path",
      "..",
      ".example.com",
      "-x",
      "a..b",
      "::1",
      "[:::::]:1",
      "[:::]",
      "*.[::1]",
      "*.*.example.com",
      "münchen.example",
      "ftp://host",
      "host,other",
      "",
    ]
  ) {
    assert.equal(permissionEntry(entry), undefined, entry);
  }
  const { errors } = computeAccess(
    settings({ WANDFLOW_ALLOW_HOSTS: "a..b,good.example" }),
    "",
    false,
  );
  assert.match(errors.join(), /"a\.\.b" is not a host/);
});

Deno.test("any configuration gives permissions that the worker can start with, or an error", () => {
  const word = fc.oneof(
    fc.string({ maxLength: 12 }),
    fc.webUrl(),
    fc.ipV4(),
    fc.ipV6().map((ip) => `[${ip}]:80`),
    fc.domain(),
  );
  fc.assert(
    fc.property(word, word, word, (uri, allowed, host) => {
      const resolved = resolveSettings(
        new Map(),
        (name) =>
          ({ MLFLOW_TRACKING_URI: uri, WANDFLOW_ALLOW_HOSTS: allowed, WANDFLOW_HOST: host })[
            name
          ],
      );
      const { net, errors } = computeAccess(resolved.settings, "/home/u", true);
      assert.ok(errors.length > 0 || workerTakes(net), JSON.stringify({ net }));
    }),
    { numRuns: 60 },
  );
});

Deno.test("the listening address is allowed only if the server listens", () => {
  const http = settings({ WANDFLOW_PORT: "9000" });
  assert.deepEqual(computeAccess(http, undefined, true).net, ["127.0.0.1:9000"]);
  assert.deepEqual(computeAccess(http, undefined, false).net, []);
  const v6 = settings({ WANDFLOW_HOST: "::1" });
  assert.deepEqual(computeAccess(v6, undefined, true).net, ["[::1]:8080"]);
});

Deno.test("the credentials file is read only when nothing else gives credentials", () => {
  const uri = "http://localhost:5000";
  const file = (env: Record<string, string>, home: string | undefined = "/home/u/") =>
    credentialsFile(settings({ MLFLOW_TRACKING_URI: uri, ...env }), home);
  assert.equal(file({}), "/home/u/.mlflow/credentials");
  assert.equal(file({ MLFLOW_TRACKING_USERNAME: "u" }), "/home/u/.mlflow/credentials");
  assert.equal(file({ MLFLOW_TRACKING_USERNAME: "u", MLFLOW_TRACKING_PASSWORD: "p" }), undefined);
  assert.equal(file({ MLFLOW_TRACKING_TOKEN: "t" }), undefined);
  assert.equal(file({ MLFLOW_TRACKING_URI: "http://u:p@localhost:5000" }), undefined);
  assert.equal(file({}, ""), undefined);
  assert.equal(credentialsFile(settings({ MLFLOW_TRACKING_URI: uri }), undefined), undefined);
  const certificate = { MLFLOW_TRACKING_SERVER_CERT_PATH: "/etc/ca.pem" };
  assert.deepEqual(computeAccess(settings(certificate), "/home/u", false).read, ["/etc/ca.pem"]);
});

Deno.test("a mistyped address is refused without repeating its password", () => {
  const key = { WANDB_API_KEY: "0".repeat(40) };
  const slips: Record<string, string>[] = [
    { ...key, WANDB_BASE_URL: "ftp://user:pass-canary@wandb.example" },
    { ...key, WANDB_BASE_URL: "https//user:pass-canary@wandb.example" },
    { ...key, WANDBOT_BASE_URL: "user:pass/canary-canary@docs.example" },
    { ...key, WF_TRACE_SERVER_URL: "htps://user:p@ss-canary@trace.example/x" },
    { ...key, WANDB_PUBLIC_BASE_URL: "//user:pass-canary@wandb.example" },
    { WANDFLOW_ALLOW_HOSTS: "ftp://user:pass-canary@host.example" },
    { WANDFLOW_ALLOW_HOSTS: "user:pass-canary@host.example:443" },
  ];
  for (const env of slips) {
    const { errors } = computeAccess(settings(env), undefined, false);
    assert.equal(errors.length, 1, JSON.stringify(env));
    assert.match(errors[0] ?? "", /\*\*\*@[a-z]+\.example/);
    assert.doesNotMatch(errors[0] ?? "", /canary|user/);
  }
});

Deno.test("loopback is recognised, lookalikes are not", () => {
  for (const host of ["localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]"]) {
    assert.equal(isLoopback(host), true, host);
  }
  for (
    const host of [
      "0.0.0.0",
      "::",
      "127.0.0.1.example.com",
      "localhost.example",
      "10.0.0.1",
      "127",
      "127.999.1.1",
      "127.0.0.256",
      "127.0.0.01",
    ]
  ) {
    assert.equal(isLoopback(host), false, host);
  }
});

Deno.test("a URL's host comes with its port, whatever the port's spelling", () => {
  fc.assert(fc.property(fc.webUrl({ validSchemes: ["http", "https"] }), (url) => {
    const host = extractHost(url);
    assert.match(host ?? "", /:\d+$/);
    assert.equal(extractHost(`http://${host}`), host);
  }));
});

Deno.test("secrets to be hidden include those in URLs and their HTTP Basic forms", () => {
  const basic = (text: string) => btoa(text);
  const found = listSecrets(settings({
    MLFLOW_TRACKING_URI: "http://user:pa%24s-canary@localhost:5000",
    MLFLOW_TRACKING_USERNAME: "alice",
    MLFLOW_TRACKING_PASSWORD: "password-canary",
    MLFLOW_TRACKING_TOKEN: "token-canary",
  }));
  for (
    const secret of [
      "password-canary",
      "token-canary",
      "pa$s-canary",
      "pa%24s-canary",
      basic("alice:password-canary"),
      basic("user:pa$s-canary"),
    ]
  ) {
    assert.ok(found.includes(secret), secret);
  }
  assert.ok(!found.includes("alice"));
  const inQuery = listSecrets(
    settings({ MLFLOW_TRACKING_URI: "https://h/?token=t1-canary&tenant=ops" }),
  );
  assert.deepEqual(inQuery, ["t1-canary"]);
  assert.ok(listSecrets(settings({ MLFLOW_TRACKING_URI: "http://u:100%25x%@h" })).length > 0);
  const elsewhere = listSecrets(settings({ WANDFLOW_ALLOW_HOSTS: "a.example,https://u:p4ss@b" }));
  assert.ok(elsewhere.includes("p4ss") && elsewhere.includes(basic("u:p4ss")));
});

Deno.test("every secret setting is hidden, also as HTTP Basic carries it", () => {
  for (const key of settingKeys()) {
    const setting: Setting = SETTINGS[key];
    if (setting.secret !== true) continue;
    const found = listSecrets({ ...settings({}), trackingUsername: "alice", [key]: "canary" });
    assert.ok(found.includes("canary"), key);
    if (setting.basicUser === undefined) continue;
    const user = setting.basicUser === "trackingUsername" ? "alice" : setting.basicUser;
    assert.ok(found.includes(btoa(`${user}:canary`)), key);
  }
});
