"""Prints a shared access signature for reading a container, by Azure's own client."""

import os
import sys
from datetime import datetime, timedelta, timezone

from azure.storage.blob import ContainerSasPermissions, generate_container_sas

account, container, minutes = sys.argv[1:]
end = datetime.now(timezone.utc) + timedelta(minutes=int(minutes))
permission = ContainerSasPermissions(read=True)
print(
    generate_container_sas(
        account, container, account_key=os.environ["KEY"], permission=permission, expiry=end
    )
)
