"""In a hook, Git says on which repository to act. Nothing of this project may act on that one."""

import json
from pathlib import Path

import pytest

import gate.git
from gate.tests.conftest import Project, make_template
from tests.conftest import Run
from tests.repository import git

RERUN = "import sys; from dvc.cli import main; sys.exit(main(['repro']))"
MADE = {"report", "certificate", "tmp"}


def contents(*folders: Path) -> dict[str, bytes]:
    """Every file of a repository and its worktree: HEAD, refs, index, config, ..."""
    return {
        str(path): path.read_bytes()
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and not MADE & {*path.relative_to(folder).parts}
    }


@pytest.mark.parametrize(
    "command", ["gate check --json", "gate report", "tools.verify", "dvc repro"]
)
def test_command_is_of_the_current_folder(command: str, run: Run, tmp_path: Path) -> None:
    """Also where DVC puts its files into Git's index itself, as its `autostage` does."""
    top, linked, noted = tmp_path / "user's", tmp_path / "linked", tmp_path / "noted"
    pipeline = make_template(top)
    pipeline.write("stages/__init__.py", "")
    pipeline.write("stages/__main__.py", RERUN)
    pipeline.write(".gitignore", "/report/\n/certificate/\n__pycache__/\n")
    pipeline.write(".dvc/config", "[core]\nautostage = true\nanalytics = false\n")
    pipeline.commit()
    git(top, "worktree", "add", "--quiet", "-b", "hooked", str(linked))
    hook = top / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\nenv | grep ^GIT_ > '{noted}'\n")
    hook.chmod(0o755)
    git(linked, "commit", "--quiet", "--allow-empty", "--message=with the hook")
    variables = dict(line.split("=", 1) for line in noted.read_text().splitlines())
    assert variables["GIT_DIR"] == str(top / ".git/worktrees/linked")
    others = {"GIT_WORK_TREE": str(linked), "GIT_COMMON_DIR": str(top / ".git")}

    folder, before = linked, contents(top, linked)
    if command == "dvc repro":
        folder = tmp_path / "other"
        other = Project(folder)
        other.init()
        other.write("dvc.yaml", "stages: {one: {cmd: touch one, outs: [one]}}\n")
        other.write(".dvc/config", "[core]\nautostage = true\n")
    done = run(folder, *command.split(), **others | variables)
    assert done.returncode == 0, done.stdout + done.stderr
    match command:
        case "gate check --json":
            assert json.loads(done.stdout)["base"]["commit"] == git(folder, "rev-parse", "main")
        case "gate report":
            assert (folder / "report/index.html").is_file()
        case "tools.verify":
            assert git(folder, "rev-parse", "hooked") in done.stdout
            assert (folder / "certificate").is_dir()
        case "dvc repro":
            assert "dvc.lock" in git(folder, "diff", "--cached", "--name-only").splitlines()
    assert contents(top, linked) == before


def test_configuration_in_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a user configures by variables, such as safe.directory, is Git's for the gate, too."""
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "safe.directory")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "/srv/shared")
    assert gate.git.git(tmp_path, "config", "--get", "safe.directory") == "/srv/shared"
