/**
 * Writes how often the diagnosis is right into docs/DIAGNOSIS.md. It takes some seconds, so it is
 * not part of `deno task docs`; a unit test compares the page.
 *
 *   deno run -A --no-prompt scripts/diagnosis.ts           write
 *   deno run -A --no-prompt scripts/diagnosis.ts --check   fail when the page is out of date
 */
import { markdownTable } from "../src/core/table.ts";
import { type DiagnosisScore, type Sampling, scoreDiagnosis } from "../tests/analysis/score.ts";
import { fill, formatted } from "./docs.ts";
import { say } from "./say.ts";

/** What `diagnose_run_tool` reads at most. */
const READ: Sampling = { loss: 10_000, others: 1000 };
/** A tenth of that, of runs that are longer: what a run of up to ten times as many rows is like. */
const SPARSE: Sampling = { loss: 1000, others: 1000, longerThan: 1000 };

/** The scores of the page: with all points, with what the tool reads, and with a part of it. */
export interface Scores {
  /** With all points. */
  readonly exact: DiagnosisScore;
  /** With what the tool reads. */
  readonly sampled: DiagnosisScore;
  /** With a part of it, of long runs. */
  readonly sparse: DiagnosisScore;
}

/** Measures. */
export function measure(): Scores {
  return {
    exact: scoreDiagnosis(),
    sampled: scoreDiagnosis(undefined, undefined, READ),
    sparse: scoreDiagnosis(undefined, undefined, SPARSE),
  };
}

const PAGE = new URL("../docs/DIAGNOSIS.md", import.meta.url);

/** The page with these scores filled in. */
export async function diagnosisPage(
  page: string,
  { exact, sampled, sparse }: Scores,
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
  const spikes = sparse.checks.get("spikes");
  const lost = sparse.checks.get("non_finite");
  const text =
    `${exact.runs} runs. With all points, ${summary(exact)}; with at most ${READ.loss} ` +
    `points of the training loss and ${READ.others} of any other metric ("sampled"), ` +
    `${summary(sampled)}.\n\n${markdownTable(headings, rows)}\n\n` +
    `Most of these runs have fewer rows than the ${READ.loss} of the loss that are read. For ` +
    `longer ones, with ${SPARSE.loss} points of every metric of the ${sparse.runs} runs that ` +
    `have 5,000 or 100,000 rows, the recall of \`spikes\` is ${share(spikes?.recall)} at a ` +
    `precision of ${share(spikes?.precision)}, that of \`non_finite\` ${
      share(lost?.recall)
    }, and ` +
    `the word is right for ${
      (100 * sparse.verdicts).toFixed(1)
    } %. Expect that where a fifth of a ` +
    "loss's rows is read.";
  return await formatted(fill(page, { accuracy: text }));
}

function share(value: number | undefined): string {
  return value === undefined ? "" : value.toFixed(3);
}

if (import.meta.main) {
  const page = await Deno.readTextFile(PAGE);
  const text = await diagnosisPage(page, measure());
  if (text === page) say("docs/DIAGNOSIS.md is up to date.");
  else if (Deno.args.includes("--check")) {
    say("docs/DIAGNOSIS.md is out of date (run scripts/diagnosis.ts).");
    Deno.exit(1);
  } else {
    await Deno.writeTextFile(PAGE, text);
    say("docs/DIAGNOSIS.md is written.");
  }
}
