"""Makes examples/mlflow.db: a week of traces of an imaginary support assistant, written by MLflow.

Everything in it is made up. What MLflow notes about the machine and its user is taken out again.

Usage, with MLflow 3.17 or newer: python examples/make.py
"""

import os
import random
import sqlite3
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = HERE / "mlflow.db"
sys.path.insert(0, str(HERE.parent / "tests" / "support" / "mlflow"))

work = tempfile.TemporaryDirectory()
os.chdir(work.name)
os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{work.name}/store.db"
os.environ["LOGNAME"] = os.environ["USER"] = "demo"

from build import make_trace  # first: it sets how the client behaves

import mlflow
from mlflow import MlflowClient
from mlflow.entities import AssessmentSource

random.seed(20260302)
MONDAY = int(datetime(2026, 3, 2, 8, tzinfo=timezone.utc).timestamp() * 1000)
MINUTE = 60_000
DAY = 24 * 60 * MINUTE

QUESTIONS = [
    ("Where is my parcel?", "It left the warehouse on Monday and arrives tomorrow.", "order"),
    ("Can I return opened headphones?", "Yes, within 30 days of delivery.", "policy"),
    ("How do I change my delivery address?", "Under Orders, choose Change address.", "policy"),
    ("I was charged twice.", "The second charge was a reservation and has been released.", "billing"),
    ("Which charger fits the T3 lamp?", "The 12 V adapter, part 4410.", "product"),
    ("Cancel my order, please.", "Order 5081 has been cancelled.", "order"),
    ("Do you ship to Norway?", "Yes, delivery takes five to seven days.", "policy"),
    ("My voucher does not work.", "It is valid for orders above 40 euros.", "billing"),
]
# Trace number to what goes wrong.
FAILURES = {
    7: ("look_up_order", "order service did not answer within 30 s"),
    21: ("look_up_order", "order service did not answer within 30 s"),
    19: ("generate_answer", "rate limit of the model provider reached, retry after 20 s"),
    28: ("search_manuals", "index manuals-2026-02 does not exist"),
}
SLOW = {12: ("generate_answer", 9_400), 22: ("search_manuals", 6_800), 32: ("look_up_order", 12_700)}


def tokens(question, answer):
    used = 180 + 6 * len(question), 20 + len(answer) // 3
    return {"input_tokens": used[0], "output_tokens": used[1], "total_tokens": sum(used)}


def described(number, question, answer, topic):
    """The root span of one trace: plan, look something up, answer."""
    failed_in, error = FAILURES.get(number, (None, None))
    slow_in, extra = SLOW.get(number, (None, 0))
    spans, at = [], 10

    def span(name, took, **more):
        nonlocal at
        took += extra if name == slow_in else 0
        if name == failed_in:
            more["error"] = error
            more.pop("outputs", None)
        spans.append(dict(name=name, start_ms=at, duration_ms=took, **more))
        at += took + 5
        return "error" not in more

    going = span(
        "choose_tool",
        random.randint(120, 260),
        type="CHAIN",
        inputs={"question": question},
        outputs={"tool": "look_up_order" if topic in ("order", "billing") else "search_manuals"},
    )
    if topic in ("order", "billing"):
        going = span(
            "look_up_order",
            30_000 if failed_in == "look_up_order" else random.randint(180, 420),
            type="TOOL",
            inputs={"order": 5000 + number},
            outputs={"state": "in transit", "carrier": "Nordpost"},
        )
    else:
        going = span(
            "search_manuals",
            random.randint(90, 240),
            type="RETRIEVER",
            inputs={"query": question},
            outputs=[{"page_content": answer, "metadata": {"doc_uri": f"manual/{topic}"}}],
        )
    if going:
        going = span(
            "generate_answer",
            random.randint(600, 1_400),
            type="CHAT_MODEL",
            inputs={"messages": [{"role": "user", "content": question}]},
            outputs={"choices": [{"message": {"role": "assistant", "content": answer}}]},
            attributes={"mlflow.chat.tokenUsage": tokens(question, answer)},
        )
    root = dict(
        name="support_agent",
        type="AGENT",
        inputs={"question": question},
        duration_ms=at + 10,
        children=spans,
    )
    if going:
        root["outputs"] = {"answer": answer}
    else:
        root["error"] = error
    return root


def assess(number, trace_id, answer):
    judge = AssessmentSource(source_type="LLM_JUDGE", source_id="relevance-judge")
    person = AssessmentSource(source_type="HUMAN", source_id="reviewer-1")
    relevance = 0.35 if number in (5, 26) else round(0.8 + (number % 5) * 0.04, 2)
    mlflow.log_feedback(trace_id=trace_id, name="relevance", value=relevance, source=judge)
    if number % 3 != 2:
        return
    bad = number in (5, 26)
    rationale = "It answers another question than the customer asked." if bad else None
    mlflow.log_feedback(
        trace_id=trace_id, name="helpful", value=not bad, source=person, rationale=rationale
    )
    if bad:
        mlflow.log_expectation(
            trace_id=trace_id, name="expected_answer", value=answer, source=person
        )


def main():
    client = MlflowClient()
    experiment = client.create_experiment("support-agent", artifact_location="mlflow-artifacts:/1")
    for number in range(36):
        question, answer, topic = QUESTIONS[number % len(QUESTIONS)]
        wrong = QUESTIONS[(number + 3) % len(QUESTIONS)][1] if number in (5, 26) else answer
        made = make_trace(
            experiment,
            described(number, question, wrong, topic),
            start_ms=MONDAY + number // 8 * DAY + number % 8 * 47 * MINUTE,
            tags={"environment": "production" if number % 4 else "staging", "topic": topic},
            metadata={
                "mlflow.trace.session": f"chat-{number // 2:03}",
                "mlflow.trace.user": f"customer-{number % 11:02}",
            },
        )
        if made["state"] == "OK":
            assess(number, made["trace_id"], answer)
    scrub(Path(work.name) / "store.db")
    print(f"{TARGET.name}: {TARGET.stat().st_size} bytes")


def scrub(store):
    """Takes out what tells of this machine, and writes the store small and in one piece."""
    with sqlite3.connect(store) as database:
        database.execute("UPDATE experiments SET artifact_location = 'mlflow-artifacts:/' || experiment_id")
        database.execute("DELETE FROM trace_request_metadata WHERE key LIKE 'mlflow.source.%'")
        database.execute("UPDATE trace_request_metadata SET value = 'demo' WHERE key = 'mlflow.user'")
        # Stack traces name the folder of this project.
        database.execute(
            "UPDATE spans SET content = replace(content, ?, '')", (f"{HERE.parent}{os.sep}",)
        )
    database = sqlite3.connect(store)
    database.execute("PRAGMA journal_mode = DELETE")
    database.execute("PRAGMA page_size = 1024")
    database.execute("VACUUM")
    database.close()
    TARGET.write_bytes(store.read_bytes())


if __name__ == "__main__":
    main()
