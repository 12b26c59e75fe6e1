"""Fills an MLflow server through MLflow's own client and prints what it made as one line of JSON.

Usage: MLFLOW_TRACKING_URI=... python seed.py
"""

import json
import os
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from build import make_trace  # first: it sets how the client behaves

import mlflow
from mlflow import MlflowClient
from mlflow.entities import (
    AssessmentError,
    AssessmentSource,
    SpanType,
    TraceInfo,
    TraceLocation,
    TraceState,
)
from mlflow.tracing.client import TracingClient

MINUTE = 60_000
DAY = 24 * 60 * MINUTE
NOW = int(time.time() * 1000)
TOKENS = {"input_tokens": 1200, "output_tokens": 345, "total_tokens": 1545}
# Right-to-left override, zero-width space, a tag character, byte-order mark.
HIDDEN = "pay\u202eevil\u202c now\u200b\U000e0041\ufeff!"
HTML = "<script>alert('x')</script> <b>bold</b> &amp; <!-- note -->"
FOREIGN = "Grüße aus 東京 — ça va? Привет, عالم 🚀"


def every_type():
    """One trace with a span of every type, nested four deep."""
    question = {"question": "What does the invoice say?", "limits": {"tokens": 500, "strict": True}}
    leaf = dict(duration_ms=40)
    return {
        "name": "answer_invoice_question",
        "type": SpanType.AGENT,
        "duration_ms": 1016,
        "inputs": question,
        "outputs": {"answer": "It is due on 1 May.", "confidence": 0.85},
        "attributes": {"team": "billing", "retry.count": 0, "key with spaces": "yes"},
        "children": [
            {
                "name": "plan",
                "type": SpanType.CHAIN,
                "start_ms": 5,
                "duration_ms": 700,
                "children": [
                    {
                        "name": "find_documents",
                        "type": SpanType.RETRIEVER,
                        "start_ms": 10,
                        "duration_ms": 300,
                        "inputs": {"query": "invoice due date"},
                        "outputs": [
                            {"page_content": "Due 1 May", "metadata": {"doc_uri": "a.pdf"}, "id": "1"},
                            {"page_content": FOREIGN, "metadata": {"doc_uri": "b.pdf"}, "id": "2"},
                        ],
                        "children": [
                            {"name": "embed", "type": SpanType.EMBEDDING, "start_ms": 12, **leaf},
                            {"name": "rerank", "type": SpanType.RERANKER, "start_ms": 90, **leaf},
                        ],
                    },
                    {
                        "name": "chat",
                        "type": SpanType.CHAT_MODEL,
                        "start_ms": 320,
                        "duration_ms": 350,
                        "inputs": {"messages": [{"role": "user", "content": "Due when?"}]},
                        "outputs": {"choices": [{"message": {"role": "assistant", "content": "1 May"}}]},
                        "attributes": {"mlflow.chat.tokenUsage": TOKENS, "model": "small-1"},
                    },
                ],
            },
            {"name": "complete", "type": SpanType.LLM, "start_ms": 720, **leaf},
            {
                "name": "look_up_customer",
                "type": SpanType.TOOL,
                "start_ms": 770,
                "duration_ms": 60,
                "inputs": {"id": 9007199254740993},
                "error": "customer not found",
            },
            {"name": "parse", "type": SpanType.PARSER, "start_ms": 840, **leaf},
            {"name": "remember", "type": SpanType.MEMORY, "start_ms": 890, **leaf},
            {
                "name": "notify",
                "start_ms": 940,
                "events": [{"name": "sent", "attributes": {"channel": "mail", "copies": 2}}],
                **leaf,
            },
        ],
    }


def simple(name, duration_ms, **more):
    return {"name": name, "type": SpanType.AGENT, "duration_ms": duration_ms, **more}


def large(spans, total_bytes):
    """A trace of so many spans and about so many bytes: a root, groups of 99 below it."""
    filler = "All work and no play makes a long trace. "
    text = (filler * (total_bytes // spans // len(filler) + 1))[: total_bytes // spans]
    groups = []
    for number in range(1, spans):
        span = {
            "name": f"step {number}",
            "type": SpanType.TOOL,
            "start_ms": number,
            "duration_ms": 1,
            "inputs": {"number": number, "text": text},
        }
        if number % 100 == 1:
            groups.append(span | {"children": []})
        else:
            groups[-1]["children"].append(span)
    return {"name": "long job", "type": SpanType.CHAIN, "duration_ms": spans + 1, "children": groups}


def agents(client, experiment_id):
    """The traces that the tests know by name."""
    run = client.create_run(experiment_id, run_name="evaluation").info.run_id
    other_run = client.create_run(experiment_id, run_name="linked later").info.run_id
    model = client.create_logged_model(experiment_id, name="invoice-agent").model_id
    made = {}

    def make(key, root, tags=None, metadata=None, **more):
        made[key] = make_trace(experiment_id, root, tags=tags, metadata=metadata, **more)
        made[key] |= {
            "tags": tags or {},
            "metadata": metadata or {},
            "client_request_id": more.get("client_request_id"),
        }

    make(
        "full",
        every_type(),
        {"environment": "production", "release.channel": "beta", "key with spaces": "a value"},
        {
            "mlflow.trace.session": "session-1",
            "mlflow.trace.user": "user-1",
            "mlflow.sourceRun": run,
            "mlflow.modelId": model,
            "app.build.number": "42",
            "plain": "value",
            "with spaces": "metadata value",
        },
        start_ms=NOW - 5 * MINUTE,
        client_request_id="request-1",
    )
    session = {"mlflow.trace.session": "session-1", "mlflow.trace.user": "user-1"}
    make("second_turn", simple("second turn", 250), {}, session, start_ms=NOW - 4 * MINUTE)
    make("failed_recent", simple("charge card", 120, error="card declined"), start_ms=NOW - 10 * MINUTE)
    make("failed_earlier", simple("charge card", 130, error="gateway"), start_ms=NOW - 180 * MINUTE)
    make("slow", simple("slow report", 7500), start_ms=NOW - 20 * MINUTE)
    make("slowest", simple("slowest report", 61_000), start_ms=NOW - 30 * MINUTE)
    make("old", simple("old job", 90), {"environment": "staging"}, start_ms=NOW - 31 * DAY)
    make("older", simple("older job", 90), start_ms=NOW - 45 * DAY)
    make("linked", simple("linked later", 80), start_ms=NOW - 15 * MINUTE)
    client.link_traces_to_run([made["linked"]["trace_id"]], other_run)
    hidden = simple("hidden characters", 60, inputs={"text": HIDDEN}, outputs={"text": HIDDEN})
    make("hidden", hidden, {"note": HIDDEN}, start_ms=NOW - 16 * MINUTE)
    html = simple("markup", 60, inputs={"text": HTML}, outputs={"text": HTML})
    make("html", html, {"note": HTML}, start_ms=NOW - 17 * MINUTE)
    foreign = simple("Straße 東京", 60, inputs={"text": FOREIGN}, outputs={"text": FOREIGN})
    make("foreign", foreign, {"ville": "Zürich"}, {"langue": "français"}, start_ms=NOW - 18 * MINUTE)
    empty = simple("bare", 0)
    make("bare", empty, start_ms=NOW - 19 * MINUTE)

    info = bare_info(experiment_id, NOW - MINUTE, TraceState.IN_PROGRESS, "still running")
    TracingClient().start_trace(info)
    made["in_progress"] = {
        "trace_id": info.trace_id,
        "start_ms": info.request_time,
        "duration_ms": None,
        "state": "IN_PROGRESS",
        "spans": [],
        "tags": {},
        "metadata": {},
        "client_request_id": None,
    }
    made["full"]["assessments"] = assess(made["full"])
    runs = {"evaluation": run, "linked": other_run}
    return {"traces": made, "runs": runs, "model_id": model}


def bare_info(experiment_id, request_time, state, name, duration_ms=None):
    """A trace without spans, as a server holds it before any arrive."""
    return TraceInfo(
        trace_id=f"tr-{uuid.uuid4().hex}",
        trace_location=TraceLocation.from_experiment_id(experiment_id),
        request_time=request_time,
        state=state,
        execution_duration=duration_ms,
        request_preview=f"request of {name}",
        trace_metadata={"mlflow.trace_schema.version": "3"},
        tags={"mlflow.traceName": name},
    )


def assess(trace):
    """Every kind of value and source on one trace, two of them on a span."""
    trace_id = trace["trace_id"]
    span_id = trace["spans"][3]["span_id"]
    human = AssessmentSource(source_type="HUMAN", source_id="reviewer@example.com")
    judge = AssessmentSource(source_type="LLM_JUDGE", source_id="judge-1")
    code = AssessmentSource(source_type="CODE", source_id="checks.py")
    feedback = [
        ("relevance", 0.85, judge, dict(rationale="Names the due date.")),
        ("helpful", True, human, dict(metadata={"round": "2", "review.tool": "form"})),
        ("unsafe", False, code, {}),
        ("stars", 4, human, {}),
        ("tone", "friendly", judge, {}),
        ("topics", ["billing", "dates"], code, {}),
        ("scores", {"style": 0.5, "facts": 1.0}, code, {}),
        ("grounded", 1.0, judge, dict(span_id=span_id, rationale=FOREIGN)),
        ("remark", HIDDEN, human, {}),
    ]
    expectations = [
        ("due_date", "1 May", human, {}),
        ("answers", True, human, {}),
        ("pages", 3, human, {}),
        ("amount", 99.5, human, {}),
        ("documents", ["a.pdf", "b.pdf"], human, dict(span_id=span_id)),
        ("record", {"customer": {"id": 7, "name": "Ada"}, "open": None}, human, {}),
    ]
    made = {}

    def keep(kind, name, value, source, logged, more):
        made[name] = {
            "assessment_id": logged.assessment_id,
            "kind": kind,
            "value": value,
            "source_type": source.source_type,
            "source_id": source.source_id,
            "rationale": more.get("rationale"),
            "metadata": more.get("metadata"),
            "span_id": more.get("span_id"),
            "error": None,
        }

    for name, value, source, more in feedback:
        logged = mlflow.log_feedback(
            trace_id=trace_id, name=name, value=value, source=source, **more
        )
        keep("feedback", name, value, source, logged, more)
    for name, value, source, more in expectations:
        logged = mlflow.log_expectation(
            trace_id=trace_id, name=name, value=value, source=source, **more
        )
        keep("expectation", name, value, source, logged, more)
    error = AssessmentError(error_code="JUDGE_TIMEOUT", error_message="no answer in 30 s")
    logged = mlflow.log_feedback(trace_id=trace_id, name="failed_judge", error=error, source=judge)
    keep("feedback", "failed_judge", None, judge, logged, {})
    made["failed_judge"]["error"] = {"error_code": error.error_code, "error_message": error.error_message}
    return made


def many(experiment_id, count):
    """Traces without spans for paging: number n is n minutes old, every tenth failed."""
    client = TracingClient()

    def make(number):
        state = TraceState.ERROR if number % 10 == 0 else TraceState.OK
        start = NOW - number * MINUTE
        name = f"job {number:04}"
        info = bare_info(experiment_id, start, state, name, duration_ms=number)
        client.start_trace(info)
        return info.trace_id

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(make, range(1, count + 1)))


def main():
    client = MlflowClient()
    began = time.monotonic()
    phases = {}

    def phase(name, value):
        phases[name] = round(time.monotonic() - began, 1)
        return value

    ids = {name: client.create_experiment(name) for name in ("agents", "support", "paging", "large")}
    manifest = {
        "client_version": mlflow.__version__,
        "now_ms": NOW,
        "experiments": ids,
        **phase("agents", agents(client, ids["agents"])),
    }
    support = [
        make_trace(ids["support"], simple(f"ticket {n}", 100 + n), start_ms=NOW - n * MINUTE)["trace_id"]
        for n in range(1, 4)
    ]
    manifest["support"] = support
    manifest["paging"] = phase("paging", many(ids["paging"], 520))
    big = make_trace(ids["large"], large(2000, 10_000_000), start_ms=NOW - 60 * MINUTE)
    big["spans"] = len(big["spans"])
    manifest["large"] = phase("large", big)
    manifest["texts"] = {"hidden": HIDDEN, "html": HTML, "foreign": FOREIGN}
    print(f"seeded: {phases}", file=sys.stderr)
    print(json.dumps(manifest))


if __name__ == "__main__":
    assert os.environ["MLFLOW_TRACKING_URI"]
    main()
