"""Stands for `study/training/one_run.py` in a copy of the code: as deterministic, in no time.

What a test wants of a run it says by an empty file in `faults/`, named as the run by `name_run`:
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

FAULTS = Path("faults")


def name_run(rate: float, seed: int) -> str:
    return f"rate {rate} seed {seed}"


def train_one(setting: Any, seed: int, dataset: Any) -> dict[str, Any]:
    cause_faults(name_run(setting.dropout_rate, seed))
    rate, pixels = int(10 * setting.dropout_rate), int(dataset.x_train.sum())
    random = np.random.default_rng([rate, seed, pixels])
    names = ("accuracy", "loss", "val_accuracy", "val_loss")
    curve = {name: random.uniform(size=setting.epochs).tolist() for name in names}
    metrics = {"test_accuracy": random.uniform(), "last_five_test_accuracy": random.uniform()}
    bins = {"count": [random.uniform()]}
    return {"curve": curve, "metrics": metrics, "test_errors": [seed], "calibration": bins}


def cause_faults(run: str) -> None:
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
