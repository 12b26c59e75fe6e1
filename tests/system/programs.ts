/**
 * The agent programs that tests drive, each pinned, installed from npm into an ignored folder of
 * its own. Node comes from npm as well, since some need a newer one than the machine may have.
 */
import { join } from "node:path";
import { progress } from "../support/python/command.ts";
import { ROOT } from "../support/python/layout.ts";
import { withLock } from "../support/python/lock.ts";

const PACKAGES = [
  "node@24.21.0",
  "@anthropic-ai/claude-code@2.1.332",
  "@openai/codex@0.171.0",
  "@google/gemini-cli@0.61.0",
  "opencode-ai@1.18.33",
  "@qwen-code/qwen-code@0.24.4",
  "@continuedev/cli@1.5.47",
  "@github/copilot@1.0.102",
  "cline@3.0.65",
];

/** Installs all of them, at the same time; answers the PATH that finds them. */
export async function installPrograms(): Promise<string> {
  return (await Promise.all(PACKAGES.map(install))).join(":");
}

async function install(pinned: string): Promise<string> {
  const dir = join(ROOT, ".cache", "programs", pinned.replaceAll(/[@/]+/g, "-"));
  const bin = join(dir, "node_modules", ".bin");
  // Written last: a folder without it is what an interrupted run left.
  const complete = join(dir, "complete");
  await withLock(dir, async () => {
    if (await Deno.stat(complete).then(() => true, () => false)) return;
    await Deno.remove(dir, { recursive: true }).catch(() => {});
    await Deno.mkdir(dir, { recursive: true });
    await Deno.writeTextFile(join(dir, "package.json"), "{}");
    const began = Date.now();
    const { code, stderr } = await new Deno.Command("npm", {
      args: ["install", "--no-audit", "--no-fund", "--loglevel=error", pinned],
      cwd: dir,
      stdin: "null",
    }).output();
    if (code !== 0) {
      throw new Error(`npm cannot install ${pinned}:\n${new TextDecoder().decode(stderr)}`);
    }
    await Deno.writeTextFile(complete, "");
    progress(`Installed ${pinned} in ${Math.round((Date.now() - began) / 1000)} s`);
  });
  return bin;
}
