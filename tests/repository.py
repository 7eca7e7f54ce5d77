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


def copy_files(folder: Path, *paths: str) -> None:
    """Copy what is at these paths here, by default everything, but for what Git ignores."""
    listed = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard", *paths)
    for name in listed.split("\0"):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def make_repository(folder: Path) -> Path:
    """Make a repository with this pipeline on tiny images, all committed, without results."""
    copy_files(folder, *COMMITTED)
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


class Terminal:
    """Runs lines as a user types them; each must succeed. The environment is there already."""

    def __init__(self, folder: Path, home: str = "home") -> None:
        self.folder, self.home, self.prefix = folder, folder.parent / home, list[str]()
        self.home.mkdir(exist_ok=True)
        configuration = "[user]\nname = a\nemail = a\n[safe]\ndirectory = *\n"
        (self.home / ".gitconfig").write_text(configuration)
        self.environment = environment_of_stages(
            HOME=str(self.home), DVC_SITE_CACHE_DIR=str(folder.parent / "site"),
            GIT_CONFIG_GLOBAL="", PYTHONDONTWRITEBYTECODE="1",
        )  # fmt: skip

    def run(self, line: str) -> str:
        """Return what a line prints. For `make`, run its recipe."""
        program, *arguments = shlex.split(line, comments=True)
        command = line
        if program == "source" or arguments == ["setup"]:
            command = "true"
        elif program == "make":
            command = shlex.join(["python", *recipe(*arguments)[1:]])
        done = subprocess.run(
            [*self.prefix, "bash", "-c", command], cwd=self.folder, env=self.environment,
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
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
