"""Python imports this first where a test puts its folder on PYTHONPATH.

In the process whose arguments are `FAULT_IN` it does `FAULT` when the file number `FAULT_AT` is
written under its temporary name and about to be renamed.
"""

import itertools
import os
import resource
import sys
import time
from pathlib import Path

sync, files, given = os.fsync, itertools.count(1), os.environ


def fsync(file: int) -> None:
    """Hang with half of a file written, or let no later file be larger than 64 bytes."""
    if next(files) == int(given["FAULT_AT"]):
        if given["FAULT"] == "hang":
            os.ftruncate(file, os.fstat(file).st_size // 2)
            Path(given["FAULT_MARK"]).touch()
            while True:
                time.sleep(1)
        resource.setrlimit(resource.RLIMIT_FSIZE, (64, resource.RLIM_INFINITY))
    sync(file)


if given.get("FAULT_IN") == " ".join(sys.orig_argv[2:]):
    os.fsync = fsync  # type: ignore[assignment]
