"""Signs requests with botocore: JSON of a request on standard input, its signature as output."""

import json
import sys

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

given = json.load(sys.stdin)
keys = Credentials(given["access"], given["secret"], given.get("token"))
kind = S3SigV4Auth if given["service"] == "s3" else SigV4Auth
auth = kind(keys, given["service"], given["region"])
request = AWSRequest(
    method=given["method"],
    url=given["url"],
    data=given["body"].encode(),
    headers=given["headers"],
)
request.context["timestamp"] = given["headers"]["x-amz-date"]
canonical = auth.canonical_request(request)
print(auth.signature(auth.string_to_sign(request, canonical), request))
