"""Signs in with a service account's key file, by Google's own library; prints the token."""

import sys

from google.auth.transport.requests import Request
from google.oauth2.service_account import Credentials

scopes = ["https://www.googleapis.com/auth/devstorage.read_only"]
credentials = Credentials.from_service_account_file(sys.argv[1], scopes=scopes)
credentials.refresh(Request())
print(credentials.token)
