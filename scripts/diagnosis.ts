/**
 * Writes how often the diagnosis is right into docs/DIAGNOSIS.md. It takes some seconds, so it is
 * not part of `deno task docs`; a unit test compares the page.
 *
 *   deno run -A --no-prompt scripts/diagnosis.ts           write
 *   deno run -A --no-prompt scripts/diagnosis.ts --check   fail when the page is out of date
 */
import { markdownTable } from "../src/text/table.ts";
import { type DiagnosisScore, scoreDiagnosis } from "../tests/analysis/score.ts";
import { fill, formatted } from "./docs.ts";

/** Most points of a metric that `diagnose_run_tool` looks at. */
export const SAMPLES = 1000;

const PAGE = new URL("../docs/DIAGNOSIS.md", import.meta.url);

/** The page with these scores filled in. */
export async function diagnosisPage(
  page: string,
  exact: DiagnosisScore,
  sampled: DiagnosisScore,
): Promise<string> {
  const rows = [...exact.checks].map(([check, { present, precision, recall, wrong }]) => {
    const other = sampled.checks.get(check);
    return [
      ...[`\`${check}\``, String(present)],
      ...[share(precision), share(recall), String(wrong)],
      ...[share(other?.precision), share(other?.recall), String(other?.wrong ?? "")],
    ];
  });
  const headings = [
    ...["check", "runs that have it"],
    ...["precision", "recall", "false alarms"],
    ...["precision, sampled", "recall, sampled", "false alarms, sampled"],
  ];
  const summary = (score: DiagnosisScore) =>
    `the word is right for ${(100 * score.verdicts).toFixed(1)} % of the runs, and the beginning ` +
    `of a plateau is off by ${(100 * score.plateau_error).toFixed(1)} % of the run's length ` +
    "(median)";
  const text = `${exact.runs} runs. With all points, ${summary(exact)}; with at most ${SAMPLES} ` +
    `points of each metric ("sampled"), ${summary(sampled)}.\n\n${markdownTable(headings, rows)}`;
  return await formatted(fill(page, { accuracy: text }));
}

function share(value: number | undefined): string {
  return value === undefined ? "" : value.toFixed(3);
}

if (import.meta.main) {
  const page = await Deno.readTextFile(PAGE);
  const text = await diagnosisPage(
    page,
    scoreDiagnosis(),
    scoreDiagnosis(undefined, undefined, SAMPLES),
  );
  const say = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
  if (text === page) say("docs/DIAGNOSIS.md is up to date.");
  else if (Deno.args.includes("--check")) {
    say("docs/DIAGNOSIS.md is out of date (run scripts/diagnosis.ts).");
    Deno.exit(1);
  } else {
    await Deno.writeTextFile(PAGE, text);
    say("docs/DIAGNOSIS.md is written.");
  }
}
