"""Python imports this first where a test puts its folder on PYTHONPATH.

In the process whose arguments are `FAULT_IN` it does `FAULT` when the file number `FAULT_AT` is
written under its temporary name and about to be renamed.
"""

import os
import signal
import sys
import time
from pathlib import Path

sync = os.fsync
synced = 0


def fsync(file: int) -> None:
    global synced
    synced += 1
    if synced == int(os.environ["FAULT_AT"]):
        cause(file)
    sync(file)


def cause(file: int) -> None:
    if os.environ["FAULT"] == "hang":
        os.ftruncate(file, os.fstat(file).st_size // 2)  # as if half of it was written
        Path(os.environ["FAULT_MARK"]).touch()
        while True:
            time.sleep(1)
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (64, resource.RLIM_INFINITY))


def jump() -> None:
    """A clock that jumps by years, back and forth, each time it is read."""
    real, real_local, reads = time.time, time.localtime, 0

    def jumping() -> float:
        nonlocal reads
        reads += 1
        return real() + (1 if reads % 2 else -1) * 4 * 365 * 86_400

    time.time = jumping
    time.localtime = lambda seconds=None: real_local(jumping() if seconds is None else seconds)


# As in a terminal, also where the tests run in the background of a shell, which ignores Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
if os.environ.get("FAULT_IN") == " ".join(sys.orig_argv[2:]):
    os.fsync = fsync  # type: ignore[assignment]
if os.environ.get("FAULT_CLOCK"):
    jump()
if os.environ.get("FAULT_LOCALE"):
    import locale

    locale.setlocale(locale.LC_ALL, "")
