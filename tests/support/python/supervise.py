"""Runs a server as the head of a process group that cannot outlive the process it works for.

Usage: python supervise.py PARENT_PID LOG_FILE SCRATCH_FOLDER program [argument...]

When the parent ends (however it ends), on SIGTERM, or when the server itself ends, the whole group
is ended and the scratch folder removed. POSIX only.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time

POLL_SECONDS = 0.5
PATIENCE_SECONDS = 5.0


def kill_group(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        pass


def main() -> int:
    parent, log, scratch, *command = sys.argv[1:]
    with open(log, "ab") as output:
        # A session of its own: Ctrl-C at a terminal reaches the parent and not the server.
        server = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    enough = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: enough.set())
    while server.poll() is None and not enough.is_set() and os.getppid() == int(parent):
        enough.wait(POLL_SECONDS)
    code = server.poll()
    if code is None:
        kill_group(server.pid, signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while server.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
    # The head may be gone while workers of its group linger.
    kill_group(server.pid, signal.SIGKILL)
    server.wait()
    shutil.rmtree(scratch, ignore_errors=True)
    return 0 if code is None else 1


if __name__ == "__main__":
    sys.exit(main())
