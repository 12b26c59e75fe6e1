"""Calls of OpenAI's, Anthropic's and LangChain's libraries as Weave patches them, on a stub model.

Usage: python seed_integrations.py ENTITY/PROJECT. Prints a JSON manifest with the ids of the root calls.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
_answer = sys.stdout
sys.stdout = sys.stderr

OPENAI = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-mini",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Zürich"},
            "finish_reason": "stop",
        }
    ],
    "usage": {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "total_tokens": 120,
        "prompt_tokens_details": {"cached_tokens": 40},
    },
}
ANTHROPIC = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-20250514",
    "content": [{"type": "text", "text": "Bern"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 30,
        "output_tokens": 7,
        "cache_creation_input_tokens": 500,
        "cache_read_input_tokens": 1000,
    },
}


def chunks() -> list[dict[str, Any]]:
    """OpenAI's answer in the pieces of a stream; the last has the usage."""
    base = {"id": "chatcmpl-2", "object": "chat.completion.chunk", "created": 1, "model": OPENAI["model"]}

    def piece(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        return {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}], "usage": None}

    return [
        piece({"role": "assistant", "content": "Zü"}),
        piece({"content": "rich"}),
        piece({}, "stop"),
        {**base, "choices": [], "usage": OPENAI["usage"]},
    ]


class Model(BaseHTTPRequestHandler):
    """The two companies' routes."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path.endswith("/messages"):
            self.reply(json.dumps(ANTHROPIC), "application/json")
        elif asked.get("stream"):
            events = [*map(json.dumps, chunks()), "[DONE]"]
            self.reply("".join(f"data: {event}\n\n" for event in events), "text/event-stream")
        else:
            self.reply(json.dumps(OPENAI), "application/json")

    def reply(self, text: str, kind: str) -> None:
        body = text.encode()
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        pass


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    os.environ |= {"OPENAI_API_KEY": "none", "OPENAI_BASE_URL": f"{url}/v1", "ANTHROPIC_API_KEY": "none"}
    os.environ |= {"LANGSMITH_TRACING": "false", "NO_PROXY": "127.0.0.1"}

    import anthropic
    import openai
    import weave
    from langchain_core.prompts import ChatPromptTemplate
    from langchain_openai import ChatOpenAI
    from weave_client import connect

    client = connect(sys.argv[1])
    asked = [{"role": "user", "content": "größte Stadt?"}]
    ids: dict[str, str] = {}

    @weave.op(name="agent.run")
    def run(question: str) -> str:
        answer = openai.OpenAI().chat.completions.create(
            model="gpt-4o-mini", messages=asked, temperature=0.2
        )
        stream = openai.OpenAI().chat.completions.create(
            model="gpt-4o-mini", messages=asked, stream=True
        )
        text = "".join(part.choices[0].delta.content or "" for part in stream if part.choices)
        message = anthropic.Anthropic(base_url=url).messages.create(
            model="claude-sonnet-4-20250514", max_tokens=64, messages=asked, system="Be brief."
        )
        return f"{answer.choices[0].message.content} {text} {message.content[0].text}"

    _, call = run.call("which?")
    ids["agent"] = call.id
    chain = ChatPromptTemplate.from_messages([("user", "capital of {country}?")]) | ChatOpenAI(
        model="gpt-4o-mini", temperature=0
    )

    @weave.op(name="chain.run")
    def ask(country: str) -> str:
        return chain.invoke({"country": country}).content

    _, call = ask.call("Switzerland")
    ids["chain"] = call.id
    client.flush()
    print(json.dumps(ids), file=_answer, flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
