"""MLflow's own client behind lines of JSON: {"id", "method", "params"} in, {"id", "result"} or
{"id", "error": {"type", "message"}} out. Integers beyond 2^53 are given as text.

Usage: MLFLOW_TRACKING_URI=... python client.py
"""

import inspect
import json
import os
import sys

# What the client prints belongs on stderr: stdout carries answers only.
answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)

from build import make_trace  # first: it sets how the client behaves

import mlflow
from mlflow import MlflowClient
from mlflow.entities import AssessmentError, AssessmentSource, Expectation, Feedback
from mlflow.tracing.client import TracingClient

client = MlflowClient()


def trace_dict(trace, spans=True):
    whole = trace.to_dict()
    return whole if spans else {"info": whole["info"]}


def get_trace(trace_id):
    return trace_dict(client.get_trace(trace_id, display=False))


def get_trace_info(trace_id):
    return TracingClient().get_trace_info(trace_id).to_dict()


def search_traces(experiment_ids, include_spans=False, **arguments):
    found = client.search_traces(
        **_where(experiment_ids), include_spans=include_spans, **arguments
    )
    return {
        "traces": [trace_dict(trace, include_spans) for trace in found],
        "next_page_token": found.token or None,
    }


def _where(experiment_ids):
    """The argument's name today, or the one it had."""
    names = inspect.signature(MlflowClient.search_traces).parameters
    return {"locations" if "locations" in names else "experiment_ids": experiment_ids}


def count_traces(experiment_id, filter_string=None):
    count, token = 0, None
    while True:
        found = client.search_traces(
            **_where([experiment_id]),
            filter_string=filter_string,
            max_results=500,
            include_spans=False,
            page_token=token,
        )
        count += len(found)
        token = found.token
        if not token:
            return count


def create_experiment(name):
    return client.create_experiment(name)


def create_trace(**described):
    return make_trace(**described)


def _source(source):
    return AssessmentSource(**source) if source else None


def log_feedback(trace_id, name, source=None, error=None, **more):
    error = AssessmentError(**error) if error else None
    logged = mlflow.log_feedback(
        trace_id=trace_id, name=name, source=_source(source), error=error, **more
    )
    return logged.to_dictionary()


def log_expectation(trace_id, name, value, source=None, **more):
    logged = mlflow.log_expectation(
        trace_id=trace_id, name=name, value=value, source=_source(source), **more
    )
    return logged.to_dictionary()


def get_assessment(trace_id, assessment_id):
    return mlflow.get_assessment(trace_id, assessment_id).to_dictionary()


def update_assessment(trace_id, assessment_id, kind, **changes):
    new = {"feedback": Feedback, "expectation": Expectation}[kind](**changes)
    return mlflow.update_assessment(trace_id, assessment_id, new).to_dictionary()


def delete_assessment(trace_id, assessment_id):
    mlflow.delete_assessment(trace_id, assessment_id)


def set_trace_tag(trace_id, key, value):
    client.set_trace_tag(trace_id, key, value)


def delete_trace_tag(trace_id, key):
    client.delete_trace_tag(trace_id, key)


def delete_traces(experiment_id, **which):
    return client.delete_traces(experiment_id, **which)


def create_run(experiment_id, name):
    return client.create_run(experiment_id, run_name=name).info.run_id


def link_traces_to_run(trace_ids, run_id):
    client.link_traces_to_run(trace_ids, run_id)


def version():
    return mlflow.__version__


METHODS = {
    function.__name__: function
    for function in (
        get_trace,
        get_trace_info,
        search_traces,
        count_traces,
        create_experiment,
        create_trace,
        log_feedback,
        log_expectation,
        get_assessment,
        update_assessment,
        delete_assessment,
        set_trace_tag,
        delete_trace_tag,
        delete_traces,
        create_run,
        link_traces_to_run,
        version,
    )
}


def exact(value):
    """JavaScript would round integers beyond 2^53."""
    if isinstance(value, dict):
        return {key: exact(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [exact(item) for item in value]
    if isinstance(value, int) and abs(value) > 2**53 - 1:
        return str(value)
    return value


def main():
    for line in sys.stdin:
        request = json.loads(line)
        try:
            result = METHODS[request["method"]](**request["params"])
            answer = {"id": request["id"], "result": exact(result)}
        except Exception as error:
            about = {"type": type(error).__name__, "message": str(error)}
            answer = {"id": request["id"], "error": about}
        print(json.dumps(answer, default=str), file=answers, flush=True)


if __name__ == "__main__":
    main()
