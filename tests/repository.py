"""This project's pipeline on tiny images, in Git + DVC repositories of its own."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from experiment.variants import VARIANTS
from gate.git import environment_without_repository
from tests.conftest import ROOT, environment_of_stages, make_tiny

COMMITTED = (".dvcignore", "dvc.yaml", "params.yaml", ".gitignore", ".gitattributes", ".dvc/config",
             ".dvc/.gitignore", ".dvc/plots/curves.json", ".dvc/plots/page.html",
             "data/mnist", "data/own/.gitignore", "stages", "experiment", "study/__init__.py",
             "study/runs.py")  # fmt: skip

METRICS = [f"metrics/{variant}.json" for variant in VARIANTS]
CURVES = [f"plots/{variant}.csv" for variant in VARIANTS]
PICTURES = ["plots/accuracy.png", "plots/loss.png"]
MODELS = [f"models/{variant}.keras" for variant in VARIANTS]
RESULTS = [*METRICS, *CURVES, *PICTURES, *MODELS]

EPOCHS = 3

# Without the user's hooks, templates and signatures; and `git status` locks nothing, since another
# process may be copying the repository.
UNCONFIGURED = {
    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_OPTIONAL_LOCKS": "0",
}  # fmt: skip


def git(folder: Path, *arguments: str) -> str:
    """What a command of Git prints."""
    environment = environment_without_repository() | UNCONFIGURED
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def make_repository(folder: Path, *, stand_in: bool = False) -> Path:
    """This project's pipeline on tiny images, all committed, without results.

    With a stand-in, the stages that train run `tests/stand_in/train.py`.
    """
    folder.mkdir()
    for name in COMMITTED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, folder / name)
    if stand_in:
        shutil.copy(ROOT / "tests/stand_in/train.py", folder / "stages")
    make_tiny(folder, epochs=EPOCHS)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", ".")
    git(folder, "add", "--force", "data/own/tiny.npz")
    git(folder, "commit", "--quiet", "--message=pipeline")
    return folder


def make_finished(folder: Path, *, stand_in: bool = False) -> Path:
    """The same after `python -m stages`, or `dvc repro` with a stand-in; results committed."""
    make_repository(folder, stand_in=stand_in)
    command = ("dvc", "repro") if stand_in else ("stages",)
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=environment_of_stages(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (folder.parent / "output").write_text(done.stdout)
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message=results")
    return folder


def recipe(target: str, *variables: str) -> list[str]:
    """The last command that `make` would run for a target."""
    command = ["make", "--dry-run", "--no-print-directory", target, *variables]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return shlex.split(done.stdout.splitlines()[-1])


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in RESULTS}


def ran(output: str) -> list[str]:
    """The stages that DVC ran, in order."""
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]
