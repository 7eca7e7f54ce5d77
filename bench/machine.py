"""This machine: what it is, how fast it multiplies and copies, and the floor that follows."""

import os
import platform
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import numpy as np
import psutil

PRODUCT_SIDE = 2048
COPY_BYTES = 2**28  # larger than any cache


def describe_machine() -> dict[str, Any]:
    """Processor, cores, memory in bytes, system, and versions of what computes."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    versions = {found.name.replace("_", "-"): found.version for found in distributions()}
    return {
        "cores": os.cpu_count() or 1,
        "memory": psutil.virtual_memory().total,
        "processor": models[0] if models else platform.machine(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "tensorflow": versions.get("tensorflow") or versions.get("tensorflow-cpu"),
    }


def measure_rates() -> dict[str, float]:
    """What all cores together reach: the arguments of `floor_seconds`.

    A float32 matrix product of NumPy, and a copy of a large array, bytes read and written.
    """
    a, b = (np.ones((PRODUCT_SIDE, PRODUCT_SIDE), np.float32) for _ in range(2))
    product = np.empty_like(a)
    cores = os.cpu_count() or 1
    sources = np.array_split(np.ones(COPY_BYTES, np.uint8), cores)
    targets = [np.zeros_like(source) for source in sources]
    with ThreadPoolExecutor(cores) as pool:
        multiplying = _best_seconds(lambda: np.matmul(a, b, out=product))
        copying = _best_seconds(lambda: list(pool.map(np.copyto, targets, sources)))
    return {
        "flops_per_second": 2 * PRODUCT_SIDE**3 / multiplying,
        "bytes_per_second": 2 * COPY_BYTES / copying,
    }


def _best_seconds(action: Callable[[], object]) -> float:
    times = []
    for _ in range(7):
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return min(times)


def floor_seconds(*, flops_per_second: float, bytes_per_second: float) -> float:
    """The least time of one epoch of one variant of `bench/plain.py`.

    Counts the operations of convolution and dense layers and the bytes of Adam's update, one after
    the other. Leaves out biases, ReLU, pooling, softmax, Dropout and the input.
    """
    # A multiplication and an addition for each output and weight, for one image.
    convolution = 2 * (26 * 26 * 32) * (3 * 3)
    forward = convolution + 2 * (13 * 13 * 32) * 128 + 2 * 128 * 10
    # Each of the two gradients costs as much as forward; nobody needs the one of the images.
    update = 3 * forward - convolution
    parameters = (3 * 3 + 1) * 32 + (13 * 13 * 32 + 1) * 128 + (128 + 1) * 10
    # Adam (arXiv 1412.6980), float32: reads w, m, v and the gradient, writes w, m and v.
    bytes_of_adam = 7 * 4 * parameters
    flops = 48_000 * update + 12_000 * forward
    return flops / flops_per_second + 48_000 / 32 * bytes_of_adam / bytes_per_second
