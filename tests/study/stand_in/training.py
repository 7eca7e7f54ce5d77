"""Stands for `experiment/network/training.py` in a copy of the code: as deterministic, in no time.

`model.py` beside it stands for `experiment/network/model.py`.

What a test wants of a run it says by an empty file in `faults/`, named as the run in `named`:
`hold <run>`: the run waits until that file is gone, and tells its process in `held <run>`;
`fail <run>`: the run raises an error; `die <run>`: its process is killed. `tried <run>` has a byte
for each time it was tried.
"""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
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


def train_epochs(
    model: Any, train: Any, validation: Any, *, epochs: int, seed: int, **settings: Any
) -> Iterator[Any]:
    cause_faults(named(model.rate, seed))
    random = np.random.default_rng([int(10 * model.rate), seed, int(train.images.sum())])
    names = ("accuracy", "loss", "val_accuracy", "val_loss")
    rows = [{"epoch": e + 1, **{n: float(random.uniform()) for n in names}} for e in range(epochs)]
    for done in range(epochs):
        model.loss = rows[done]["loss"]
        yield SimpleNamespace(curve=rows[: done + 1])


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


class Evaluation:
    def __init__(self, model: Any) -> None:
        self.model = model

    def __call__(self, split: Any) -> dict[str, float]:
        loss: float = self.model.loss
        return {"accuracy": loss / 2, "loss": loss + float(split.images.mean())}


def predict(model: Any, images: Any) -> Any:
    return np.full((len(images), 3), 1 / 3, np.float32)


def restore(model: Any, state: Any) -> None:
    model.loss = state.curve[-1]["loss"]
