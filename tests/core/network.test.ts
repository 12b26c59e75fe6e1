import assert from "node:assert/strict";

import { findProxy, keepProxies, readProxies } from "../../src/core/network.ts";

Deno.test("proxies are read as the runtime reads them, without their credentials", () => {
  const env: Record<string, string> = {
    HTTP_PROXY: "proxy.corp:3128",
    https_proxy: "http://user:canary@secure.corp:8080/",
    NO_PROXY: " internal.corp, .lab ,127.0.0.1,",
  };
  const found = readProxies((name) => env[name]);
  assert.deepEqual(found, {
    http: "proxy.corp:3128",
    https: "secure.corp:8080",
    except: ["internal.corp", "lab", "127.0.0.1"],
  });
  assert.deepEqual(readProxies(() => undefined), { except: [] });
  keepProxies(found);
  const named = (url: string) => findProxy(new URL(url));
  assert.equal(named("http://example.com"), "proxy.corp:3128 (HTTP_PROXY)");
  assert.equal(named("https://example.com:8443"), "secure.corp:8080 (HTTPS_PROXY)");
  for (const host of ["internal.corp", "a.internal.corp", "x.lab", "127.0.0.1"]) {
    assert.equal(named(`http://${host}/`), undefined);
  }
  assert.notEqual(named("http://notinternal.corp"), undefined);
  keepProxies({ except: [] });
  assert.equal(named("http://example.com"), undefined);
});
