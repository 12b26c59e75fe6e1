"""Writes many calls straight into the server's database: python big.py DATABASE PROJECT KIND COUNT.

KIND `small`: traces of ten calls (a root and nine children) with small inputs; `large`: single calls
whose input is a text of one megabyte. Far faster than a client, for measurements only.
"""

from __future__ import annotations

import base64
import json
import sqlite3
import sys
from collections.abc import Iterator

OPS = ["rag.answer", "rag.retrieve", "llm.chat", "tools.search"]
COLUMNS = [
    "project_id", "id", "trace_id", "parent_id", "op_name", "started_at", "ended_at", "exception",
    "attributes", "inputs", "input_refs", "output", "output_refs", "summary", "wb_user_id",
]
MEGABYTE = 1_000_000
TREE = 10


def moment(milliseconds: int) -> str:
    """A time on 1 January 2025 and the days after, as the trace server writes it."""
    seconds, rest = divmod(milliseconds, 1000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    return f"2025-01-{1 + day:02d}T{hour:02d}:{minute:02d}:{second:02d}.{rest:03d}000+00:00"


def internal_id(project: str) -> str:
    """The id that app.py gives a project inside the store."""
    number = int.from_bytes(project.encode(), "big")
    return base64.b64encode(f"ProjectInternalId:{number}".encode()).decode()


def call(project: str, kind: str, index: int) -> tuple:
    place = index % TREE if kind == "small" else 0
    root = index - place
    op = OPS[place % len(OPS)] if kind == "small" else "ingest.page"
    failed = index % 50 == 7
    start = root * 40 + place
    text = f"question {index}" if kind == "small" else f"{index:08d}" + "lorem ipsum " * (MEGABYTE // 12)
    usage = {"model-small": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15, "requests": 1}}
    counts = {"success": 0 if failed else 1, "error": 1 if failed else 0}
    return (
        internal_id(project),
        f"{kind}-{index:012d}",
        f"{kind}-trace-{root:012d}",
        None if place == 0 else f"{kind}-{root:012d}",
        f"weave-trace-internal:///{internal_id(project)}/op/{op}:v0",
        moment(start),
        moment(start + 5 + index % 300),
        "RuntimeError: failed" if failed else None,
        json.dumps({"env": "prod" if index % 3 else "dev"}),
        json.dumps({"text": text, "number": index % 100}),
        "[]",
        json.dumps({"answer": f"answer {index}"}),
        "[]",
        json.dumps({"usage": usage, "status_counts": counts}),
        "test-user",
    )


def calls(project: str, kind: str, count: int) -> Iterator[tuple]:
    for index in range(count):
        yield call(project, kind, index)


def main() -> None:
    database, project, kind, count = sys.argv[1:5]
    if kind not in {"small", "large"}:
        raise SystemExit(f"KIND must be small or large, not {kind}")
    connection = sqlite3.connect(database, timeout=60)
    marks = ", ".join("?" for _ in COLUMNS)
    with connection:
        connection.executemany(
            f"INSERT INTO calls ({', '.join(COLUMNS)}) VALUES ({marks})", calls(project, kind, int(count))
        )
    connection.close()


if __name__ == "__main__":
    main()
