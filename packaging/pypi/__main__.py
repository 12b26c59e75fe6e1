"""Starts wandflow: this process becomes Deno, with the permissions that wandflow declares."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from ._launch import FLAGS, RUNTIME_VARIABLES


def command(words: list[str]) -> list[str]:
    """The whole command line."""
    try:
        from deno import find_deno_bin

        deno = find_deno_bin()
    except (ImportError, FileNotFoundError) as error:
        sys.exit(
            f"wandflow: its runtime, the Python package deno, is not installed here ({error}). "
            "Install wandflow again: uv tool install --reinstall wandflow, or pip install "
            "--force-reinstall wandflow deno."
        )
    main = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bundle", "main.js")
    return [os.fsdecode(deno), *FLAGS, main, *words]


def environment() -> dict[str, str]:
    """The environment without the runtime's own variables, some of which bypass the permissions."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(("DENO_", "OTEL_")) or name.upper() in RUNTIME_VARIABLES
    }
    # Keeps the runtime from checking for updates.
    # Otherwise glibc keeps the memory of workers that have ended.
    memory = {"MALLOC_TRIM_THRESHOLD_": "131072"}
    return {**memory, **kept, "DENO_NO_UPDATE_CHECK": "1"}


def run_child(words: list[str], env: dict[str, str]) -> int:
    """Runs a child instead, on systems where a process cannot become another."""
    child = subprocess.Popen(words, env=env)

    def pass_on(number: int, _frame: object) -> None:
        child.send_signal(number)

    # A console sends Ctrl+C and Ctrl+Break to both: the child ends, and then this process does.
    for name in ("SIGINT", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    signal.signal(signal.SIGTERM, pass_on)
    code = child.wait()
    return code if code >= 0 else 128 - code


def main() -> None:
    """The `wandflow` program."""
    words, env = command(sys.argv[1:]), environment()
    if os.name == "nt":
        sys.exit(run_child(words, env))
    os.execve(words[0], words, env)


if __name__ == "__main__":
    main()
