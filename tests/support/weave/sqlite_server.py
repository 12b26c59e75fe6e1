"""Weave's SQLite trace server, made fit to answer over HTTP.

Weave's wheel 0.52.35 holds `SqliteTraceServer`, a complete but small trace server. Every answer here
is still computed by its code. This module only repairs what differs from the hosted service:

- rows leave as a stream (the original builds the whole list first), and counting does not load rows;
- string literals reach SQL correctly (the original writes JSON text into the statement, so non-ASCII
  never matches and quotes break it), and numbers compare with timestamps as Unix seconds;
- JSON's `true` and `false` compare as these texts (the original has 1 and 0 for them);
- `op/name:*` matches the versions of `name`, not everything that starts with `name`;
- an end that arrives before its start is kept until the start comes.
"""

from __future__ import annotations

import datetime
import json
import sqlite3
import sys
import threading
import types
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

# The hosted worker that runs evaluations pulls in the scorers' packages (torch and others) and is
# only named in a type annotation here.
_worker = types.ModuleType(
    "weave.trace_server.workers.evaluate_model_worker.evaluate_model_worker"
)
_worker.EvaluateModelArgs = object  # type: ignore[attr-defined]
_worker.EvaluateModelDispatcher = object  # type: ignore[attr-defined]
sys.modules.setdefault(_worker.__name__, _worker)

from pydantic import BaseModel  # noqa: E402
from weave.trace_server import sqlite_trace_server as weave_sqlite  # noqa: E402
from weave.trace_server import trace_server_interface as tsi  # noqa: E402
from weave.trace_server.interface import query as tsi_query  # noqa: E402

BATCH_ROWS = 200
BATCH_CHARACTERS = 4_000_000
WILDCARD = ":*"
TIME_FIELDS = {"started_at", "ended_at"}
LARGE_COLUMNS = ["attributes", "inputs", "output", "otel_dump"]


class SqlText(str):
    """A string literal of a query: written into SQL by SQL's rules, not JSON's."""


class _Json:
    """Stands in for the `json` module inside Weave's SQLite server."""

    loads = staticmethod(json.loads)

    @staticmethod
    def dumps(value: Any, **options: Any) -> str:
        if isinstance(value, SqlText):
            return "'" + value.replace("'", "''") + "'"
        return json.dumps(value, **options)


class _Captured(Exception):
    def __init__(self, sql: str) -> None:
        super().__init__(sql)
        self.sql = sql


class _CaptureCursor:
    """Stops `calls_query` where it would run its statement, and hands the statement out."""

    def execute(self, sql: str, _parameters: Any = ()) -> None:
        raise _Captured(sql)


class _ReplayCursor:
    """Gives `calls_query` rows already read; every other statement goes to the real cursor."""

    def __init__(self, sql: str, rows: list[tuple], real: sqlite3.Cursor) -> None:
        self._sql, self._rows, self._real = sql, rows, real
        self._replaying = False

    def execute(self, sql: str, parameters: Any = ()) -> Any:
        self._replaying = sql == self._sql
        return self if self._replaying else self._real.execute(sql, parameters)

    def fetchall(self) -> list[tuple]:
        return self._rows if self._replaying else self._real.fetchall()

    def fetchone(self) -> Any:
        return self._real.fetchone()


_substitute: ContextVar[Any] = ContextVar("substitute", default=None)
_real_conn_cursor = weave_sqlite.get_conn_cursor


def _conn_cursor(db_path: str) -> tuple[Any, Any]:
    substitute = _substitute.get()
    if substitute is not None:
        return None, substitute
    return _real_conn_cursor(db_path)


_real_field = weave_sqlite._transform_external_calls_field_to_internal_calls_field
_EXTRACTED = "CAST(json_extract("


def _field(field: str, cast: str | None = None) -> str:
    sql = _real_field(field, cast)
    if cast is not None or not sql.startswith(_EXTRACTED):
        return sql
    place = sql[len(_EXTRACTED) : sql.rindex(") AS ")]
    truth = f"CASE json_type({place}) WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' END"
    return f"COALESCE({truth}, {sql})"


weave_sqlite._transform_external_calls_field_to_internal_calls_field = _field
weave_sqlite.get_conn_cursor = _conn_cursor
weave_sqlite.json = _Json  # type: ignore[assignment]


def connect(db_path: str) -> sqlite3.Connection:
    """A connection usable from any thread, with the function Weave's statements need."""
    connection = sqlite3.connect(db_path, check_same_thread=False, timeout=30)
    connection.create_function("reverse", 1, lambda text: text[::-1])
    return connection


def _sql_text(text: str) -> str:
    return text.replace("'", "''")


def _prepare_filter(calls_filter: tsi.CallsFilter | None) -> tsi.CallsFilter | None:
    if calls_filter is None:
        return None
    values = calls_filter.model_dump()
    for name, value in values.items():
        if isinstance(value, list):
            values[name] = [_sql_text(item) for item in value]
    # `name:*` is turned into LIKE 'name%' by the SQLite server; ClickHouse's builder keeps the colon.
    if values.get("op_names"):
        values["op_names"] = [
            name[: -len(WILDCARD)] + ":" + WILDCARD if name.endswith(WILDCARD) else name
            for name in values["op_names"]
        ]
    return tsi.CallsFilter(**values)


def _is_time(operand: Any) -> bool:
    return isinstance(operand, tsi_query.GetFieldOperator) and operand.get_field_ in TIME_FIELDS


def _prepare_literals(node: Any, beside_time: bool = False) -> None:
    if isinstance(node, tsi_query.LiteralOperation):
        value = node.literal_
        if beside_time and isinstance(value, (int, float)) and not isinstance(value, bool):
            moment = datetime.datetime.fromtimestamp(value, datetime.timezone.utc)
            value = moment.isoformat()
        if isinstance(value, str):
            node.literal_ = SqlText(value)
    elif isinstance(node, (list, tuple)):
        times = any(_is_time(item) for item in node)
        for item in node:
            _prepare_literals(item, beside_time or times)
    elif isinstance(node, BaseModel):
        for name in type(node).model_fields:
            _prepare_literals(getattr(node, name))


class TestTraceServer(weave_sqlite.SqliteTraceServer):
    """Weave's SQLite trace server with the repairs named at the top of this module."""

    def __init__(self, db_path: str) -> None:
        super().__init__(db_path)
        self._order = threading.RLock()
        self._early_ends: dict[str, tsi.CallEndReq] = {}

    def setup_tables(self) -> None:
        super().setup_tables()
        connection = connect(self.db_path)
        with connection:
            connection.execute("PRAGMA journal_mode=WAL")
            self._put_large_columns_last(connection)
            for column in ["trace_id", "parent_id", "started_at, id"]:
                name = "calls_" + column.split(",")[0]
                connection.execute(f"CREATE INDEX IF NOT EXISTS {name} ON calls ({column})")
        connection.close()

    @staticmethod
    def _put_large_columns_last(connection: sqlite3.Connection) -> None:
        """SQLite reads a row up to the column asked for; the hosted store is columnar."""
        columns = connection.execute("PRAGMA table_info(calls)").fetchall()
        if columns[-1][1] == LARGE_COLUMNS[-1] and columns[-2][1] == LARGE_COLUMNS[-2]:
            return
        ordered = sorted(columns, key=lambda column: column[1] in LARGE_COLUMNS)
        definitions = [
            f"{name} {kind}{' PRIMARY KEY' if key else ''}" for _, name, kind, _, _, key in ordered
        ]
        connection.execute("DROP TABLE calls")
        connection.execute(f"CREATE TABLE calls ({', '.join(definitions)})")

    def _prepared(self, req: tsi.CallsQueryReq) -> tsi.CallsQueryReq:
        prepared = req.model_copy(deep=True)
        prepared.filter = _prepare_filter(req.filter)
        if prepared.query is not None:
            _prepare_literals(prepared.query.expr_)
        return prepared

    def _statement(self, prepared: tsi.CallsQueryReq) -> str:
        token = _substitute.set(_CaptureCursor())
        try:
            super().calls_query(prepared)
        except _Captured as captured:
            return captured.sql
        finally:
            _substitute.reset(token)
        raise RuntimeError("calls_query ran no statement")

    def _hydrate(
        self, prepared: tsi.CallsQueryReq, sql: str, rows: list[tuple], real: sqlite3.Cursor
    ) -> list[tsi.CallSchema]:
        token = _substitute.set(_ReplayCursor(sql, rows, real))
        try:
            return super().calls_query(prepared).calls
        finally:
            _substitute.reset(token)

    def calls_query_stream(self, req: tsi.CallsQueryReq) -> Iterator[tsi.CallSchema]:
        prepared = self._prepared(req)
        sql = self._statement(prepared)
        connection = connect(self.db_path)
        try:
            real, rows, characters = connection.cursor(), [], 0
            for row in connection.execute(sql):
                rows.append(row)
                characters += sum(len(value) for value in row if isinstance(value, str))
                if len(rows) >= BATCH_ROWS or characters >= BATCH_CHARACTERS:
                    yield from self._hydrate(prepared, sql, rows, real)
                    rows, characters = [], 0
            if rows:
                yield from self._hydrate(prepared, sql, rows, real)
        finally:
            connection.close()

    def calls_query(self, req: tsi.CallsQueryReq) -> tsi.CallsQueryRes:
        if _substitute.get() is not None:
            return super().calls_query(req)
        return tsi.CallsQueryRes(calls=list(self.calls_query_stream(req)))

    def calls_query_stats(self, req: tsi.CallsQueryStatsReq) -> tsi.CallsQueryStatsRes:
        if req.limit is not None and req.limit < 1:
            raise ValueError("Limit must be a positive integer")
        if req.include_total_storage_size:
            return super().calls_query_stats(req)
        query = tsi.CallsQueryReq(
            project_id=req.project_id,
            filter=req.filter,
            query=req.query,
            limit=req.limit,
            columns=["id"],
            sort_by=[],
        )
        rest = self._statement(self._prepared(query)).split(" FROM calls", 1)[1]
        connection = connect(self.db_path)
        try:
            counting = f"SELECT count(*) FROM (SELECT 1 FROM calls{rest})"
            return tsi.CallsQueryStatsRes(count=connection.execute(counting).fetchone()[0])
        finally:
            connection.close()

    def call_start(self, req: tsi.CallStartReq) -> tsi.CallStartRes:
        with self._order:
            started = super().call_start(req)
            early = self._early_ends.pop(started.id, None)
            if early is not None:
                super().call_end(early)
            return started

    def call_end(self, req: tsi.CallEndReq) -> tsi.CallEndRes:
        with self._order:
            connection = connect(self.db_path)
            known = connection.execute("SELECT 1 FROM calls WHERE id = ?", (req.end.id,)).fetchone()
            connection.close()
            if known is None:
                self._early_ends[req.end.id] = req
                return tsi.CallEndRes()
            return super().call_end(req)

    def cost_query(self, req: tsi.CostQueryReq) -> tsi.CostQueryRes:
        """The SQLite server keeps no prices; an empty list is its honest answer."""
        return tsi.CostQueryRes(results=[])
