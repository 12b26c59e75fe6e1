"""Puts a file into a new container, by Azure's own client."""

import os
import sys

from azure.storage.blob import BlobServiceClient

container, name, text = sys.argv[1:]
account = BlobServiceClient.from_connection_string(os.environ["AZURE_STORAGE_CONNECTION_STRING"])
account.create_container(container).upload_blob(name, text.encode())
