"""Holds the conversation of session.ts with the Python SDK's client.

Reads {"target": {...}, "answer": "accept"|"decline"|null, "mode": "auto"|"legacy", "calls": {...}} on
standard input and writes the report, one JSON object, on standard output.
"""

import asyncio
import json
import sys

from mcp import Client, MCPError, StdioServerParameters
from mcp.types import ElicitResult


def outcome(result):
    if result.is_error:
        return result.content[0].text.split(":")[0]
    data = result.structured_content
    if "traces_deleted" in data:
        return f"deleted {data['traces_deleted']}"
    return data["info"]["trace_id"] if "info" in data else "no id"


async def talk(task):
    target, answer, calls = task["target"], task["answer"], task["calls"]
    questions = []

    async def elicited(_context, params):
        questions.append(params.message)
        content = {"confirm": True} if answer == "accept" else None
        return ElicitResult(action=answer, content=content)

    server = (
        target["url"]
        if target["kind"] == "http"
        else StdioServerParameters(
            command=target["command"], args=target["args"], env=target["env"]
        )
    )
    steps = []

    async def progressed(progress, _total, _message):
        steps.append(progress)

    async with Client(
        server, mode=task["mode"], elicitation_callback=elicited if answer else None
    ) as client:

        async def call(name, **options):
            return await client.call_tool(
                calls[name]["name"], calls[name]["arguments"], **options
            )

        listing = await client.list_tools()
        read = await call("read")
        failure = await call("failure")
        try:
            await call("unknownTool")
            unknown = 0
        except MCPError as error:
            unknown = error.code
        await call("progress", progress_callback=progressed)
        deletion = await call("deletion")
        return {
            "server": client.server_info.name,
            "protocol": client.protocol_version,
            "tools": [tool.name for tool in listing.tools],
            "read": outcome(read),
            "failure": outcome(failure),
            "unknownTool": unknown,
            "progress": len(steps) > 0,
            "deletion": outcome(deletion),
            "question": questions[0] if questions else "",
        }


json.dump(asyncio.run(talk(json.load(sys.stdin))), sys.stdout)
