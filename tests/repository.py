"""This project's pipeline on tiny images, in Git + DVC repositories of its own."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ruamel.yaml import YAML

from experiment.variants import VARIANTS
from gate.git import environment_without_repository
from tests.conftest import ROOT, environment_of_stages, make_tiny

COMMITTED = (
    ".dvc/.gitignore", ".dvc/config", ".dvc/plots/curves.json", ".dvc/plots/page.html",
    ".dvcignore", ".gitattributes", ".gitignore", "data/mnist", "data/own/.gitignore", "dvc.yaml",
    "experiment", "params.yaml", "stages", "study/__init__.py", "study/runs.py",
)  # fmt: skip

DATA = [f"data/{name}.npz" for name in ("processed/test", "processed/train", "raw/images")]
DATA += ["data/processed/validation.npz", "data/params.checked"]
RESULTS = ["plots/accuracy.png", "plots/loss.png"]
for variant in VARIANTS:
    RESULTS += [f"metrics/{variant}.json", f"models/{variant}.keras", f"plots/{variant}.csv"]

EPOCHS = 3

# Without the user's hooks, templates and signatures; and `git status` locks nothing, since another
# process may be copying the repository.
UNCONFIGURED = {
    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_OPTIONAL_LOCKS": "0",
}  # fmt: skip


def git(folder: Path, *arguments: str) -> str:
    """Return what a command of Git prints."""
    environment = environment_without_repository() | UNCONFIGURED
    command = ["git", *arguments]
    output = subprocess.check_output(
        command, cwd=folder, env=environment, text=True, stderr=subprocess.PIPE
    )
    return output.strip()


def commit(folder: Path, message: str) -> str:
    """Commit all that Git does not ignore; return the hash."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", f"--message={message}")
    return git(folder, "rev-parse", "HEAD")


def make_repository(folder: Path) -> Path:
    """Make a repository with this pipeline on tiny images, all committed, without results."""
    for name in COMMITTED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, folder / name)
    make_tiny(folder, epochs=EPOCHS)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--force", "data/own/tiny.npz")
    commit(folder, "pipeline")
    return folder


def make_finished(folder: Path) -> str:
    """Make one and run `python -m stages`; return the output."""
    done = subprocess.run(
        [sys.executable, "-m", "stages"], cwd=make_repository(folder),
        env=environment_of_stages(), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    commit(folder, "results")
    return done.stdout


def everything(folder: Path) -> dict[str, bytes]:
    """Return the bytes of all that the pipeline makes, by name; what is missing is left out.

    Of `dvc.lock` the content: DVC lists the stages in the order in which they were first run.
    """
    stages = json.dumps(YAML(typ="safe").load(folder / "dvc.lock")["stages"], sort_keys=True)
    return contents(folder, [*DATA, *RESULTS]) | {"dvc.lock": stages.encode()}


def recipe(target: str, *variables: str) -> list[str]:
    """Return the last command that `make` would run for a target."""
    command = ["make", "--dry-run", "--no-print-directory", target, *variables]
    return shlex.split(subprocess.check_output(command, cwd=ROOT, text=True).splitlines()[-1])


def contents(folder: Path, names: Sequence[str] = RESULTS) -> dict[str, bytes]:
    """Return the bytes of the results by name; what is missing is left out."""
    return {name: (folder / name).read_bytes() for name in names if (folder / name).is_file()}


def ran(output: str) -> list[str]:
    """Return the stages that DVC ran, in order."""
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]
