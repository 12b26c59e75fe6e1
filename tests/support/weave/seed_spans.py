"""Spans with usage above spans with usage: python seed_spans.py ENTITY/PROJECT.

Prints JSON: the ids of the traces by their labels.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from spans import trace_id, tracing  # noqa: E402

CHAT = ("chat", "gpt-4o-mini", 100, 20)


def main() -> None:
    traces: dict[str, str] = {}
    with tracing(sys.argv[1]) as span:

        @contextmanager
        def trace(label: str, *usage: Any) -> Iterator[None]:
            with span(label, *usage) as root:
                traces[label] = trace_id(root)
                yield

        def chat() -> None:
            with span(*CHAT):
                pass

        with trace("other_model", "text-embedding-3-small", 7, 1):
            chat()
        with trace("same_model", "gpt-4o-mini", 10, 1):
            chat()
        with trace("nested"), span("router", "gpt-4o-mini", 10, 1):
            chat()
        with trace("summed_up", "gpt-4o-mini", 200, 40):
            chat()
            chat()
        with trace("both_spellings"), span(*CHAT) as own:
            own.set_attribute("ai.usage.promptTokens", 100)
            own.set_attribute("ai.usage.completionTokens", 20)
        with trace("larger", "gpt-4o-mini", 300, 60):
            chat()
    print(json.dumps(traces))


if __name__ == "__main__":
    main()
