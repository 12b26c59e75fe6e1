"""Real `weave.Evaluation` runs: two models on one dataset, a named one, a nested one, an unfinished one."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import weave

ROWS = [
    {"question": "2 + 2", "expected": "4", "level": 1},
    {"question": "capital of France", "expected": "Paris", "level": 1},
    {"question": "größte Stadt der Schweiz", "expected": "Zürich", "level": 2},
    {"question": "7 * 6", "expected": "42", "level": 2},
    {"question": "unknown", "expected": "n/a", "level": 3},
    {"question": "9 - 5", "expected": "4", "level": 3},
]


class Answerer(weave.Model):
    """Answers from a table; fails where the table says so."""

    answers: dict[str, str]
    failing: list[str] = []
    tokens: int = 10

    @weave.op
    def predict(self, question: str) -> dict:
        if question in self.failing:
            raise RuntimeError(f"model failed on {question}")
        # A value taken from a saved object would be written as a reference to it.
        answer = complete("".join(self.answers.get(question, "")), self.tokens)
        return {"text": answer["text"], "confidence": len(answer["text"]) / 10}


@weave.op(name="llm.complete")
def complete(text: str, tokens: int) -> dict:
    usage = {"input_tokens": tokens, "output_tokens": 5, "total_tokens": tokens + 5}
    return {"model": "model-small", "text": text, "usage": usage}


@weave.op
def exact(expected: str, output: dict) -> bool:
    return output["text"] == expected


@weave.op
def graded(expected: str, output: dict) -> dict:
    overlap = len(set(expected) & set(output["text"])) / max(1, len(set(expected)))
    return {"overlap": overlap, "detail": {"nonempty": output["text"] != "", "length": len(output["text"])}}


class Polite(weave.Scorer):
    """A scorer class, beside the scorer functions."""

    word: str

    @weave.op
    def score(self, output: dict) -> dict:
        return {"polite": self.word in output["text"]}


GOOD = {row["question"]: row["expected"] for row in ROWS}
WEAK = {**GOOD, "2 + 2": "5", "7 * 6": "36", "capital of France": "Pariss"}


def _latest(client: Any) -> Any:
    client.flush()
    op = f"weave:///{client.entity}/{client.project}/op/Evaluation.evaluate:*"
    newest = [weave.trace_server.common_interface.SortBy(field="started_at", direction="desc")]
    return next(iter(client.get_calls(filter={"op_names": [op]}, sort_by=newest, limit=1)))


def _run(client: Any, evaluation: Any, model: Any) -> dict[str, Any]:
    summary = asyncio.run(evaluation.evaluate(model))
    call = _latest(client)
    return {"id": call.id, "trace_id": call.trace_id, "summary": summary, "model": model.name}


@weave.op(name="nightly.job")
def nightly(night: int) -> dict:
    evaluation = weave.Evaluation(name="nightly-check", dataset=ROWS[:2], scorers=[exact])
    return asyncio.run(evaluation.evaluate(Answerer(name="nightly-model", answers=GOOD)))


def seed(client: Any) -> dict[str, Any]:
    """Runs the evaluations; returns their ids and what the models and rows make true."""
    dataset = weave.Dataset(name="facts", rows=ROWS)
    scorers = [exact, graded, Polite(name="polite", word="P")]
    evaluation = weave.Evaluation(name="facts-evaluation", dataset=dataset, scorers=scorers)
    good = _run(client, evaluation, Answerer(name="good-model", answers=GOOD, failing=["unknown"]))
    weak = _run(
        client,
        evaluation,
        Answerer(name="weak-model", answers=WEAK, failing=["unknown", "9 - 5"], tokens=30),
    )
    named = weave.Evaluation(
        name="named-evaluation",
        dataset=weave.Dataset(name="few", rows=ROWS[:3]),
        scorers=[exact],
        trials=2,
        evaluation_name="Release candidate № 7",
    )
    release = _run(client, named, Answerer(name="release-model", answers=GOOD))
    nightly(1)
    nested = _latest(client)
    return {
        "good": {**good, "rows": 6, "failed": 1, "exact_true": 5},
        "weak": {**weak, "rows": 6, "failed": 2, "exact_true": 1},
        "release": {**release, "rows": 3, "trials": 6, "failed": 0, "exact_true": 6,
                    "display_name": "Release candidate № 7"},
        "nested": {"id": nested.id, "trace_id": nested.trace_id, "rows": 2, "exact_true": 2},
    }


def leave_unfinished(client: Any, manifest: dict[str, Any]) -> None:
    """Starts an evaluation whose third prediction never returns."""
    blocked = threading.Event()

    class Blocking(weave.Model):
        @weave.op
        def predict(self, question: str) -> dict:
            if question == ROWS[2]["question"]:
                blocked.set()
                threading.Event().wait()
            return {"text": GOOD[question]}

    evaluation = weave.Evaluation(name="slow-evaluation", dataset=ROWS[:4], scorers=[exact])
    model = Blocking(name="blocking-model")
    thread = threading.Thread(target=lambda: asyncio.run(evaluation.evaluate(model)), daemon=True)
    thread.start()
    if not blocked.wait(60):
        raise RuntimeError("the unfinished evaluation did not reach its third row")
    call = _latest(client)
    manifest["unfinished"] = {"id": call.id, "trace_id": call.trace_id, "rows": 4, "predicted": 2}
