"""Writes a trace for each location and lets MLflow's archiver move its spans there.

Prints each trace's id and what was archived.
"""

import base64
import os
import sys

import mlflow
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.tracking._tracking_service.utils import _get_store

tracking_uri, database, *places = sys.argv[1:]
mlflow.set_tracking_uri(tracking_uri)
client = mlflow.MlflowClient()


def archive(experiment, location):
    if location.startswith("s3://"):
        import boto3

        s3 = boto3.client("s3", endpoint_url=os.environ["MLFLOW_S3_ENDPOINT_URL"])
        s3.create_bucket(Bucket=location.split("/")[2])
    experiment_id = mlflow.set_experiment(experiment).experiment_id
    with mlflow.start_span("agent") as root:
        root.set_inputs({"question": "Where is my parcel?", "big": 2**60})
        with mlflow.start_span("look up") as child:
            child.set_attribute("temperature", 0.5)
            child.set_outputs({"parcel": 42})
    mlflow.flush_trace_async_logging()
    client.set_experiment_tag(experiment_id, "mlflow.trace.archiveNow", "{}")
    # One trace, and none of those that others of this server's wrote.
    moved = _get_store(f"sqlite:///{database}").archive_traces(
        resolved_trace_archival_location=location,
        broader_retention="36500d",
        max_traces_per_pass=1,
    )
    tags = client.get_trace(root.trace_id).info.tags
    assert moved == 1 and tags["mlflow.trace.spansLocation"] == "ARCHIVE_REPO", (moved, tags)
    folder = tags["mlflow.trace.archiveLocation"]
    file = get_artifact_repository(folder).download_artifacts("traces.pb")
    with open(file, "rb") as archived:
        return f"{root.trace_id} {base64.b64encode(archived.read()).decode()}"


print(*map(archive, places[::2], places[1::2]))
