"""What Databricks' own packages see of a workspace, as JSON on standard output."""

import json
import sys

import mlflow
from databricks.sdk import WorkspaceClient

catalog_id = sys.argv[1]
workspace = WorkspaceClient()
mlflow.set_tracking_uri("databricks")
mlflow.set_experiment(experiment_id="7001")
with mlflow.start_span("agent", span_type="AGENT") as root:
    root.set_inputs({"question": "Where is my parcel?"})
    with mlflow.start_span("look up", span_type="TOOL") as child:
        child.set_outputs({"parcel": 42})
written = root.trace_id
mlflow.flush_trace_async_logging()
feedback = mlflow.log_feedback(trace_id=written, name="helpful", value=True, rationale="it is")
noted = mlflow.log_feedback(trace_id=catalog_id, name="helpful", value=0.5)
mlflow.set_trace_tag(catalog_id, "team/a", "search")
in_catalog = mlflow.get_trace(catalog_id)
location = catalog_id.removeprefix("trace:/").split("/")[0]


def ids(place):
    found = mlflow.search_traces(locations=[place], return_type="list")
    return [trace.info.trace_id for trace in found]


print(
    json.dumps({
        "auth": workspace.config.auth_type,
        "experiment": workspace.experiments.get_experiment(experiment_id="7001").experiment.name,
        "written": written,
        "spans": [span.name for span in mlflow.get_trace(written).data.spans],
        "assessment": feedback.assessment_id,
        "found": ids("7001"),
        "catalog_spans": [span.name for span in in_catalog.data.spans],
        "catalog_trace": noted.trace_id,
        "catalog_found": ids(location),
    })
)
