#!/usr/bin/env node
// Starts wandflow in Deno, with the permissions that wandflow declares.
"use strict";

const { spawn } = require("node:child_process");
const { constants } = require("node:os");
const path = require("node:path");
const { flags, runtimeVariables } = require("./launch.json");

/** The Deno binary, found without its install script. */
function findDeno() {
  const libc = process.platform === "linux" ? "-glibc" : "";
  const name = `@deno/${process.platform}-${process.arch}${libc}`;
  try {
    const beside = path.dirname(require.resolve("deno/package.json"));
    const folder = path.dirname(require.resolve(`${name}/package.json`, { paths: [beside] }));
    return path.join(folder, process.platform === "win32" ? "deno.exe" : "deno");
  } catch {
    return fail(
      `its runtime, the package ${name}, is not installed. Install wandflow again without ` +
        "--omit=optional; if no such package exists, Deno does not run on this machine.",
    );
  }
}

/** The environment without the runtime's own variables, some of which bypass the permissions. */
function environment() {
  const kept = Object.entries(process.env).filter(([name]) =>
    !/^(DENO|OTEL)_/i.test(name) || runtimeVariables.includes(name.toUpperCase())
  );
  // Keeps the runtime from checking for updates.
  // Otherwise glibc keeps the memory of workers that have ended.
  const memory = { MALLOC_TRIM_THRESHOLD_: "131072" };
  return { ...memory, ...Object.fromEntries(kept), DENO_NO_UPDATE_CHECK: "1" };
}

function fail(message) {
  process.stderr.write(`wandflow: ${message}\n`);
  process.exit(1);
}

const main = path.join(__dirname, "bundle", "main.js");
const child = spawn(findDeno(), [...flags, main, ...process.argv.slice(2)], {
  stdio: "inherit",
  env: environment(),
});
child.on("error", (error) => {
  const musl = process.platform === "linux" && error.code === "ENOENT";
  fail(musl ? "Deno needs glibc, which this Linux does not have." : error.message);
});
// A terminal sends SIGINT to both: the child ends, and then this process does.
process.on("SIGINT", () => {});
for (const name of ["SIGTERM", "SIGHUP"]) process.on(name, () => child.kill(name));
child.on("exit", (code, signal) => {
  process.exit(code ?? 128 + (constants.signals[signal] ?? 0));
});
