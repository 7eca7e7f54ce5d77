"""`python -m tools.verify`, with a pipeline of a few lines in place of the trainings."""

import hashlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from experiment.support.errors import InputError
from tests.conftest import ROOT, Run, environment_of_stages
from tests.repository import git
from tools import verify
from tools.clones import open_clone

ENVIRONMENT = "metrics/a.environment.json"
FILES = {
    "dvc.yaml": f"""\
stages:
  prepare: {{cmd: cp train.py prepared, deps: [train.py], outs: [prepared]}}
  train:
    cmd: python train.py
    deps: [train.py]
    outs: [data/images.npz, {{{ENVIRONMENT}: {{cache: false}}}}]
    metrics: [{{metrics/a.json: {{cache: false}}}}]
""",
    "gate.yaml": """\
metrics: {metrics/a.json: {loss: {better: lower, margin: {absolute: 1}, blocks: true}}}
""",
    "train.py": f"""\
import json, pathlib
for path, content in {{
    "data/images.npz": 1, "{ENVIRONMENT}": {{"libc": "1"}}, "metrics/a.json": {{"loss": 0.5}}
}}.items():
    pathlib.Path(path).parent.mkdir(exist_ok=True)
    pathlib.Path(path).write_text(json.dumps(content))
""",
    "stages/__init__.py": "",
    "stages/__main__.py": "import sys; from dvc.cli import main; sys.exit(main(['repro']))",
    ".gitignore": "/certificate/\n__pycache__/\n",
    ".dvc/.gitignore": "/config.local\n/tmp\n/cache\n",
}
LOCK = f"""\
stages:
  train:
    outs:
    - {{path: model, hash: md5, md5: a1}}
    - {{path: {ENVIRONMENT}, hash: md5, md5: b1}}
"""
WAITING = "import subprocess, sys; subprocess.run([sys.executable, '-c', {!r}])".format(
    "import time; time.sleep(500)"
)
BROKEN = LOCK.replace(", md5: a1", "")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A committed pipeline without results, below the top of a repository."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    folder = tmp_path / "clone é/below"
    for name, text in FILES.items():
        write(folder / name, text)
    write(folder / ".dvc/config", f"[cache]\n    dir = {tmp_path / 'shared'}\n")
    git(folder.parent, "init", "--quiet", "--initial-branch=main")
    commit(folder)
    return folder


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def commit(folder: Path) -> str:
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message=some")
    return git(folder, "rev-parse", "HEAD")


def test_committed_results_and_edited_ones(folder: Path, tmp_path: Path, run: Run) -> None:
    """Nothing comes from the cache that others share; of an edited metric the gate is asked."""
    assert run(folder, "stages").returncode == 0
    head = commit(folder)
    done = run(folder, "tools.verify", TMPDIR=str(tmp_path / "tmp"))
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "Running stage 'prepare'" in done.stdout
    assert done.stdout.endswith(f"Commit {head}, run from nothing: same bytes (4 outputs)\n")

    write(folder / "metrics/a.json", json.dumps({"loss": 0.25}))
    head = commit(folder)
    write(folder / "note", "")
    done = run(folder, "tools.verify", TMPDIR=str(tmp_path / "tmp"))
    assert done.returncode == 1
    assert "What is not committed is left out." in done.stderr
    differs, asked = done.stdout.split(f"{head}, run from nothing: other bytes\n")[1].split("Is th")
    assert differs.strip() == "metrics/a.json"
    assert "loss" in asked
    certificate = json.loads((folder / "certificate/certificate.json").read_text())
    assert (certificate["commit"], certificate["differs"]) == (head, ["metrics/a.json"])
    right = hashlib.md5(b'{"loss": 0.5}').hexdigest()
    assert certificate["hashes"]["rerun"]["metrics/a.json"] == right
    assert [*(tmp_path / "tmp").glob("clone-*")] == []


@pytest.mark.parametrize(
    ("committed", "rerun", "libc", "differs"),
    [
        (LOCK, LOCK, "1", []),
        (LOCK, LOCK.replace("a1", "a2"), "1", ["model"]),
        (LOCK, BROKEN, "1", ["model"]),
        (BROKEN, LOCK, "1", ["model"]),
        (BROKEN, BROKEN, "1", ["model"]),
        (LOCK, LOCK.replace("model", "other"), "1", ["model", "other"]),
        (LOCK, LOCK, "2", [ENVIRONMENT]),
    ],
)
def test_differences(
    committed: str, rerun: str, libc: str, differs: list[str], folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """A hash that is missing is a difference, also on both sides; so are bytes that Git has."""
    write(folder / "dvc.lock", committed)
    write(folder / ENVIRONMENT, '{"libc": "1"}')
    commit(folder)

    def run_stages(command: tuple[str, ...], clone: Path) -> tuple[int, None]:
        assert not (clone / "dvc.lock").exists()
        write(clone / "dvc.lock", rerun)
        write(clone / ENVIRONMENT, json.dumps({"libc": libc}))
        return 0, None

    monkeypatch.setattr(verify, "run", run_stages)
    with open_clone(folder) as clone:
        found = verify.rerun_and_compare(clone)
    assert found["differs"] == differs
    assert found["verdict"] == ("other bytes" if differs else "same bytes (2 outputs)")
    assert found["environment"] == {Path(ENVIRONMENT).name: {"libc": libc}}


def test_refusals(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line: no pipeline, no repository, no commit, no results, a pipeline that fails."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    empty = tmp_path / "empty"

    def refuse(repository: Path, reason: str) -> None:
        with pytest.raises(InputError, match=reason), open_clone(repository) as clone:
            verify.rerun_and_compare(clone)

    refuse(empty, r"^dvc.yaml: expected a pipeline")
    write(empty / "dvc.yaml", "")
    refuse(empty, "not a git repository")
    git(empty, "init", "--quiet")
    refuse(empty, r"^git rev-parse: fatal: Needed a single revision")
    refuse(folder, r"^dvc.lock: expected hashes")
    write(folder / "dvc.lock", LOCK)
    write(folder / "stages/__main__.py", "raise SystemExit('it fails')")
    commit(folder)
    refuse(folder, r"^not reproduced: the pipeline failed")
    assert [*(tmp_path / "tmp").glob("clone-*")] == []


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)]
)
def test_signals(number: int, status: int, folder: Path, tmp_path: Path) -> None:
    """All that was started ends; nothing is left on the disk."""
    write(folder / "dvc.lock", LOCK)
    write(folder / "stages/__main__.py", WAITING)
    commit(folder)
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.verify"], cwd=folder, text=True, stderr=subprocess.PIPE,
        env=environment_of_stages(PYTHONPATH=str(ROOT), TMPDIR=str(tmp_path / "tmp")),
    )  # fmt: skip
    started: list[psutil.Process] = []
    while len(started) < 2 and process.poll() is None:
        time.sleep(0.05)
        children = psutil.Process(process.pid).children(recursive=True)
        started = [child for child in children if "git" not in child.name()]
    process.send_signal(number)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == status, said
    assert "verify: " in said
    gone, alive = psutil.wait_procs(started, timeout=10)
    assert (len(gone), alive) == (2, [])
    assert [*(tmp_path / "tmp").glob("clone-*")] == []
