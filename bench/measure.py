"""What a command costs: time, CPU time, and the memory of its largest process."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from experiment.support.errors import InputError
from gate.git import environment_without_repository

Costs = dict[str, float]

# A process of its own, so that the kernel's accounts hold this command and nothing else. A command
# is counted at least with the memory of the process that starts it: about 10 MB here.
LAUNCHER = """
import json, resource, subprocess, sys, time
started = time.perf_counter()
status = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=sys.stderr).returncode
seconds = time.perf_counter() - started
used = resource.getrusage(resource.RUSAGE_CHILDREN)
cpu_seconds, largest_process = used.ru_utime + used.ru_stime, used.ru_maxrss * 1024
print(json.dumps([status, seconds, cpu_seconds, largest_process]))
"""


def measure(command: Sequence[str], folder: Path) -> tuple[Costs, str]:
    """Runs a command to its end; `python` in what it starts is this Python.

    Returns:
        Its costs and its output. `seconds`: from start to end; `cpu_seconds`: of all its processes;
        `largest_process`: bytes, the most that one of them had resident.

    Raises:
        InputError: it fails; its last lines are in the message.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-c", LAUNCHER, *command],
        cwd=folder,
        env=environment_without_repository() | {"PATH": path},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    status, *figures = json.loads(done.stdout) if done.returncode == 0 else [done.returncode]
    if status != 0:
        last = " / ".join(done.stderr.strip().splitlines()[-3:])
        raise InputError(f"{shlex.join(command)}: expected status 0, found {status}: {last}")
    names = ("seconds", "cpu_seconds", "largest_process")
    return dict(zip(names, figures, strict=True)), done.stderr
