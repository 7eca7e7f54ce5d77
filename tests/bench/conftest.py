from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _own_modules_stay_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test starts in a folder finds that folder's stand-ins, not this repository."""
    monkeypatch.delenv("PYTHONPATH", raising=False)


def costs(seconds: float, megabytes: int) -> dict[str, float]:
    return {
        "seconds": seconds,
        "cpu_seconds": 2 * seconds,
        "largest_process": megabytes * 10**6,
    }


def script(seconds: float, megabytes: int, value: float) -> dict[str, Any]:
    """Costs and curves; each curve goes from `value` to half of it."""
    curves = {name: [value, value / 2] for name in ("val_accuracy", "val_loss")}
    return {**costs(seconds, megabytes), "curves": {"no_dropout": curves, "dropout": curves}}


@pytest.fixture
def results() -> dict[str, Any]:
    """Made-up results: a pipeline of 10 s and 400 MB, plain scripts of 1.5 to 4 times that."""
    idle = {"dvc status": 2.0, "dvc repro": 3.0, "make repro": 1.0}
    return {
        "conditions": {
            "cores": 2,
            "epochs": 2,
            "memory": 16 * 10**9,
            "processor": "made-up processor",
            "python": "3.11.0",
            "revision": "made-up revision",
            "system": "made-up system",
            "tensorflow": "2.0.0",
        },
        "pairs": [
            {
                "machine": {"bytes_per_second": 1e10, "flops_per_second": 1e11},
                "pipeline": script(10, 400, 0.5 + ratio / 100),
                "plain": script(10 * ratio, 1000, 0.5 - ratio / 100),
            }
            for ratio in (2.5, 1.5, 4.0, 2.0, 3.0)
        ],
        "idle": [{name: costs(seconds, 1) for name, seconds in idle.items()}] * 3,
        "rate": {**costs(42, 1), "rate": 0.3, "stages": ["check", "train"], "cache_bytes": 2.5e6},
    }


SCRIPT = """
import json, sys
open("order.log", "a").write(" ".join(sys.argv[:4]) + "\\n")
curves = {name: [0.25, 0.75] for name in ("accuracy", "loss", "val_accuracy", "val_loss")}
with open(sys.argv[-1] + "/history.json", "w") as file:
    json.dump({"without Dropout": curves, "with Dropout": curves}, file)
"""

STAGES = """
import re
parameters = dict(re.findall("(seed|dropout_rate): (.*)", open("params.yaml").read()))
open("order.log", "a").write("pipeline seed " + parameters["seed"] + "\\n")
for variant in ("no_dropout", "dropout"):
    with open(f"plots/{variant}.csv", "w") as file:
        file.write("epoch,accuracy,loss,val_accuracy,val_loss\\n")
        file.write("1,0.5,0.25,0.125,0.0625\\n2,1,1,1,1\\n")
if parameters["dropout_rate"] != "0.5":
    open("../cache/model", "w").write("x" * 1000)
print("Running stage 'train_dropout':")
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone that has stand-ins of a few lines for all that takes long."""
    clone = tmp_path / "clone"
    for name, text in {
        "bench/plain.py": SCRIPT,
        "bench/plain_torch.py": SCRIPT,
        "dvc.py": "",
        "stages/__main__.py": STAGES,
        "params.yaml": "train:\n  seed: 0\n  dropout_rate: 0.5\n",
        "plots/.gitignore": "",
        "../cache/.gitignore": "",
    }.items():
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).write_text(text)
    return clone
