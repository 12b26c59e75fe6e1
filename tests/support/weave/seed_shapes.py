"""Evaluations with scorers of all shapes, and a trace by OpenTelemetry: python seed_shapes.py ENTITY/PROJECT.

Prints a JSON manifest: for each evaluation its id and the summary that `evaluate()` returned; the trace
id of the OpenTelemetry trace.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
_answer = sys.stdout
sys.stdout = sys.stderr

from spans import trace_id, tracing  # noqa: E402
from weave_client import connect  # noqa: E402
import weave  # noqa: E402

ROWS = [{"n": n} for n in range(1, 6)]


class Retrieval(weave.Scorer):
    """Sums its scores up by a rule of its own."""

    @weave.op
    def score(self, output: dict) -> dict:
        return {"hit": output["n"] > 2, "found": output["n"]}

    @weave.op
    def summarize(self, score_rows: list) -> dict:
        return {"precision": 0.5, "recall": 0.6, "f1": 0.545}


@weave.op
def dotted(output: dict) -> dict:
    return {"a.b": 4.5, "a": {"b": 1}, "deep": {"p": output["n"] % 2 == 0, "len": output["n"]}}


@weave.op
def sometimes(output: dict) -> bool | None:
    """Has no opinion on most."""
    return True if output["n"] == 1 else None


@weave.op
def verdict(output: dict) -> str:
    return "even" if output["n"] % 2 == 0 else "odd"


@weave.op
def unsure(output: dict) -> dict | None:
    """Gives an object, or nothing."""
    return {"v": output["n"]} if output["n"] > 3 else None


@weave.op
def graded(output: dict) -> dict:
    return {"even": output["n"] % 2 == 0, "label": verdict(output)}


@weave.op
def usage(tokens: int) -> dict:
    return {
        "model": "gpt-4o-mini",
        "usage": {"prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens},
    }


@weave.op
def judge(output: dict) -> bool:
    usage(5000)
    return True


@weave.op
def prepare(example: dict) -> dict:
    time.sleep(0.3)
    return {"n": example["n"]}


class Counter(weave.Model):
    """Gives back what it was asked."""

    fail: bool = False

    @weave.op
    def predict(self, n: int) -> dict:
        if self.fail:
            raise ValueError(f"cannot count to {n}")
        usage(10)
        return {"n": n, "p": n % 2 == 0, "len": n}


class Shifted(weave.Model):
    """Is always one too high."""

    @weave.op
    def predict(self, n: int) -> dict:
        return {"n": n + 1}


class Renamed(weave.Model):
    """Its op's name says nothing of a model."""

    @weave.op(name="ask")
    def predict(self, n: int) -> dict:
        usage(10)
        return {"n": n}


class Picky(weave.Model):
    """Fails on the last row."""

    @weave.op
    def predict(self, n: int) -> dict:
        if n == 5:
            raise ValueError("five is too much")
        return {"n": n}


class Broken(weave.Scorer):
    """Cannot sum its scores up, so that nothing is recorded."""

    @weave.op
    def score(self, output: dict) -> dict:
        return {"ok": output["n"] > 2, "opinion": None if output["n"] == 1 else True}

    @weave.op
    def summarize(self, score_rows: list) -> dict:
        raise RuntimeError("no summary")


@weave.op
def late(output: dict) -> dict:
    """A text once in twelve."""
    return {"even": output["n"] % 2 == 0, **({"label": "rare"} if output["n"] == 7 else {})}


class Document(weave.Object):
    """Kept once; what mentions it holds a reference."""

    title: str


class Finder(weave.Model):
    """Answers with a document."""

    document: Document

    @weave.op
    def predict(self, n: int) -> dict:
        return {"n": n, "found": [self.document]}


def run(name: str, scorers: list, **options: Any) -> dict[str, Any]:
    model = options.pop("model", None) or Counter(name="counter", fail=options.pop("fail", False))
    rows = options.pop("rows", ROWS)
    evaluation = weave.Evaluation(name=name, dataset=rows, scorers=scorers, **options)
    summary, call = asyncio.run(evaluation.evaluate.call(evaluation, model))
    return {"id": call.id} if summary is None else {"id": call.id, "summary": summary}


def by_opentelemetry(project: str) -> str:
    with tracing(project) as span, span("Invoke Agent: 1st/try") as root:
        with span("chat gpt-4o-mini", "gpt-4o-mini", 100, 20):
            return trace_id(root)


def main() -> None:
    project = sys.argv[1]
    client = connect(project)
    for row in ROWS:
        # The SQLite server keeps a row once for all projects: rows of another are not found in this.
        row["project"] = project
    document = Document(name="document", title="Alps")
    weave.publish(document)
    manifest: dict[str, Any] = {
        "custom": run("custom", [Retrieval(name="retrieval")]),
        "dotted": run("dotted", [dotted]),
        "none": run("none", [sometimes]),
        "text": run("text", [verdict]),
        "shifted": run("shifted", [verdict, unsure], model=Shifted(name="shifted")),
        "mixed": run("mixed", [graded]),
        "finder": run("finder", [judge], model=Finder(name="finder", document=document)),
        "judged": run("judged", [judge]),
        "renamed": run(
            "renamed", [judge], preprocess_model_input=prepare, model=Renamed(name="renamed")
        ),
        "broken": run("broken", [Broken(name="broken"), sometimes], model=Picky(name="picky")),
        "late": run(
            "late", [late], rows=[{"n": n, "project": f"late {project}"} for n in range(1, 13)]
        ),
        "prepared": run("prepared", [judge], preprocess_model_input=prepare),
        "failed": run("failed", [judge, sometimes], fail=True),
    }
    logger = weave.EvaluationLogger(name="by-hand", model="m", dataset="d")
    logger.log_summary({"bleu": 31.5, "nested": {"rouge": 0.4}})
    manifest["logged"] = {"id": logger._evaluate_call.id}
    client.flush()
    trace = by_opentelemetry(project)
    print(json.dumps({"evaluations": manifest, "trace": trace}), file=_answer, flush=True)


if __name__ == "__main__":
    main()
