"""Weave's ClickHouse trace server, as the hosted service runs it, on an embedded ClickHouse.

Tables come from Weave's own migrations and prices from its own list; every answer is computed by its
code. Only the connection differs: `chdb` runs ClickHouse inside this process.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from unittest.mock import MagicMock

# Object stores, the queue of online evaluations and its workers: imported at the top of Weave's
# modules and used only where they are configured, which they are not. (The wheel leaves some out.)
for _name in [
    "azure.core.exceptions",
    "azure.storage.blob",
    "boto3",
    "botocore.config",
    "botocore.exceptions",
    "confluent_kafka",
    "google.api_core",
    "google.cloud",
    "google.oauth2.credentials",
    "litellm",
    "weave.trace_server.model_providers.model_providers",
    "weave.trace_server.workers.evaluate_model_worker.evaluate_model_worker",
]:
    sys.modules.setdefault(_name, MagicMock())

import clickhouse_connect  # noqa: E402
from clickhouse_connect.driver.client import Client  # noqa: E402
from weave.trace_server import clickhouse_trace_server_batched as weave_clickhouse  # noqa: E402
from weave.trace_server import trace_server_interface as tsi  # noqa: E402


class TestTraceServer(weave_clickhouse.ClickHouseTraceServer):
    """Weave's ClickHouse trace server over the embedded engine's folder."""

    def __init__(self, folder: str) -> None:
        super().__init__(host="chdb", database="weave")
        self.folder = folder

    def setup_tables(self) -> None:
        self._run_migrations()

    def _mint_client(self) -> Client:
        client = clickhouse_connect.get_client(interface="chdb", path=self.folder)
        self._ensure_database(client)
        client.database = self._database
        return client

    def calls_query_stream(self, req: tsi.CallsQueryReq) -> Iterator[tsi.CallSchema]:
        # Each thread has one connection, and a stream may be read by several in turn.
        return iter(list(super().calls_query_stream(req)))
