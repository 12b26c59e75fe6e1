"""Serves MCP over HTTP with fastmcp: MLflow's own server, or a tool that does given requests.

Usage: python python_server.py PORT [SETUP.json]
"""

import json
import sys
from pathlib import Path

import httpx
from fastmcp import FastMCP
from starlette.responses import PlainTextResponse

port = int(sys.argv[1])
if len(sys.argv) == 2:
    from mlflow.mcp.server import create_mcp

    mcp = create_mcp()
else:
    setup = json.loads(Path(sys.argv[2]).read_text())
    mcp = FastMCP("equal")
    client = httpx.AsyncClient(timeout=60)

    @mcp.tool
    async def fetch() -> str:
        parts = []
        for request in setup["requests"]:
            response = await client.request(
                request["method"],
                setup["base"] + request["path"],
                content=request["body"],
                headers={"content-type": request["type"]} if request["type"] else {},
            )
            parts.append(response.text)
        return "\n".join(parts)


@mcp.custom_route("/healthz", methods=["GET"])
async def healthz(_request):
    return PlainTextResponse("ok")


mcp.run(
    transport="http",
    host="127.0.0.1",
    port=port,
    stateless_http=True,
    json_response=True,
    show_banner=False,
    log_level="ERROR",
    uvicorn_config={"access_log": False},
)
