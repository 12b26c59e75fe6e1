"""Traces of an assistant: nested calls, failures, running calls, large inputs, feedback, threads."""

from __future__ import annotations

import datetime
from typing import Any

import weave
from weave.trace_server import trace_server_interface as tsi

MEGABYTE = 1_000_000
LEGACY_CALL = "01000000-0000-7000-8000-000000000001"
LEGACY_TRACE = "01000000-0000-7000-8000-000000000002"
QUESTIONS = [
    "Where is my parcel?",
    "Wie spät ist es in Zürich? 你好 🎉",
    'She said "it\'s broken", 100 % of the time',
    "Cancel my order",
]


@weave.op(name="llm.chat")
def chat(model: str, messages: list[dict], tokens: int) -> dict:
    return {
        "model": model,
        "usage": {
            "prompt_tokens": tokens,
            "completion_tokens": tokens // 2,
            "total_tokens": tokens + tokens // 2,
        },
        "choices": [{"message": {"role": "assistant", "content": messages[-1]["content"][::-1]}}],
    }


@weave.op(name="tools.search")
def search(query: str, limit: int, fail: bool) -> dict:
    if fail:
        raise TimeoutError(f"search backend did not answer for: {query}")
    return {"hits": [{"title": f"Résumé {i}", "score": 1 / (i + 1)} for i in range(limit)], "limit": limit}


@weave.op(name="tools.search_archive")
def search_archive(query: str) -> list[str]:
    return [query]


@weave.op(name="support.plan")
def plan(question: str) -> str:
    answer = chat("model-small", [{"role": "user", "content": question}], 100)
    return answer["choices"][0]["message"]["content"]


@weave.op(name="support.agent", call_display_name=lambda call: f"agent: {call.inputs['question'][:12]}")
def agent(question: str, attempt: int, fail: str) -> dict:
    steps = plan(question)
    try:
        found = search(steps, limit=3, fail=fail in {"child", "root"})
    except TimeoutError:
        if fail == "root":
            raise
        found = {"hits": search_archive(steps), "limit": 1}
    chat("model-large", [{"role": "user", "content": question}], 200 + attempt)
    return {"answer": "résumé ✓", "hits": len(found["hits"]), "attempt": attempt, "ok": fail == "no"}


@weave.op(name="ingest.document")
def ingest(name: str, text: str, size: int) -> int:
    return size


@weave.op(name="audit.check")
def check(prompt: Any, score: float, strict: bool) -> dict:
    return {"score": score, "strict": strict}


@weave.op
def relevance(output: Any) -> dict:
    """A scorer, for runnable feedback."""
    return {"relevant": True, "score": 0.75}


def _agents(calls: dict[str, str], traces: dict[str, str]) -> dict[str, int]:
    counts = {"success": 0, "descendant_error": 0, "error": 0}
    kinds = {"no": "success", "child": "descendant_error", "root": "error"}
    for index in range(12):
        fail = ["no", "no", "child", "no", "root", "no"][index % 6]
        release = {"version": f"1.{index}", "canary": index % 2 == 0}
        attributes = {"env": "prod" if index < 8 else "dev", "release": release, "tenant": {"id": index}}
        with weave.attributes(attributes), weave.thread(f"conversation-ü-{index % 3}"):
            _, call = agent.call(QUESTIONS[index % 4], attempt=index, fail=fail)
        calls[f"agent-{index}"], traces[f"agent-{index}"] = call.id, call.trace_id
        counts[kinds[fail]] += 1
    return counts


def _feedback(client: Any, calls: dict[str, str]) -> dict[str, int]:
    first, second = client.get_call(calls["agent-0"]), client.get_call(calls["agent-1"])
    first.feedback.add_reaction("👍", creator="Ana")
    first.feedback.add_note("Überprüft: fine", creator="Ben")
    first.feedback.add("correctness", {"value": 4, "why": {"text": "mostly right"}})
    published = weave.publish({"name": "Tone", "kind": "annotation"}, name="tone")
    first.feedback.add("wandb.annotation.tone", {"value": "friendly"}, annotation_ref=published.uri())
    second.feedback.add_reaction("👎")
    _, scored = relevance.call(output="x")
    calls["relevance"] = scored.id
    client.flush()
    client._add_runnable_feedback(
        weave_ref_uri=second.ref.uri(),
        output={"relevant": True, "score": 0.75},
        call_ref_uri=client.get_call(scored.id).ref.uri(),
        runnable_ref_uri=client.get_call(scored.id)._op_name,
    )
    return {"reaction": 2, "note": 1, "annotation": 1, "runnable": 1, "custom": 1}


def _running(client: Any, calls: dict[str, str], traces: dict[str, str]) -> int:
    waiting = client.create_call("batch.wait", {"job": "nightly"}, use_stack=False)
    looping = client.create_call("batch.loop", {"job": "hourly"}, use_stack=False)
    done = client.create_call("batch.step", {"step": 1}, parent=looping, use_stack=False)
    client.finish_call(done, {"rows": 10})
    calls |= {"running-wait": waiting.id, "running-loop": looping.id, "running-step": done.id}
    traces |= {"running-wait": waiting.trace_id, "running-loop": looping.trace_id}
    return 2


def _legacy(client: Any, calls: dict[str, str]) -> None:
    """What older SDKs and other writers leave: no URI as op name, plain text as exception."""
    project_id = f"{client.entity}/{client.project}"
    started = datetime.datetime(2024, 2, 29, 12, 0, 0, 250_000, tzinfo=datetime.timezone.utc)
    ended = started + datetime.timedelta(milliseconds=1500)
    start = tsi.StartedCallSchemaForInsert(
        project_id=project_id,
        id=LEGACY_CALL,
        trace_id=LEGACY_TRACE,
        op_name="legacy_op",
        started_at=started,
        attributes={},
        inputs={"a.b": {"c": 1}, "text": "old"},
    )
    end = tsi.EndedCallSchemaForInsert(
        project_id=project_id,
        id=LEGACY_CALL,
        ended_at=ended,
        exception="ValueError: plain text",
        output=None,
        summary={"status_counts": {"success": 0, "error": 1}},
    )
    client.server.call_start(tsi.CallStartReq(start=start))
    client.server.call_end(tsi.CallEndReq(end=end))
    calls["legacy"] = LEGACY_CALL


def seed(client: Any) -> dict[str, Any]:
    """Writes the traces; returns labels and the numbers that were meant."""
    calls: dict[str, str] = {}
    traces: dict[str, str] = {}
    statuses = _agents(calls, traces)
    for index in range(3):
        text = "ä" * 1000 + "x" * (MEGABYTE - 1000)
        _, call = ingest.call(f"document-{index}.txt", text, size=len(text))
        calls[f"document-{index}"] = call.id
    prompt = weave.publish({"template": "Answer: {question}", "temperature": 0.5}, name="prompt")
    for index in range(10):
        _, call = check.call(prompt, score=index * 1.5, strict=index % 2 == 0)
        calls[f"check-{index}"] = call.id
    client.flush()
    client.get_call(calls["check-0"]).set_display_name("The first check")
    running = _running(client, calls, traces)
    _legacy(client, calls)
    client.flush()
    feedback = _feedback(client, calls)
    return {
        "calls": calls,
        "trace_ids": traces,
        "agent_statuses": statuses,
        "running": running,
        "feedback": feedback,
        "documents": 3,
        "checks": 10,
        "prompt_ref": prompt.uri(),
        "questions": QUESTIONS,
    }
