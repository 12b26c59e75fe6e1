"""Agents traced by the conversation API of Weave's newest client: python seed_conversation.py ENTITY/PROJECT."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
_answer = sys.stdout
sys.stdout = sys.stderr

from weave_client import connect  # noqa: E402
import weave  # noqa: E402
from weave.conversation import start_conversation, start_turn  # noqa: E402


def main() -> None:
    client = connect(sys.argv[1])
    with start_conversation(agent_name="travel agent", model="gpt-4o-mini"):
        with start_turn() as turn:
            turn.user("Where to?")
            with turn.llm(model="gpt-4o-mini", provider_name="openai") as answer:
                answer.output("To the Alps.")
            with turn.tool(name="book", arguments="{}"):
                pass
    client.flush()
    weave.finish()
    print("done", file=_answer)


if __name__ == "__main__":
    main()
