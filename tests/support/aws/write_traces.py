"""Writes a trace whose spans MLflow's client puts into S3; prints its id."""

import sys

import boto3
import mlflow

endpoint, bucket, tracking_uri = sys.argv[1:]
boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket=bucket)
mlflow.set_tracking_uri(tracking_uri)
mlflow.create_experiment("in S3", artifact_location=f"s3://{bucket}/some where/ä+1")
mlflow.set_experiment("in S3")
with mlflow.start_span("agent") as root:
    root.set_inputs({"question": "Where is my parcel?"})
    with mlflow.start_span("look up") as child:
        child.set_outputs({"parcel": 42})
mlflow.flush_trace_async_logging()
print(root.trace_id)
