"""How much slower a process gets when another one does the same beside it, and by what.

`python -m bench.side_by_side LOAD START SECONDS` is one such process.
"""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from experiment.common.errors import InputError

SECONDS = 2.0
# From when a process is started until its load begins: Python and NumPy take a part of it.
AHEAD = 1.5


@dataclass(frozen=True)
class Load:
    """What a process repeats, and what two of them have to share.

    Attributes:
        description: in words.
        shared: likewise.
        side: of the `float32` matrices of a product; None: it copies.
        copied: bytes of the array that is copied.
    """

    description: str
    shared: str
    side: int | None = None
    copied: int = 0


# The caches are those of a server's processor: 0.5 to 2 MB for each core, 16 MB or more for all.
LOADS = {
    "product": Load("matrix products in each core's own cache", "the cores' speed", side=192),
    # As many bytes as the weights, their gradient, and what Adam keeps of both.
    "cache": Load("copies of 5.5 MB", "the cache that both cores share", copied=5_500_000),
    "memory": Load("copies of 128 MB", "the memory", copied=2**27),
}


def measure_loads(rounds: int) -> dict[str, list[dict[str, float]]]:
    """Each load alone and in two processes at once, in turn.

    Returns:
        By load, for each round: `alone` and `together`, repetitions per second of one process.
    """
    return {
        name: [
            {"alone": rate_of_one(name, processes=1), "together": rate_of_one(name, processes=2)}
            for _ in range(rounds)
        ]
        for name in LOADS
    }


def rate_of_one(name: str, *, processes: int) -> float:
    """Mean repetitions per second of each of so many processes that do the same at once.

    Raises:
        InputError: one of them fails; its last line is in the message.
    """
    start = time.time() + AHEAD
    command = [sys.executable, "-m", "bench.side_by_side", name, str(start), str(SECONDS)]
    options: dict[str, Any] = {
        "cwd": Path(__file__).parents[1],
        "env": os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
    }
    started = [subprocess.Popen(command, **options) for _ in range(processes)]
    outputs = [process.communicate() for process in started]
    for process, (_, error) in zip(started, outputs, strict=True):
        if process.returncode != 0:
            last = error.strip().splitlines()[-1:]
            raise InputError(
                f"{shlex.join(command)}: expected status 0, found {process.returncode}:"
                f" {''.join(last)}"
            )
    return sum(float(rate) for rate, _ in outputs) / processes


def repeat(action: Callable[[], object], start: float, seconds: float) -> float:
    """Repetitions per second, between two times of day."""
    action()  # memory is there from now on
    time.sleep(max(0.0, start - time.time()))
    began, count = time.perf_counter(), 0
    while (passed := time.perf_counter() - began) < seconds:
        action()
        count += 1
    return count / passed


def action_of(load: Load) -> Callable[[], object]:
    """What a process with this load repeats."""
    if load.side is None:
        source = np.ones(load.copied, np.uint8)
        target = np.zeros_like(source)
        return lambda: np.copyto(target, source)
    a, b = (np.ones((load.side, load.side), np.float32) for _ in range(2))
    out = np.empty_like(a)
    return lambda: np.matmul(a, b, out=out)


if __name__ == "__main__":
    NAME, START, DURATION = sys.argv[1:]
    print(repeat(action_of(LOADS[NAME]), float(START), float(DURATION)))
