"""Puts a file into a new container, by Azure's own client."""

import base64
import os
import sys

from azure.storage.blob import BlobServiceClient

container, name, content = sys.argv[1:]
account = BlobServiceClient.from_connection_string(os.environ["AZURE_STORAGE_CONNECTION_STRING"])
account.create_container(container).upload_blob(name, base64.b64decode(content))
