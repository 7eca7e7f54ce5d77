"""In a hook, Git says on which repository to act. Nothing of this project may act on that one."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gate.tests.conftest import Project
from tests.conftest import ROOT, Run
from tests.repository import git, make_repository

PIPELINE = """\
stages:
  train:
    cmd: cp results.json metrics.json
    deps: [results.json]
    metrics: [{metrics.json: {cache: false}}]
"""
GATE = "metrics: {metrics.json: {loss: {better: lower, margin: {absolute: 1}, blocks: true}}}\n"

# For what has nothing to do with where the pipeline is.
ONE = pytest.mark.parametrize("made", ["below/"], indirect=True)

STAGES = "import sys; from dvc.cli import main; sys.exit(main(['repro']))"


@dataclass(frozen=True)
class Hooked:
    """A user's repository with a pipeline, in whose linked worktree a hook runs.

    Attributes:
        top: of the repository that the worktree belongs to.
        folder: of the pipeline, in the worktree.
        variables: what Git sets for its hooks, and whatever else leads to the repository.
    """

    top: Path
    folder: Path
    variables: dict[str, str]

    def contents(self) -> dict[str, bytes]:
        """Every file of the repository and the worktree: HEAD, refs, index, config, ..."""
        made = {"report", "certificate", "tmp"}
        return {
            str(path): path.read_bytes()
            for top in (self.top, self.folder)
            for path in top.rglob("*")
            if path.is_file() and not made & {*path.relative_to(top).parts}
        }


@pytest.fixture(params=["", "below/"], scope="module")
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Hooked:
    """With the pipeline at the top of the repository, and in a folder of a larger one."""
    base = tmp_path_factory.mktemp("hooked")
    top, linked, told = base / "user's", base / "linked", base / "told"
    pipeline = Project(top / request.param)
    for path, text in {
        "dvc.yaml": PIPELINE,
        "gate.yaml": GATE,
        ".gitignore": "/report/\n/certificate/\n",
        ".dvc/.gitignore": "/config.local\n/tmp\n/cache\n",
        ".dvc/config": "[core]\nautostage = true\nanalytics = false\n",
        "stages/__init__.py": "",
        "stages/__main__.py": STAGES,
    }.items():
        pipeline.write(path, text)
    git(top, "init", "--quiet", "--initial-branch=main")
    pipeline.write("results.json", '{"loss": 1}')
    pipeline.repro()
    git(top, "add", ".")
    git(top, "commit", "--quiet", "--message=results")
    git(top, "worktree", "add", "--quiet", "-b", "change", str(linked))
    hook = top / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\nenv | grep ^GIT_ > '{told}'\n")
    hook.chmod(0o755)
    git(linked, "commit", "--quiet", "--allow-empty", "--message=with the hook")
    variables = dict(line.split("=", 1) for line in told.read_text().splitlines())
    assert variables["GIT_DIR"] == str(top / ".git/worktrees/linked")
    variables = dict.fromkeys(git(top, "rev-parse", "--local-env-vars").split(), "1") | variables
    return Hooked(top, linked / request.param, variables | {
        "GIT_WORK_TREE": str(linked),
        "GIT_COMMON_DIR": str(top / ".git"),
        "GIT_OBJECT_DIRECTORY": str(top / ".git/objects"),
        "GIT_QUARANTINE_PATH": str(top / ".git/objects"),
        "GIT_CONFIG_PARAMETERS": "'core.bare'='true'",
        "GIT_CONFIG_KEY_0": "core.worktree",
        "GIT_CONFIG_VALUE_0": str(top),
        "GIT_NAMESPACE": "other",
        "GIT_LITERAL_PATHSPECS": "1",
    })  # fmt: skip


@pytest.fixture
def hooked(made: Hooked, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hooked]:
    """Within the hook. Afterwards the user's repository is as it was."""
    before = made.contents()
    assert str(made.top / ".git/HEAD") in before
    for name, value in made.variables.items():
        monkeypatch.setenv(name, value)
    yield made
    assert made.contents() == before


def test_gate_report_and_verify_are_of_the_current_folder(hooked: Hooked, run: Run) -> None:
    done = run(hooked.folder, "gate", "check", "--json", **hooked.variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["base"]["commit"] == git(hooked.folder, "rev-parse", "main")
    done = run(hooked.folder, "gate", "report", **hooked.variables)
    assert (done.returncode, done.stderr) == (0, "")
    assert (hooked.folder / "report/index.html").is_file()
    done = run(hooked.folder, "tools.verify", **hooked.variables)
    assert done.returncode == 0, done.stdout + done.stderr
    commit = git(hooked.folder, "rev-parse", "change")
    assert done.stdout.endswith(f"Commit {commit}, run from nothing: same bytes (1 outputs)\n")
    assert (hooked.folder / "certificate").is_dir()


@ONE
def test_repositories_of_the_tests_are_their_own(hooked: Hooked, tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "made")
    assert git(repository, "log", "--format=%s") == "pipeline"


@ONE
def test_suite_that_runs_in_a_hook_leaves_the_users_repository_alone(hooked: Hooked) -> None:
    test = "gate/tests/test_base.py::test_merge_on_main_is_one_step"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


@ONE
def test_dvc_acts_on_the_current_folder(hooked: Hooked, run: Run, tmp_path: Path) -> None:
    """Also where it puts its files into Git's index itself, as its `autostage` does."""
    folder = tmp_path / "other"
    other = Project(folder)
    other.write("dvc.yaml", "stages: {one: {cmd: touch one, outs: [one]}}\n")
    other.write(".dvc/config", "[core]\nautostage = true\n")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message=pipeline")
    done = run(folder, "dvc", "repro", **hooked.variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert git(folder, "diff", "--cached", "--name-only") == ".dvc/.gitignore\n.gitignore\ndvc.lock"
