/**
 * Builds the chart's page: one minified HTML file with its styles and script, which loads nothing
 * else. `deno task docs` writes it, since the server also runs from source.
 */
import styles from "uplot/dist/uPlot.min.css" with { type: "text" };

const folder = new URL("../src/pictures/app/", import.meta.url);

/** The page, as it is served. */
export async function buildApp(): Promise<string> {
  const file = await Deno.makeTempFile({ suffix: ".js" });
  try {
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["bundle", "--quiet", "--platform", "browser", "--minify", "--output", file],
        decodeURIComponent(new URL("main.ts", folder).pathname),
      ],
      cwd: new URL("../", import.meta.url),
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    const script = (await Deno.readTextFile(file)).replaceAll("</script", "<\\/script");
    const page = await Deno.readTextFile(new URL("page.html", folder));
    return page.replace("/* UPLOT */", () => styles.trim())
      .replace(/<script.*?<\/script>/s, () => `<script type="module">${script.trim()}</script>`);
  } finally {
    await Deno.remove(file);
  }
}
