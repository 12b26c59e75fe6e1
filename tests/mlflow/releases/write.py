"""Writes the same traces with any release's client; prints their ids as JSON."""

import json
import sys
import time

import mlflow
from mlflow.entities import AssessmentSource

mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("releases")


def write(name, fail=False, tags=None):
    with mlflow.start_span(name, span_type="AGENT") as root:
        root.set_inputs({"question": "Where is my parcel?", "big": 2**60, "none": None})
        mlflow.update_current_trace(tags=tags or {}, client_request_id=f"request {name}")
        with mlflow.start_span("ask model", span_type="LLM") as model:
            model.set_attribute("temperature", 0.5)
            model.set_attribute("model", "tiny-1")
            model.set_outputs({"text": "At the depot, ü"})
        try:
            with mlflow.start_span("look up", span_type="TOOL"):
                if fail:
                    raise ValueError("no such parcel")
        except ValueError:
            root.set_status("ERROR")
        root.set_outputs("At the depot")
    # Traces are told apart by their milliseconds.
    time.sleep(0.02)
    return root.trace_id


ids = [
    write("first", tags={"team": "search", "a.b c": "1"}),
    write("second", fail=True, tags={"team": "shop"}),
    write("third"),
]
mlflow.flush_trace_async_logging()
human = AssessmentSource(source_type="HUMAN", source_id="ann")
mlflow.log_feedback(
    trace_id=ids[0], name="helpful", value=True, source=human, rationale="short", metadata={"v": "1"}
)
mlflow.log_feedback(trace_id=ids[0], name="score", value=0.75)
mlflow.log_expectation(trace_id=ids[0], name="answer", value={"depot": [1, 2]}, source=human)
mlflow.log_feedback(trace_id=ids[1], name="helpful", value=False, source=human)
mlflow.log_feedback(trace_id=ids[1], name="score", value=0.25)
print(json.dumps(ids))
