"""Weave's own Python client, pointed at the server named by the environment and at nothing else."""

from __future__ import annotations

import os
import sys
from typing import Any

# No telemetry and no look at the package index: tests talk to loopback only. Weave does without
# wandb where it is not installed, and importing it takes seconds.
sys.modules["sentry_sdk"] = sys.modules["wandb"] = None  # type: ignore[assignment]
os.environ["WEAVE_USE_SERVER_CACHE"] = "false"
os.environ["WEAVE_PRINT_CALL_LINK"] = "false"
os.environ["WEAVE_PARALLELISM"] = "1"
os.environ["WANDB_ERROR_REPORTING"] = "false"
os.environ["WEAVE_LOG_LEVEL"] = "ERROR"

import weave  # noqa: E402
from weave.trace import init_message  # noqa: E402

del sys.modules["wandb"]  # what runs later asks whether it was imported

init_message._print_version_check = lambda: None


def connect(project: str) -> Any:
    """`weave.init` for `entity/project`; the server comes from WF_TRACE_SERVER_URL, WANDB_BASE_URL."""
    return weave.init(project)
