"""`python -m tools.verify`, with a pipeline of a few lines in place of the trainings."""

import hashlib
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from experiment.support.errors import InputError
from tests.conftest import ROOT, Run
from tests.faults.processes import finish, start, wait_until
from tests.repository import commit, git
from tools.clones import open_clone
from tools.verify import rerun_and_compare

FILES = {
    "dvc.yaml": """\
stages:
  prepare: {cmd: cp train.sh prepared, deps: [train.sh], outs: [prepared]}
  train:
    cmd: sh train.sh
    deps: [train.sh]
    outs: [data/images.npz]
    metrics: [{metrics/a.json: {cache: false}}]
""",
    "gate.yaml": """\
metrics: {metrics/a.json: {loss: {better: lower, margin: {absolute: 1}, blocks: true}}}
""",
    "train.sh": """\
mkdir -p data metrics
echo 1 > data/images.npz
echo '{"loss": 0.5}' > metrics/a.json
echo '{"libc": "1"}' > metrics/a.environment.json
""",
    "stages/__init__.py": "",
    "stages/__main__.py": """\
import os, sys
from dvc.cli import main
sys.exit("GIT_DIR" in os.environ or main(["repro"]))
""",
    ".gitignore": "/certificate/\n/report/\n__pycache__/\n",
    ".dvc/.gitignore": "/config.local\n/tmp\n/cache\n",
}
LOCK = "stages: {train: {outs: [{path: model, hash: md5, md5: a1}]}}\n"
WAITING = "import subprocess; subprocess.run(['sleep', '500'])"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A committed pipeline without results, below the top of a repository."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    folder = tmp_path / "clone é/below"
    for name, text in FILES.items():
        write(folder / name, text)
    # DVC puts its files into Git's index itself.
    config = f"[core]\n    autostage = true\n[cache]\n    dir = {tmp_path / 'shared'}\n"
    write(folder / ".dvc/config", config)
    git(folder.parent, "init", "--quiet", "--initial-branch=main")
    commit(folder, "pipeline")
    return folder


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def hook(tmp_path: Path) -> Iterator[dict[str, str]]:
    """What Git says to the hooks of a user's repository, on which nothing here may act."""
    users = tmp_path / "user's"
    git(tmp_path, "init", "--quiet", str(users))
    (users / "file").touch()
    commit(users, "theirs")
    paths = {"DIR": "", "COMMON_DIR": "", "INDEX_FILE": "index", "OBJECT_DIRECTORY": "objects"}
    variables = {f"GIT_{name}": str(users / ".git" / path) for name, path in paths.items()}
    before = {path: path.read_bytes() for path in users.rglob("*") if path.is_file()}
    yield variables | {"GIT_WORK_TREE": str(users)}
    # HEAD, refs, index, config, ...
    assert {path: path.read_bytes() for path in users.rglob("*") if path.is_file()} == before


def test_committed_results_and_edited_ones(
    folder: Path, tmp_path: Path, run: Run, hook: dict[str, str]
) -> None:
    """Nothing comes from the cache that others share; of an edited metric the gate is asked."""
    assert run(folder, "stages").returncode == 0
    head = commit(folder, "results")
    variables = hook | {"TMPDIR": str(tmp_path / "tmp")}
    done = run(folder, "tools.verify", **variables)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "Running stage 'prepare'" in done.stdout
    assert done.stdout.endswith(f"Commit {head}, run from nothing: same bytes (3 outputs)\n")
    for command in ("check --base HEAD --json", "report --base HEAD"):
        done = run(folder, "gate", *command.split(), **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "--json" not in command or json.loads(done.stdout)["base"]["commit"] == head
    assert (folder / "report/index.html").is_file()

    write(folder / "metrics/a.environment.json", '{"libc": "2"}\n')
    write(folder / "metrics/a.json", json.dumps({"loss": 0.25}))
    right, lock = hashlib.md5(b'{"loss": 0.5}\n').hexdigest(), folder / "dvc.lock"
    write(lock, lock.read_text().replace(right, "another").replace("path: prepared", "path: gone"))
    head = commit(folder, "edited")
    write(folder / "note", "")
    done = run(folder, "tools.verify", **variables)
    assert done.returncode == 1
    assert "What is not committed is left out." in done.stderr
    differs, asked = done.stdout.split(f"{head}, run from nothing: other bytes\n")[1].split("Is th")
    edited = ["gone", "metrics/a.environment.json", "metrics/a.json", "prepared"]
    assert differs.split()[:4] == edited
    assert '-{"libc": "2"}\n+{"libc": "1"}\n' in differs
    assert "loss" in asked
    certificate = json.loads((folder / "certificate/certificate.json").read_text())
    assert {side: found["metrics/a.json"] for side, found in certificate["hashes"].items()} == {
        "committed": "another", "rerun": right,
    }  # fmt: skip
    assert certificate["environment"] == {"a.environment.json": {"libc": "1"}}
    assert (certificate["commit"], certificate["differs"]) == (head, edited)
    assert [*(tmp_path / "tmp").glob("clone-*")] == []


def test_refusals(folder: Path, tmp_path: Path) -> None:
    """One line: no pipeline, no commit, no results or not all, a pipeline that fails."""
    empty = tmp_path / "empty"
    git(tmp_path, "init", "--quiet", str(empty))

    def refuse(repository: Path, reason: str) -> None:
        with pytest.raises(InputError, match=reason), open_clone(repository) as clone:
            rerun_and_compare(clone)

    refuse(empty, r"^dvc.yaml: expected a pipeline")
    write(empty / "dvc.yaml", "")
    refuse(empty, r"^git rev-parse: fatal: Needed a single revision")
    refuse(folder, r"^dvc.lock: expected a hash of each output")
    for lock in (LOCK.replace(", md5: a1", ""), "<<<<<<< HEAD\n"):
        write(folder / "dvc.lock", lock)
        commit(folder, "no hashes")
        refuse(folder, r"^dvc.lock: expected a hash of each output")
    write(folder / "dvc.lock", LOCK)
    write(folder / "stages/__main__.py", "raise SystemExit('it fails')")
    commit(folder, "fails")
    refuse(folder, r"^not reproduced: the pipeline failed")
    assert [*(tmp_path / "tmp").glob("clone-*")] == []


def test_stop(folder: Path, tmp_path: Path) -> None:
    """All that was started ends; nothing is left on the disk."""
    write(folder / "dvc.lock", LOCK)
    write(folder / "stages/__main__.py", WAITING)
    commit(folder, "waits")
    process = start(folder, "tools.verify", PYTHONPATH=str(ROOT), TMPDIR=str(tmp_path / "tmp"))

    parent = psutil.Process(process.pid)
    wait_until(lambda: any(each.name() == "sleep" for each in parent.children(True)), process)
    started = parent.children(recursive=True)
    process.send_signal(signal.SIGTERM)
    done = finish(process, patience=60)
    assert (done.status, "verify: " in done.output) == (143, True), done.output
    assert psutil.wait_procs(started, timeout=10)[1] == []
    assert [*(tmp_path / "tmp").glob("clone-*")] == []
