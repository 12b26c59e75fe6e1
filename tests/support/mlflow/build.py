"""Makes traces with MLflow's own tracing client from plain descriptions.

A span is {"name", "type"?, "inputs"?, "outputs"?, "attributes"?, "events"?, "error"?, "start_ms"?,
"duration_ms"?, "children"?}; start_ms counts from the start of the trace.
"""

import os
import time
from contextlib import contextmanager
from unittest.mock import patch

# Traces are stored when the call returns, not some time later.
os.environ["MLFLOW_ENABLE_ASYNC_TRACE_LOGGING"] = "false"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

import mlflow
from mlflow.entities import SpanEvent
from mlflow.tracing.client import TracingClient
from mlflow.tracing.trace_manager import InMemoryTraceManager

NANOS = 1_000_000
BATCH = 500


class ToolFailure(Exception):
    """The error of spans that are described with one."""


def make_trace(
    experiment_id,
    root,
    start_ms=None,
    tags=None,
    metadata=None,
    client_request_id=None,
):
    """Stores one trace; gives its id, times and spans (hex ids, in the order they started)."""
    took = root.get("duration_ms", 100)
    start_ms = int(time.time() * 1000) - took if start_ms is None else int(start_ms)
    spans = []
    top = _start(root, None, start_ms, spans, experiment_id=experiment_id, tags=tags or {})
    with InMemoryTraceManager.get_instance().get_trace(top.trace_id) as trace:
        trace.info.trace_metadata.update(metadata or {})
        trace.info.client_request_id = client_request_id
    with _together():
        for child in root.get("children", []):
            _span(child, top, start_ms, spans)
    _end(root, top, start_ms)
    return {
        "trace_id": top.trace_id,
        "start_ms": start_ms,
        "duration_ms": took,
        "state": "ERROR" if "error" in root else "OK",
        "spans": spans,
    }


@contextmanager
def _together():
    """Sends the spans that end inside in few requests; the client would make one for each."""
    waiting = []

    def later(client, location, spans):
        waiting.extend((client, location, span) for span in spans)
        return spans

    with patch.object(TracingClient, "log_spans", later):
        yield
    for first in range(0, len(waiting), BATCH):
        client, location, _ = waiting[first]
        try:
            client.log_spans(location, [span for _, _, span in waiting[first : first + BATCH]])
        except NotImplementedError:
            return  # This server keeps spans as artifacts: they go with the whole trace.


def _span(described, parent, start_ms, spans):
    span = _start(described, parent, start_ms, spans)
    for child in described.get("children", []):
        _span(child, span, start_ms, spans)
    _end(described, span, start_ms)


def _start(described, parent, start_ms, spans, **top):
    span = mlflow.start_span_no_context(
        described["name"],
        span_type=described.get("type", "UNKNOWN"),
        parent_span=parent,
        inputs=described.get("inputs"),
        attributes=described.get("attributes"),
        start_time_ns=(start_ms + described.get("start_ms", 0)) * NANOS,
        **top,
    )
    spans.append(
        {
            "span_id": span.span_id,
            "parent_id": span.parent_id,
            "name": described["name"],
            "type": described.get("type", "UNKNOWN"),
            "status": "ERROR" if "error" in described else "OK",
        }
    )
    return span


def _end(described, span, start_ms):
    if "outputs" in described:
        span.set_outputs(described["outputs"])
    for event in described.get("events", []):
        span.add_event(SpanEvent(name=event["name"], attributes=event.get("attributes", {})))
    if "error" in described:
        try:
            raise ToolFailure(described["error"])
        except ToolFailure as error:
            span.record_exception(error)
    end_ms = start_ms + described.get("start_ms", 0) + described.get("duration_ms", 100)
    span.end(status="ERROR" if "error" in described else "OK", end_time_ns=end_ms * NANOS)
