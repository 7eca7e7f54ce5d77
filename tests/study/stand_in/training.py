"""Stands for `experiment/network/training.py` in a copy of the code: as deterministic, in no time.

What a test wants of a run it says by an empty file in `faults/`, named as the run in `named`:
`hold <run>`: the run waits until that file is gone, and tells its process in `held <run>`;
`fail <run>`: the run raises an error; `die <run>`: its process is killed. `tried <run>` has a byte
for each time it was tried.
"""

import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np

FAULTS = Path(__file__).parents[2] / "faults"


def named(rate: float, seed: int) -> str:
    return f"rate {rate} seed {seed}"


def configure(threads: int) -> None:
    """There is nothing to configure."""


def build_information() -> dict[str, str]:
    return {"tensorflow.revision": "none"}


def as_tensors(split: Any) -> Any:
    return split


def train_model(
    train: Any, validation: Any, *, dropout_rate: float, epochs: int, seed: int, **settings: Any
) -> tuple[float, list[dict[str, float]]]:
    cause_faults(named(dropout_rate, seed))
    random = np.random.default_rng([int(10 * dropout_rate), seed, int(train.images.sum())])
    names = ("accuracy", "loss", "val_accuracy", "val_loss")
    curve = [{"epoch": e + 1, **{n: float(random.uniform()) for n in names}} for e in range(epochs)]
    return curve[-1]["loss"], curve


def cause_faults(run: str) -> None:
    if not FAULTS.exists():
        return
    with (FAULTS / f"tried {run}").open("a") as file:
        file.write(".")
    if (FAULTS / f"fail {run}").exists():
        raise ValueError("a fault\nthat was injected")
    if (FAULTS / f"die {run}").exists():
        os.kill(os.getpid(), signal.SIGKILL)
    if (FAULTS / f"hold {run}").exists():
        (FAULTS / f".held {run}").write_text(str(os.getpid()))
        (FAULTS / f".held {run}").replace(FAULTS / f"held {run}")
        while (FAULTS / f"hold {run}").exists():
            time.sleep(0.02)


def evaluate_model(model: float, split: Any) -> dict[str, float]:
    return {"accuracy": model / 2, "loss": model + float(split.images.mean())}
