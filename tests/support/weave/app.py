"""A thin HTTP face for Weave's trace servers, with the routes of the hosted service.

Usage: python app.py PORT STORE DATABASE API_KEY ENTITY; STORE is `sqlite` or `clickhouse`. Listens on
the loopback address. Routes answer at / and at /traces (where self-managed W&B has them). `/graphql`
answers the three questions that `weave.init` asks W&B. `GET /__log` lists the requests so far,
`DELETE /__log` forgets them.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import hmac
import importlib
import json
import logging
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
# Left out, as where they are not installed: importing them takes seconds.
sys.modules["wandb"] = sys.modules["sentry_sdk"] = None  # type: ignore[assignment]

if sys.argv[2:3] not in (["sqlite"], ["clickhouse"]):
    sys.exit(__doc__)
store_module = importlib.import_module(f"{sys.argv[2]}_server")  # before Weave's own modules

import uvicorn  # noqa: E402
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # noqa: E402
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from pydantic import BaseModel, ValidationError  # noqa: E402
from starlette.applications import Starlette  # noqa: E402
from starlette.concurrency import run_in_threadpool  # noqa: E402
from starlette.requests import Request  # noqa: E402
from starlette.responses import JSONResponse, Response, StreamingResponse  # noqa: E402
from starlette.routing import Mount, Route  # noqa: E402
from weave.trace_server import external_to_internal_trace_server_adapter as adapter  # noqa: E402
from weave.trace_server import trace_server_interface as tsi  # noqa: E402
from weave.trace_server.errors import handle_server_exception  # noqa: E402

USER = "test-user"
LOGGED_BODY = 65_536


class Ids(adapter.IdConverter):
    """Ids as the hosted service keeps them; the number in one is the name outside."""

    def ext_to_int_project_id(self, project_id: str) -> str:
        number = int.from_bytes(project_id.encode(), "big")
        return base64.b64encode(f"ProjectInternalId:{number}".encode()).decode()

    def int_to_ext_project_id(self, project_id: str) -> str | None:
        try:
            number = int(base64.b64decode(project_id.encode()).decode().partition(":")[2])
            return number.to_bytes((number.bit_length() + 7) // 8, "big").decode()
        except ValueError:
            return None

    ext_to_int_user_id = ext_to_int_project_id
    int_to_ext_user_id = int_to_ext_project_id

    def ext_to_int_run_id(self, run_id: str) -> str:
        project, _, run = run_id.rpartition("/")
        return f"{self.ext_to_int_project_id(project)}:{run}"

    def int_to_ext_run_id(self, run_id: str) -> str:
        project, _, run = run_id.rpartition(":")
        return f"{self.int_to_ext_project_id(project)}/{run}"


def sign(value: Any) -> None:
    """The hosted service takes the user from the session, not from the body."""
    if isinstance(value, list):
        for item in value:
            sign(item)
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            if name == "wb_user_id" and getattr(value, name) is None:
                setattr(value, name, USER)
            elif name in {"start", "req", "batch", "obj"}:
                sign(getattr(value, name))


class Service:
    """Request handlers over one trace server."""

    def __init__(self, database: str) -> None:
        self.store = store_module.TestTraceServer(database)
        self.store.setup_tables()
        self.trace = adapter.ExternalTraceServer(self.store, Ids())
        self.agents: dict[str, list[dict[str, str]]] = {}

    async def answer(self, run: Callable[[], Any]) -> Response:
        try:
            result = await run_in_threadpool(run)
        except ValidationError as error:
            problems = error.errors(include_url=False, include_context=False)
            return JSONResponse({"detail": json.loads(json.dumps(problems, default=str))}, 422)
        except Exception as error:  # noqa: BLE001 - the registry knows every kind
            failure = handle_server_exception(error)
            level = logging.WARNING if failure.status_code >= 500 else logging.INFO
            logging.getLogger("weave.app").log(level, "refused", exc_info=error)
            return JSONResponse(failure.message, failure.status_code)
        if isinstance(result, Response):
            return result
        return Response(result.model_dump_json(by_alias=True), media_type="application/json")

    def post(self, model: type[BaseModel], method: str) -> Callable[[Request], Any]:
        async def handle(request: Request) -> Response:
            body = await request.body()

            def run() -> Any:
                req = model.model_validate_json(body or b"{}")
                sign(req)
                return getattr(self.trace, method)(req)

            return await self.answer(run)

        return handle

    def project_post(self, model: type[BaseModel], method: str) -> Callable[[Request], Any]:
        """Like post, for routes that have the project in the path."""

        async def handle(request: Request) -> Response:
            body = await request.body()
            project_id = f"{request.path_params['entity']}/{request.path_params['project']}"

            def run() -> Any:
                req = model.model_validate({**json.loads(body), "project_id": project_id})
                return getattr(self.trace, method)(req)

            return await self.answer(run)

        return handle

    def stream(self, model: type[BaseModel], method: str) -> Callable[[Request], Any]:
        async def handle(request: Request) -> Response:
            body = await request.body()

            def run() -> Response:
                rows = getattr(self.trace, method)(model.model_validate_json(body))
                first = next(rows, None)  # an error here can still be told by its status
                return StreamingResponse(lines(first, rows), media_type="application/jsonl")

            return await self.answer(run)

        return handle

    async def upsert_batch(self, request: Request) -> Response:
        body = await request.body()

        def run() -> Any:
            batch = tsi.CallCreateBatchReq.model_validate_json(body)
            sign(batch)
            with getattr(self.store, "call_batch", nullcontext)():
                results = [
                    self.trace.call_start(item.req)
                    if item.mode == "start"
                    else self.trace.call_end(item.req)
                    for item in batch.batch
                ]
            return tsi.CallCreateBatchRes(res=results)

        return await self.answer(run)

    async def calls_complete(self, request: Request) -> Response:
        body = await request.body()

        def run() -> Any:
            req = tsi.CallsUpsertCompleteReq.model_validate_json(body)
            sign(req)
            return self.trace.calls_complete(req)

        return await self.answer(run)

    async def otel_export(self, request: Request) -> Response:
        body = await request.body()
        if request.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        entity, project = request.headers["project_id"].split("/")

        def run() -> Response:
            sent = ExportTraceServiceRequest.FromString(body)
            spans = [
                tsi.ProcessedResourceSpans(
                    entity=entity, project=project, run_id=None, resource_spans=group
                )
                for group in sent.resource_spans
            ]
            req = tsi.OTelExportReq(
                processed_spans=spans, project_id=f"{entity}/{project}", wb_user_id=USER
            )
            self.trace.otel_export(req)
            answer = ExportTraceServiceResponse().SerializeToString()
            return Response(answer, media_type="application/x-protobuf")

        return await self.answer(run)

    async def agents_export(self, request: Request) -> Response:
        """Keeps agents' spans apart from calls; the wheel has no server that does."""
        body = await request.body()
        if request.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        spans = self.agents.setdefault(request.headers["project_id"], [])
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in group.scope_spans:
                spans.extend({one.key: one.value.string_value for one in span.attributes} for span in scope.spans)
        answer = ExportTraceServiceResponse().SerializeToString()
        return Response(answer, media_type="application/x-protobuf")

    async def agents_query(self, request: Request) -> Response:
        body = await request.json()
        names = [one.get("gen_ai.agent.name") for one in self.agents.get(body["project_id"], [])]
        counts = Counter(name for name in names if name)
        agents = [{"agent_name": name, "span_count": count} for name, count in counts.items()]
        found = {"agents": agents[: body.get("limit")], "total_count": len(agents)}
        return JSONResponse(found)

    async def files_create(self, request: Request) -> Response:
        async with request.form() as form:
            content = await form["file"].read()
            values = {key: value for key, value in form.items() if key != "file"}
            values |= {"name": form["file"].filename or "file", "content": content}
        return await self.answer(lambda: self.trace.file_create(tsi.FileCreateReq(**values)))

    async def files_content(self, request: Request) -> Response:
        body = await request.body()

        def run() -> Response:
            req = tsi.FileContentReadReq.model_validate_json(body)
            content = self.trace.file_content_read(req).content
            return Response(content, media_type="application/octet-stream")

        return await self.answer(run)

    async def projects_info(self, request: Request) -> Response:
        body = await request.body()

        def run() -> Response:
            found = self.trace.projects_info(tsi.ProjectsInfoReq.model_validate_json(body))
            return JSONResponse([item.model_dump() for item in found])

        return await self.answer(run)

    def routes(self) -> list[Route]:
        posts: list[tuple[str, type[BaseModel], str]] = [
            ("/call/start", tsi.CallStartReq, "call_start"),
            ("/call/end", tsi.CallEndReq, "call_end"),
            ("/call/read", tsi.CallReadReq, "call_read"),
            ("/call/update", tsi.CallUpdateReq, "call_update"),
            ("/calls/delete", tsi.CallsDeleteReq, "calls_delete"),
            ("/calls/query_stats", tsi.CallsQueryStatsReq, "calls_query_stats"),
            ("/calls/stats", tsi.CallStatsReq, "call_stats"),
            ("/calls/usage", tsi.CallsUsageReq, "calls_usage"),
            ("/trace/usage", tsi.TraceUsageReq, "trace_usage"),
            ("/obj/create", tsi.ObjCreateReq, "obj_create"),
            ("/obj/read", tsi.ObjReadReq, "obj_read"),
            ("/obj/delete", tsi.ObjDeleteReq, "obj_delete"),
            ("/objs/query", tsi.ObjQueryReq, "objs_query"),
            ("/refs/read_batch", tsi.RefsReadBatchReq, "refs_read_batch"),
            ("/table/create", tsi.TableCreateReq, "table_create"),
            ("/table/create_from_digests", tsi.TableCreateFromDigestsReq, "table_create_from_digests"),
            ("/table/update", tsi.TableUpdateReq, "table_update"),
            ("/table/query", tsi.TableQueryReq, "table_query"),
            ("/table/query_stats", tsi.TableQueryStatsReq, "table_query_stats"),
            ("/table/query_stats_batch", tsi.TableQueryStatsBatchReq, "table_query_stats_batch"),
            ("/feedback/create", tsi.FeedbackCreateReq, "feedback_create"),
            ("/feedback/batch/create", tsi.FeedbackCreateBatchReq, "feedback_create_batch"),
            ("/feedback/query", tsi.FeedbackQueryReq, "feedback_query"),
            ("/feedback/purge", tsi.FeedbackPurgeReq, "feedback_purge"),
            ("/feedback/replace", tsi.FeedbackReplaceReq, "feedback_replace"),
            ("/cost/create", tsi.CostCreateReq, "cost_create"),
            ("/cost/query", tsi.CostQueryReq, "cost_query"),
            ("/v2/{entity}/{project}/call/start", tsi.CallStartV2Req, "call_start_v2"),
            ("/v2/{entity}/{project}/call/end", tsi.CallEndV2Req, "call_end_v2"),
        ]
        special = [
            ("/call/upsert_batch", self.upsert_batch),
            ("/v2/{entity}/{project}/calls/complete", self.calls_complete),
            ("/otel/v1/traces", self.otel_export),
            ("/agents/otel/v1/traces", self.agents_export),
            ("/agents/query", self.agents_query),
            ("/files/create", self.files_create),
            ("/file/create", self.files_create),
            ("/files/content", self.files_content),
            ("/file/content", self.files_content),
            ("/service/projects_info", self.projects_info),
            ("/calls/stream_query", self.stream(tsi.CallsQueryReq, "calls_query_stream")),
            ("/threads/stream_query", self.stream(tsi.ThreadsQueryReq, "threads_query_stream")),
            (
                "/v2/{entity}/{project}/eval_results/query",
                self.project_post(tsi.EvalResultsQueryReq, "eval_results_query"),
            ),
        ]
        return [
            *(Route(path, self.post(model, method), methods=["POST"]) for path, model, method in posts),
            *(Route(path, handler, methods=["POST"]) for path, handler in special),
            Route("/server_info", server_info),
            Route("/health", health),
        ]


def lines(first: BaseModel | None, rest: Iterator[BaseModel]) -> Iterator[bytes]:
    """The rows as JSON lines."""
    if first is not None:
        yield first.model_dump_json().encode() + b"\n"
    for row in rest:
        yield row.model_dump_json().encode() + b"\n"


async def server_info(_request: Request) -> Response:
    return JSONResponse({"min_required_weave_python_version": "0.0.0", "trace_server_version": "0.0.0"})


async def health(_request: Request) -> Response:
    return JSONResponse({"status": "ok"})


def graphql(entity: str) -> Callable[[Request], Any]:
    """What `weave.init` asks W&B: who am I, does the project exist, create it."""

    async def handle(request: Request) -> Response:
        body = await request.json()
        query, variables = body.get("query", ""), body.get("variables") or {}
        if "upsertModel" in query:
            model = {"name": variables.get("name"), "description": None}
            return JSONResponse({"data": {"upsertModel": {"model": model}}})
        if "viewer" in query:
            viewer = {"username": USER, "defaultEntity": {"name": entity}}
            return JSONResponse({"data": {"viewer": viewer}})
        if "project(" in query:
            return JSONResponse({"data": {"project": {"name": variables.get("name")}}})
        return JSONResponse({"errors": [{"message": "Cannot answer this query here"}]}, 400)

    return handle


class Gate:
    """ASGI layer in front of the routes: credentials and the request log."""

    OPEN = ("/health", "/__log", "/traces/health")

    def __init__(self, app: Any, api_key: str) -> None:
        self.app, self.api_key, self.log = app, api_key, []

    def permitted(self, header: str) -> bool:
        scheme, _, rest = header.partition(" ")
        given = rest
        if scheme.lower() == "basic":
            try:
                user, _, given = base64.b64decode(rest, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                return False
            if user not in {"api", ""}:
                return False
        elif scheme.lower() != "bearer":
            return False
        return hmac.compare_digest(given.encode(), self.api_key.encode())

    async def __call__(self, scope: dict, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["path"] == "/__log":
            entries = list(self.log)
            if scope["method"] == "DELETE":
                self.log.clear()
            await JSONResponse({"requests": entries})(scope, receive, send)
            return
        entry: dict[str, Any] = {
            "method": scope["method"],
            "path": scope["path"],
            "request_bytes": 0,
            "response_bytes": 0,
            "status": None,
            "body": "",
        }
        self.log.append(entry)

        async def counted_receive() -> Any:
            message = await receive()
            body = message.get("body", b"")
            room = LOGGED_BODY - entry["request_bytes"]
            if body and room > 0:
                entry["body"] += body[:room].decode(errors="replace")
            entry["request_bytes"] += len(body)
            return message

        async def counted_send(message: Any) -> None:
            if message["type"] == "http.response.start":
                entry["status"] = message["status"]
            entry["response_bytes"] += len(message.get("body", b""))
            await send(message)

        headers = dict(scope["headers"])
        allowed = self.permitted(headers.get(b"authorization", b"").decode("latin-1"))
        target = self.app
        if not allowed and scope["path"] not in self.OPEN:
            target = JSONResponse({"detail": "Unauthenticated"}, 401, {"www-authenticate": "Basic"})
        await target(scope, counted_receive, counted_send)


def create_app(database: str, api_key: str, entity: str) -> Gate:
    """The whole ASGI application."""
    routes: list[Any] = Service(database).routes()
    application = Starlette(
        routes=[
            *routes,
            Mount("/traces", routes=routes),
            Route("/graphql", graphql(entity), methods=["POST"]),
        ]
    )
    return Gate(application, api_key)


def main() -> None:
    port, _store, database, api_key, entity = sys.argv[1:6]
    app = create_app(database, api_key, entity)
    uvicorn.run(
        app, host="127.0.0.1", port=int(port), log_level="warning", access_log=False, lifespan="off"
    )


if __name__ == "__main__":
    main()
