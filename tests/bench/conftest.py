from pathlib import Path
from typing import Any

import pytest

from bench.sitting import Sitting


@pytest.fixture(autouse=True)
def _own_modules_stay_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test starts in a folder finds that folder's stand-ins, not this repository."""
    monkeypatch.delenv("PYTHONPATH", raising=False)


def measurement(seconds: float, megabytes: int) -> dict[str, Any]:
    return {
        "seconds": seconds,
        "cpu_seconds": 2 * seconds,
        "largest_process": megabytes * 10**6,
        "all_processes": 2 * megabytes * 10**6,
        "others_cpu_seconds": seconds / 5,
    }


def curves(value: float) -> dict[str, dict[str, list[float]]]:
    one = {name: [value, value / 2] for name in ("accuracy", "loss", "val_accuracy", "val_loss")}
    return {"no_dropout": one, "dropout": one}


def made_up_pairs(ratios: list[float]) -> list[dict[str, Any]]:
    """A pipeline of 10 s and 400 MB, and plain scripts of as many times that."""
    return [
        {
            "machine": {"bytes_per_second": 1e10, "flops_per_second": 1e11},
            "pipeline": measurement(10, 400) | {"curves": curves(0.5 + ratio / 100)},
            "plain": measurement(10 * ratio, 1000) | {"curves": curves(0.5 - ratio / 100)},
        }
        for ratio in ratios
    ]


def made_up_conditions() -> dict[str, Any]:
    return {
        "cores": 2,
        "epochs": 2,
        "memory": 16 * 10**9,
        "processor": "made-up processor",
        "python": "3.11.0",
        "revision": "made-up revision",
        "system": "made-up system",
        "tensorflow": "2.0.0",
    }


@pytest.fixture
def results() -> dict[str, Any]:
    """Made-up results of every part."""
    idle = {"dvc_status": 2.0, "dvc_repro": 3.0, "make_repro": 1.0}
    parts: dict[str, dict[str, Any]] = {
        "pairs": {"pairs": made_up_pairs([2.5, 1.5, 4.0, 2.0, 3.0])},
        "idle": {"rounds": [{name: measurement(s, 1) for name, s in idle.items()}] * 5},
        "rate": {
            "disk": {"dvc": 8_400_000, "git": 5_000},
            "measured": measurement(42, 1),
            "rate": 0.3,
            "stages": ["check", "train_dropout"],
        },
        "stages": {"stages": [{"name": "check"} | measurement(0.5, 50)]},
        "study": {
            "epochs": 2,
            "loads": {
                "product": [{"alone": 10.0, "together": 9.0}],
                "cache": [{"alone": 10.0, "together": 8.0}],
                "memory": [{"alone": 10.0, "together": t} for t in (4.0, 5.0, 8.0)],
            },
            "rounds": [
                {
                    "1": {"runs_per_hour": 90.0} | measurement(170, 1),
                    "2": {"runs_per_hour": 120.0} | measurement(136, 1) | {"cpu_seconds": 204},
                }
            ],
            "runs": 4,
        },
        "tests": {"passed": 7, "measured": measurement(61, 1)},
    }
    return {name: {"conditions": made_up_conditions(), **part} for name, part in parts.items()}


PLAIN = """
import json, sys
open("order.log", "a").write("plain " + " ".join(sys.argv[1:4]) + "\\n")
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

STUDY = """
import pathlib, sys
runs = pathlib.Path("study/runs")
print(f"{len(list(runs.glob('*')))} stored")
runs.mkdir(exist_ok=True)
(runs / "one").write_text("")
rate = 60 * int(sys.argv[-1])
print(f"study: 4 of 4 runs done, 0 failed, in 01:00: {rate}.5 runs per hour")
"""


@pytest.fixture
def sitting(tmp_path: Path) -> Sitting:
    """A sitting whose clone has stand-ins of a few lines for all that takes long."""
    clone = tmp_path / "clone"
    for name, text in {
        "bench/plain.py": PLAIN,
        "stages/__main__.py": STAGES,
        "study/download.py": "",
        "study/replicate.py": STUDY,
        "study/params.yaml": "seeds: []\ngrid: []\n",
        "params.yaml": "train:\n  seed: 0\n  dropout_rate: 0.5\n",
        "dvc.yaml": "stages:\n  one: {cmd: python -m stages}\n  two: {cmd: python -c 'print(1)'}\n",
        "plots/.gitignore": "",
        "../cache/.gitignore": "",
    }.items():
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).write_text(text)
    return Sitting(repository=clone, clone=clone, epochs=2, pairs=2, study_epochs=3)
