"""In a hook, Git says on which repository to act. Nothing of this project may act on that one."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest

import gate.git
from gate.tests.conftest import Project
from tests.conftest import Run
from tests.repository import git

FILES = {
    "dvc.yaml": """\
stages:
  train:
    cmd: cp results.json metrics.json
    deps: [results.json]
    metrics: [{metrics.json: {cache: false}}]
""",
    "gate.yaml": """\
metrics: {metrics.json: {loss: {better: lower, margin: {absolute: 1}, blocks: true}}}
""",
    "results.json": '{"loss": 1}',
    ".gitignore": "/report/\n/certificate/\n",
    ".dvc/.gitignore": "/config.local\n/tmp\n/cache\n",
    ".dvc/config": "[core]\nautostage = true\nanalytics = false\n",
    "stages/__init__.py": "",
    "stages/__main__.py": "print('a rerun')\n"  # has the committed results
    "import subprocess; subprocess.run(['git', 'checkout', '-q', 'HEAD', '--', '.'])\n",
}


class Hooked(NamedTuple):
    """A pipeline below the top of a linked worktree, and what Git tells its hooks there."""

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


@pytest.fixture
def hooked(tmp_path: Path) -> Hooked:
    top, linked, noted = tmp_path / "user's", tmp_path / "linked", tmp_path / "noted"
    pipeline = Project(top / "below")
    for path, text in FILES.items():
        pipeline.write(path, text)
    git(top, "init", "--quiet", "--initial-branch=main")
    pipeline.repro()
    git(top, "add", ".")
    git(top, "commit", "--quiet", "--message=results")
    git(top, "worktree", "add", "--quiet", "-b", "change", str(linked))
    hook = top / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\nenv | grep ^GIT_ > '{noted}'\n")
    hook.chmod(0o755)
    git(linked, "commit", "--quiet", "--allow-empty", "--message=with the hook")
    variables = dict(line.split("=", 1) for line in noted.read_text().splitlines())
    assert variables["GIT_DIR"] == str(top / ".git/worktrees/linked")
    others = dict.fromkeys(git(top, "rev-parse", "--local-env-vars").split(), "1")
    del others["GIT_CONFIG_COUNT"]  # the user's own configuration, which is kept
    others |= {"GIT_WORK_TREE": str(linked), "GIT_COMMON_DIR": str(top / ".git")}
    return Hooked(top, linked / "below", others | variables)


@pytest.mark.parametrize(
    "command",
    [
        "gate check --json",
        "gate report",
        "tools.verify",
        "dvc repro",
    ],
)
def test_command_is_of_the_current_folder(
    command: str, hooked: Hooked, run: Run, tmp_path: Path
) -> None:
    """Also where DVC puts its files into Git's index itself, as its `autostage` does."""
    folder, before = hooked.folder, hooked.contents()
    if command == "dvc repro":
        folder = tmp_path / "other"
        other = Project(folder)
        other.write("dvc.yaml", "stages: {one: {cmd: touch one, outs: [one]}}\n")
        other.write(".dvc/config", "[core]\nautostage = true\n")
        git(folder, "init", "--quiet")
    done = run(folder, *command.split(), **hooked.variables)
    assert done.returncode == 0, done.stdout + done.stderr
    match command:
        case "gate check --json":
            base = json.loads(done.stdout)["base"]["commit"]
            assert base == git(folder, "rev-parse", "main")
        case "gate report":
            assert (folder / "report/index.html").is_file()
        case "tools.verify":
            assert f"{git(folder, 'rev-parse', 'change')[:7]}" in done.stdout
            assert (folder / "certificate").is_dir()
        case "dvc repro":
            staged = git(folder, "diff", "--cached", "--name-only").splitlines()
            assert "dvc.lock" in staged
    assert hooked.contents() == before


def test_configuration_in_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a user configures by variables, such as safe.directory, is Git's for the gate, too."""
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "safe.directory")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "/srv/shared")
    assert gate.git.git(tmp_path, "config", "--get", "safe.directory") == "/srv/shared"
