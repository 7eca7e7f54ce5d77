"""This machine: what it is, and what it reaches."""

import os
import platform
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import psutil

REPEATS = 7  # the best of them counts: what the machine reaches when it is left alone
PRODUCT_SIDE = 2048
COPY_BYTES = 2**28  # larger than any cache


def describe_machine() -> dict[str, Any]:
    """Processor, cores, memory in bytes, system, and versions of what computes."""
    return {
        "cores": os.cpu_count() or 1,
        "memory": psutil.virtual_memory().total,
        "processor": _processor(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "tensorflow": version("tensorflow"),
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def product_rate() -> float:
    """Floating-point operations per second of a `float32` matrix product of NumPy, on all cores."""
    random = np.random.default_rng(0)
    a, b = (random.random((PRODUCT_SIDE, PRODUCT_SIDE), np.float32) for _ in range(2))
    out = np.empty_like(a)
    return 2 * PRODUCT_SIDE**3 / _best_seconds(lambda: np.matmul(a, b, out=out))


def copy_rate() -> float:
    """Bytes per second, read and written, of the copy of a large array, a part on each core."""
    source = np.ones(COPY_BYTES, np.uint8)
    target = np.zeros_like(source)
    cores = os.cpu_count() or 1
    sources, targets = np.array_split(source, cores), np.array_split(target, cores)
    with ThreadPoolExecutor(cores) as pool:
        return 2 * COPY_BYTES / _best_seconds(lambda: list(pool.map(np.copyto, targets, sources)))


def _best_seconds(action: Callable[[], object]) -> float:
    def seconds() -> float:
        started = time.perf_counter()
        action()
        return time.perf_counter() - started

    return min(seconds() for _ in range(REPEATS))
