import assert from "node:assert/strict";
import { COMMAND_OPTIONS, COMMANDS, parseCommandLine } from "../../src/config/arguments.ts";
import { defaultText, flagName, helpText } from "../../src/config/help.ts";
import type { Setting } from "../../src/config/setting.ts";
import { SETTINGS } from "../../src/config/settings.ts";

const refusal = async (...args: string[]) => {
  let message = "";
  await assert.rejects(parseCommandLine(args), (error: Error) => {
    message = error.message;
    return error.name === "UsageError";
  });
  return message;
};

Deno.test("the default command is stdio, and flags need no command", async () => {
  const line = await parseCommandLine(["--tracking-uri", "http://x", "--read-only"]);
  assert.equal(line.command, "stdio");
  assert.deepEqual([...line.flags], [["tracking-uri", "http://x"], ["read-only", true]]);
  assert.equal((await parseCommandLine([])).command, "stdio");
});

Deno.test("flags, the command's options and words are kept apart", async () => {
  const line = await parseCommandLine([
    "call",
    "get_trace",
    "trace_id=tr-1",
    "--args={}",
    "--json",
    "--no-read-only",
    "n=-5",
    "--",
    "--odd=1",
  ]);
  assert.equal(line.command, "call");
  assert.deepEqual(line.words, ["get_trace", "trace_id=tr-1", "n=-5", "--odd=1"]);
  assert.deepEqual(line.options, { args: "{}", json: true });
  assert.deepEqual([...line.flags], [["read-only", false]]);
});

Deno.test("an unknown flag or command is refused with the nearest valid one", async () => {
  assert.match(
    await refusal("--tracking-url", "x"),
    /Unknown flag --tracking-url; did you mean --tracking-uri/,
  );
  assert.match(await refusal("srve"), /Unknown command "srve"; did you mean "serve"\?/);
  assert.match(await refusal("xyzzyplugh"), /Commands: stdio, serve, tools, call/);
  assert.match(
    await refusal("--qqqqqqqqqqqq"),
    /Unknown flag --qqqqqqqqqqqq\. See wandflow --help/,
  );
  assert.match(await refusal("tools", "extra"), /Unexpected argument "extra"/);
  assert.match(await refusal("serve", "--port"), /--port/);
  assert.match(await refusal("stdio", "--args", "{}"), /Unknown flag --args/);
  assert.match(await refusal("toString"), /Unknown command "toString"/);
});

Deno.test("an ambiguous command line is refused with what to type", async () => {
  assert.match(await refusal("--log-level", "DEBUG", "tools"), /comes first: wandflow tools, then/);
  for (const words of [[], ["stdio"]]) {
    assert.match(
      await refusal(...words, "--transport", "HTTP"),
      /wandflow serve --transport http\./,
    );
  }
  assert.equal((await parseCommandLine(["stdio", "--transport", "stdio"])).command, "stdio");
  assert.equal((await parseCommandLine(["serve", "--transport", "http"])).command, "serve");
  const valued = await refusal("tools", "--read-only=false");
  assert.equal(valued, "--read-only takes no value; --no-read-only switches it off.");
  assert.match(await refusal("tools", "--json=1"), /^--json takes no value/);
});

Deno.test("a refusal never repeats the value of a flag", async () => {
  assert.doesNotMatch(await refusal("--tracking-token=canary-value"), /canary-value/);
  assert.doesNotMatch(await refusal("--tracking-password", "canary-value"), /canary-value/);
});

Deno.test("help and version work with every command", async () => {
  for (const command of ["", ...Object.keys(COMMANDS)]) {
    const words = command === "" ? [] : [command];
    for (const flag of ["--help", "-h"]) {
      assert.equal((await parseCommandLine([...words, flag])).help, true, `${command} ${flag}`);
    }
    for (const flag of ["--version", "-V"]) {
      assert.equal((await parseCommandLine([...words, flag])).version, true, `${command} ${flag}`);
    }
  }
});

Deno.test("the help lists every setting with its flag, variables and default", () => {
  const text = helpText(undefined);
  for (const setting of Object.values<Setting>(SETTINGS)) {
    for (const name of setting.env) assert.match(text, new RegExp(`\\b${name}\\b`), name);
    if (setting.flag !== undefined) {
      const flag = flagName(setting);
      assert.match(text, new RegExp(`^  --${flag}[, ]`, "m"), flag);
      assert.equal(flag.startsWith("no-"), setting.default === true, flag);
    }
    assert.ok(text.includes(setting.help), setting.help);
    assert.ok(text.includes(`${setting.help}${defaultText(setting)}`));
  }
  for (const [name, what] of Object.entries(COMMANDS)) {
    assert.ok(text.includes(what));
    assert.ok(isCommand(name) && helpText(name).startsWith(what));
  }
  assert.match(text, /Default: 8080\./);
  assert.match(text, /^ {2}--log-level DEBUG\|INFO\|WARNING\|/m);
  assert.match(text, /^ {2}--log-format human\|json, /m);
});

Deno.test("a command's help lists its options", () => {
  for (const [name, options] of Object.entries(COMMAND_OPTIONS)) {
    if (!isCommand(name)) throw new Error(`${name} has options but is no command`);
    const text = helpText(name);
    for (const [option, { help }] of Object.entries<{ help: string }>(options)) {
      assert.ok(text.includes(`--${option}`) && text.includes(help), `${name} --${option}`);
    }
  }
});

function isCommand(name: string): name is keyof typeof COMMANDS {
  return Object.hasOwn(COMMANDS, name);
}
