"""Writes a trace whose spans MLflow's client puts into an object store; prints its id."""

import os
import sys

tracking_uri, experiment, location = sys.argv[1:]
scheme, _, rest = location.partition("://")
bucket = rest.split("/")[0].split("@")[0]

# The makers' own clients make the bucket.
if scheme == "s3":
    import boto3

    boto3.client("s3", endpoint_url=os.environ["MLFLOW_S3_ENDPOINT_URL"]).create_bucket(Bucket=bucket)
elif scheme == "wasbs":
    from azure.storage.blob import BlobServiceClient

    account = os.environ["AZURE_STORAGE_CONNECTION_STRING"]
    BlobServiceClient.from_connection_string(account).create_container(bucket)

import mlflow  # noqa: E402

mlflow.set_tracking_uri(tracking_uri)
mlflow.create_experiment(experiment, artifact_location=location)
mlflow.set_experiment(experiment)
with mlflow.start_span("agent") as root:
    root.set_inputs({"question": "Where is my parcel?"})
    with mlflow.start_span("look up") as child:
        child.set_outputs({"parcel": 42})
mlflow.flush_trace_async_logging()
print(root.trace_id)
