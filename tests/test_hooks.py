"""In a hook, Git says on which repository to act. Nothing of this project may act on that one."""

import json
from pathlib import Path

import pytest

import gate.git
from gate.tests.conftest import make_template
from tests.conftest import Run
from tests.repository import commit, git

RERUN = """\
import os, sys
from dvc.cli import main
sys.exit("GIT_DIR" in os.environ or main(["repro"]))
"""


def test_commands_are_of_the_current_folder(run: Run, tmp_path: Path) -> None:
    """Also where DVC puts its files into Git's index itself, as its `autostage` does."""
    folder, users = tmp_path / "folder", tmp_path / "user's"
    pipeline = make_template(folder)
    pipeline.write("stages/__init__.py", "")
    pipeline.write("stages/__main__.py", RERUN)
    pipeline.write(".gitignore", "/report/\n/certificate/\n__pycache__/\n")
    pipeline.write(".dvc/config", "[core]\nautostage = true\nanalytics = false\n")
    pipeline.commit()
    users.mkdir()
    git(users, "init", "--quiet")
    (users / "file").touch()
    commit(users, "theirs")
    theirs = {"DIR": "", "COMMON_DIR": "", "INDEX_FILE": "index", "OBJECT_DIRECTORY": "objects"}
    hook = {f"GIT_{name}": str(users / ".git" / path) for name, path in theirs.items()}
    hook["GIT_WORK_TREE"] = str(users)

    before = {path: path.read_bytes() for path in users.rglob("*") if path.is_file()}
    outputs = {}
    for command in ("gate check --json", "gate report", "tools.verify"):
        done = run(folder, *command.split(), **hook)
        assert done.returncode == 0, done.stdout + done.stderr
        outputs[command] = done.stdout
    assert json.loads(outputs["gate check --json"])["base"]["commit"] == pipeline.commit_of("main")
    assert (folder / "report/index.html").is_file()
    assert pipeline.commit_of("HEAD") in outputs["tools.verify"]
    assert (folder / "certificate").is_dir()
    # HEAD, refs, index, config, ...
    assert {path: path.read_bytes() for path in users.rglob("*") if path.is_file()} == before


def test_configuration_in_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a user configures by variables, such as safe.directory, is Git's for the gate, too."""
    variables = {"COUNT": "1", "KEY_0": "safe.directory", "VALUE_0": "/srv/shared"}
    for name, value in variables.items():
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    assert gate.git.git(tmp_path, "config", "--get", "safe.directory") == "/srv/shared"
