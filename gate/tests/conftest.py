"""Small repositories of Git and DVC, whose stage copies a file."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from dvc.repo import Repo

from gate import __main__ as program
from gate.check import Check
from gate.errors import CannotCompareError
from gate.git import environment_without_repository
from gate.presentation import as_markdown, escape

PIPELINE = """\
stages:
  train:
    cmd: cp results.json metrics.json
    deps: [results.json, code]
    params: [rate]
    metrics: [{metrics.json: {cache: false}}]
"""
GATE = """\
metrics:
  metrics.json:
    accuracy: {better: higher, margin: {absolute: 0.01}, blocks: true}
    loss: {better: lower, margin: {absolute: 0.1}}
"""
TEMPLATE: dict[str, Any] = {
    "dvc.yaml": PIPELINE,
    "gate.yaml": GATE,
    "params.yaml": "rate: 0.5\n",
    "code/model.R": "1",
}

Files = dict[str, Any]
Gate = Callable[..., tuple[int, str, str]]


@dataclass(frozen=True)
class Project:
    """A folder with Git and DVC."""

    folder: Path

    def git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=self.folder, env=environment_without_repository(), check=True,
            capture_output=True, text=True,
        ).stdout.strip()  # fmt: skip

    def commit(self, message: str = "results", *, main: bool = False) -> str:
        """Commit all; with `main`, also as the main branch."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        if main:
            self.git("branch", "--force", "main")
        return self.commit_of("HEAD")

    def commit_of(self, name: str) -> str:
        return self.git("rev-parse", name)

    def read(self, path: str) -> str:
        return (self.folder / path).read_text()

    def write(self, path: str, content: str | bytes) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)

    def change(self, files: Files) -> None:
        """Write files. A pair replaces text, a path is a link to it, None removes; `run` is run."""
        for path, content in files.items():
            file = self.folder / path
            if content is None and file.is_dir():
                shutil.rmtree(file)
            elif content is None:
                file.unlink()
            elif isinstance(content, Path):
                file.unlink(missing_ok=True)
                file.symlink_to(content)
            elif isinstance(content, tuple):
                assert content[0] in self.read(path)
                self.write(path, self.read(path).replace(*content))
            elif path != "run":
                self.write(path, content)
        if "run" in files:
            self.run(**files["run"])

    def init(self, top: str = ".") -> None:
        """Make the folder a repository of DVC, and `top` one of Git."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--template=", "--initial-branch=main", top)
        Repo.init(str(self.folder), subdir=top != ".").close()

    def repro(self) -> None:
        with chdir(self.folder), Repo() as repo:
            repo.reproduce(all_pipelines=True)

    def run(self, **metrics: object) -> None:
        """Run the pipeline of the template with these metrics."""
        self.write("results.json", json.dumps({"accuracy": 0.9, "loss": 0.5} | metrics))
        self.repro()

    def judge(self, base: str = "main") -> tuple[int, str]:
        """Return the gate's status, and what it found, one line each and as Markdown."""
        try:
            found = Check(self.folder, base)
        except CannotCompareError as error:
            return 2, str(error)
        markdown = as_markdown(found)
        assert [reason for reason in found.reasons if escape(reason) not in markdown] == []
        differ = [f"{kind} differ: {', '.join(names)}" for kind, names in found.differences.items()]
        verdicts = [f"{c.name}: {c.verdict}" for c in found.comparisons]
        said = [*found.changes, *found.reasons, *found.notes, *differ, *verdicts, markdown]
        return found.status, "\n".join(said)

    def expect(self, status: int, phrases: str) -> None:
        """Judge against main; compare the status, and phrases that are said or, after `!`, not."""
        found, text = self.judge()
        said = {each: each.lstrip("!") in text for each in phrases.split(" ... ")}
        assert (found, said) == (status, {each: each[:1] != "!" for each in said}), text

    def copy(self, folder: Path) -> "Project":
        return Project(Path(shutil.copytree(self.folder, folder, symlinks=True)))


def make_template(folder: Path) -> Project:
    """One commit on `main`, and a branch `change` that is checked out."""
    made = Project(folder)
    made.init()
    made.change(TEMPLATE | {"run": {}})
    made.commit()
    made.git("switch", "--quiet", "--create", "change")
    return made


@pytest.fixture(scope="session", autouse=True)
def someone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Who commits, without the settings of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for role in ("AUTHOR", "COMMITTER"):
            patch.setenv(f"GIT_{role}_NAME", "someone")
            patch.setenv(f"GIT_{role}_EMAIL", "someone@example.org")
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return make_template(tmp_path_factory.mktemp("template") / "clone")


@pytest.fixture
def project(template: Project, tmp_path: Path) -> Project:
    """A copy of the template, to be changed."""
    return template.copy(tmp_path / "clone é")


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Gate:
    """Run the command in a folder; return its status and what it printed."""

    def run(folder: Path, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["gate", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            program.main()
        out, err = capfd.readouterr()
        return int(str(ended.value.code)), out, err

    return run
