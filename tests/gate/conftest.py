import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest

from gate.check import Check, check
from gate.comparison import Comparison
from gate.git import environment_without_repository
from tests.repository import git

# A busy machine is no fault.
hypothesis.settings.register_profile("no deadline", deadline=None)
hypothesis.settings.load_profile("no deadline")

PIPELINE = """\
stages:
  train:
    cmd: python train.py
    deps: [train.py]
    params: [train.rate]
    outs: [data/raw/images.npz, models/a.keras, {metrics/a.environment.json: {cache: false}}]
    metrics: [{metrics/a.json: {cache: false}}]
"""

GATE = """\
stale_results: refuse
metrics:
  metrics/a.json:
    accuracy: {better: higher, margin: {absolute: 0.01}, blocks: true}
    loss: {better: lower, margin: {absolute: 0.1}, blocks: false}
seeds:
  level: 0.05
  pairs: 5
  rows:
    metrics/a.json: {dataset: mnist, dropout_rate: 0.5}
"""


@dataclass(frozen=True)
class Repository:
    """A clone with the files of a pipeline that needs no run."""

    folder: Path

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env=environment_without_repository(),
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def write(self, path: str, text: str | bytes) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)

    def metrics(self, **values: object) -> None:
        """Writes the metrics file by hand."""
        self.write("metrics/a.json", json.dumps({"accuracy": 0.9, "loss": 0.5} | values))

    def results(
        self, *, rate: float = 0.5, code: str = "1", data: str = "d", libc: str = "1",
        model: str = "m", accuracy: float = 0.9, metrics: Mapping[str, object] | None = None,
    ) -> None:  # fmt: skip
        """Writes everything that a run writes and reads, and a dvc.lock that agrees with it."""
        self.metrics(**{"accuracy": accuracy} | dict(metrics or {}))
        self.write("train.py", code)
        self.write("params.yaml", f"train: {{rate: {rate}}}\n")
        self.write("metrics/a.environment.json", json.dumps({"libc": libc}))
        outs = {"data/raw/images.npz": data, "models/a.keras": model}
        for path in ("metrics/a.json", "metrics/a.environment.json"):
            outs[path] = (self.folder / path).read_text()
        stage = {
            "deps": [{"path": "train.py", "md5": md5(code)}],
            "params": {"params.yaml": {"train.rate": rate}},
            "outs": [{"path": path, "md5": md5(text)} for path, text in outs.items()],
        }
        self.write("dvc.lock", json.dumps({"stages": {"train": stage}}))  # JSON is YAML, too

    def commit(self, message: str = "results") -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def check(self, base: str | None = None) -> Check:
        return check(self.folder, base)


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def verdict_on(found: Check, key: str) -> Comparison:
    (comparison,) = [c for c in found.comparisons if c.key == key]
    return comparison


@pytest.fixture
def someone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who commits, with a HOME of their own."""
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "someone")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "someone@example.org")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def make(folder: Path) -> Repository:
    """A repository without a commit."""
    made = Repository(folder)
    made.folder.mkdir()
    git(folder, "init", "--quiet", "--template=", "--initial-branch=main")
    made.write("dvc.yaml", PIPELINE)
    made.write("gate.yaml", GATE)
    made.results()
    return made


@pytest.fixture
def new_repository(someone: None, tmp_path: Path) -> Callable[[], Repository]:
    """Makes a repository without a commit."""
    return lambda: make(tmp_path / "clone é")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One commit on `main`, and a branch `change` that is checked out. Tests copy it."""
    folder = make(tmp_path_factory.mktemp("template") / "clone").folder
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=results")
    git(folder, "switch", "--quiet", "--create", "change")
    return folder


@pytest.fixture
def repository(someone: None, template: Path, tmp_path: Path) -> Repository:
    """A copy of the template, to be changed."""
    return Repository(shutil.copytree(template, tmp_path / "clone é"))
