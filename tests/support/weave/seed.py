"""Fills a project through Weave's own Python client: python seed.py ENTITY/PROJECT.

Prints one JSON manifest: labels for the calls and evaluations made, and how many of each there are as
the scripts below meant them (not as read back). The server is the one the environment names.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
_answer = sys.stdout
sys.stdout = sys.stderr  # Weave may print; the manifest alone goes to stdout

import seed_evaluations  # noqa: E402
import seed_traces  # noqa: E402
from weave_client import connect  # noqa: E402


def main() -> None:
    project = sys.argv[1]
    client = connect(project)
    manifest: dict[str, Any] = {"project": project}
    manifest["traces"] = seed_traces.seed(client)
    manifest["evaluations"] = seed_evaluations.seed(client)
    client.flush()
    seed_evaluations.leave_unfinished(client, manifest["evaluations"])
    client.flush()
    print(json.dumps(manifest, ensure_ascii=False), file=_answer, flush=True)
    os._exit(0)  # an evaluation is still running in a thread, on purpose


if __name__ == "__main__":
    main()
