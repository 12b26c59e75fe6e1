"""Runs a program on a pseudo-terminal and talks to it as a person would.

Reads one JSON object on standard input: {"command": [...], "env": {...}, "seconds": n,
"steps": [{"await": "text", "send": "text"}, ...]}. Writes {"screen": "...", "code": n, "missing":
"text that did not come" or null} on standard output. A program that does not end is ended. POSIX only.
"""

import json
import os
import pty
import select
import signal
import sys
import time


def main() -> None:
    task = json.load(sys.stdin)
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(task["command"][0], task["command"], task["env"])
    deadline = time.monotonic() + task["seconds"]
    steps = list(task["steps"])
    screen = b""
    seen = 0
    while True:
        while steps and steps[0]["await"].encode() in screen[seen:]:
            step = steps.pop(0)
            seen = screen.index(step["await"].encode(), seen) + len(step["await"].encode())
            os.write(terminal, step["send"].encode())
        left = deadline - time.monotonic()
        ready = select.select([terminal], [], [], max(0, left))[0]
        if not ready:
            os.kill(pid, signal.SIGKILL)
            break
        try:
            data = os.read(terminal, 65536)
        except OSError:
            # Linux tells the end of the other side in this way.
            break
        if not data:
            break
        screen += data
    _, status = os.waitpid(pid, 0)
    json.dump(
        {
            "screen": screen.decode("utf-8", "replace"),
            "code": os.waitstatus_to_exitcode(status),
            "missing": steps[0]["await"] if steps else None,
        },
        sys.stdout,
    )


main()
