"""What one waits for from day to day: nothing to do, a changed rate, a stage, a study, the tests.

Each function measures one part in the sitting's clone and returns it for `results.json`.
"""

import re
import shlex
import shutil
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from bench.measure import measure
from bench.side_by_side import measure_loads
from bench.sitting import PLAIN, PYTHON, REPRO, Sitting
from gate.git import git

DVC = (PYTHON, "-m", "dvc")
CHANGED_RATE = 0.3

# Of the study that is timed: four runs, a number that one and two workers divide evenly.
STUDY_RATES, STUDY_SEEDS = [0.0, 0.5], [0, 1]
STUDY_WORKERS = (1, 2)
STUDY_ROUNDS = 3


def run_idle(sitting: Sitting) -> dict[str, Any]:
    """`dvc status`, `dvc repro` and `make repro` in turn, when there is nothing to do."""
    sitting.bring_up_to_date()
    commands = {"dvc_status": (*DVC, "status"), "dvc_repro": (*DVC, "repro"), "make_repro": REPRO}
    sitting.measure(*commands["dvc_status"])  # DVC remembers the hashes of what has just been made
    rounds = [
        {name: sitting.measure(*command).record() for name, command in commands.items()}
        for _ in range(sitting.pairs)
    ]
    return {"rounds": rounds}


def run_rate(sitting: Sitting) -> dict[str, Any]:
    """From a changed rate to the new curves, and the disk that one more revision takes."""
    sitting.bring_up_to_date()
    commit(sitting.clone)
    before = disk_used(sitting.clone)
    sitting.change({"train": {"dropout_rate": CHANGED_RATE}})
    measured = sitting.measure(*REPRO)
    commit(sitting.clone)
    after = disk_used(sitting.clone)
    sitting.change({"train": {"dropout_rate": PLAIN["train"]["dropout_rate"]}})
    return {
        "disk": {name: after[name] - before[name] for name in before},
        "measured": measured.record(),
        "rate": CHANGED_RATE,
        "stages": re.findall(r"^Running stage '(.+)'", measured.output, re.MULTILINE),
    }


def run_stages(sitting: Sitting) -> dict[str, Any]:
    """Each stage's own command, one after the other, without DVC."""
    stages = YAML(typ="safe").load((sitting.clone / "dvc.yaml").read_text("utf-8"))["stages"]
    return {
        "stages": [
            {"name": name} | sitting.measure(*shlex.split(stage["cmd"])).record()
            for name, stage in stages.items()
        ]
    }


def run_study(sitting: Sitting) -> dict[str, Any]:
    """A small grid of the real network on all of MNIST, with one worker and with two, in turn."""
    block = {
        "dataset": "mnist",
        "dropout_rates": STUDY_RATES,
        "placements": ["dense"],
        "train_samples": None,
        "epochs": sitting.study_epochs,
    }
    sitting.change({"seeds": STUDY_SEEDS, "grid": [block]}, "study/params.yaml")
    sitting.measure(PYTHON, "-m", "study.download", "mnist")
    return {
        "epochs": sitting.study_epochs,
        "rounds": [
            {str(count): replicate_anew(sitting, count) for count in STUDY_WORKERS}
            for _ in range(STUDY_ROUNDS)
        ],
        "loads": measure_loads(sitting.pairs),
        "runs": len(STUDY_RATES) * len(STUDY_SEEDS),
    }


def replicate_anew(sitting: Sitting, workers: int) -> dict[str, Any]:
    """The study's trainings, none of which is stored."""
    shutil.rmtree(sitting.clone / "study/runs", ignore_errors=True)
    measured = sitting.measure(PYTHON, "-m", "study.replicate", "--workers", str(workers))
    rate = re.findall(r": ([\d.]+) runs per hour$", measured.output, re.MULTILINE)
    return {"runs_per_hour": float(rate[-1])} | measured.record()


def run_tests(sitting: Sitting) -> dict[str, Any]:
    """`make test` in the repository itself, whose environment is set up."""
    measure(("make", "setup"), sitting.repository)
    measured = measure(("make", "test"), sitting.repository)
    found = re.findall(r"(\d+) passed", measured.output)
    return {"passed": int(found[-1]), "measured": measured.record()}


def commit(clone: Path) -> None:
    """Commits all of a clone, as someone who keeps a result does."""
    identity = ("-c", "user.name=bench", "-c", "user.email=bench@example.org")
    git(clone, "add", "--all")
    git(clone, *identity, "commit", "--quiet", "--allow-empty", "--message=results")


def disk_used(clone: Path) -> dict[str, int]:
    """Bytes of the files in DVC's cache and among Git's objects."""
    folders = {"dvc": clone.parent / "cache", "git": clone / ".git/objects"}
    return {
        name: sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        for name, folder in folders.items()
    }
