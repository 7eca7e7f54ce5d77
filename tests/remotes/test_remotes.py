"""Pushed from one clone, pulled in another: as docs/remotes.md says, by its own commands."""

import json
import re
import shlex
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.conftest import ROOT, Run
from tests.remotes.servers import Remote, folder, s3, ssh
from tests.repository import contents, git, ran

PAGE = (ROOT / "docs/remotes.md").read_text(encoding="utf-8")
DATA = ["data/params.checked", "data/raw/images.npz"]
DATA += [f"data/processed/{name}.npz" for name in ("test", "train", "validation")]


def commands(section: str, values: dict[str, str]) -> list[list[str]]:
    """DVC's arguments in the commands of a section, with these values for its examples."""
    text = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    lines = [shlex.split(line, comments=True) for line in re.findall(r"^\$ dvc (.*)", text, re.M)]
    used = {word for line in lines for word in line} & {*values}
    told = [[values.get(word, word) for word in line] for line in lines]
    assert used == {*values}, "the page has other examples"
    return told


def data(repository: Path) -> dict[str, bytes]:
    return {name: (repository / name).read_bytes() for name in DATA}


def clone_of(repository: Path, clone: Path) -> Path:
    git(repository, "clone", "--quiet", str(repository), str(clone))
    return clone


@pytest.fixture
def first(finished: Path, tmp_path: Path) -> Path:
    """A clone with results."""
    clone = tmp_path / "first"
    shutil.copytree(finished, clone, symlinks=True)
    return clone


def same_and_nothing_to_do(second: Path, first: Path, run: Run, blocked: dict[str, str]) -> None:
    done = run(second, "stages", **blocked)
    assert (done.returncode, ran(done.stdout)) == (0, []), done.stdout + done.stderr
    assert done.stdout.startswith("Everything is up to date")
    assert contents(second) == contents(first)
    assert data(second) == data(first)
    assert git(second, "status", "--porcelain") == ""


@pytest.mark.parametrize("server", [folder, ssh, s3])
def test_second_clone_pulls_and_trains_nothing(
    server: Callable[[Path], AbstractContextManager[Remote]],
    first: Path,
    tmp_path: Path,
    run: Run,
    dvc: Run,
    without_tensorflow: dict[str, str],
) -> None:
    top = tmp_path / "server"
    top.mkdir()
    with server(top) as remote:
        for command in commands(remote.section, remote.values):
            done = dvc(first, *command)
            assert done.returncode == 0, done.stderr
        git(first, "commit", "--quiet", "--message=remote", ".dvc/config")
        assert git(first, "status", "--porcelain") == ""
        assert not remote.secret or remote.secret not in git(first, "show", "HEAD")
        done = dvc(first, "push")
        assert (done.returncode, done.stdout) == (0, "7 files pushed\n"), done.stderr

        second = clone_of(first, tmp_path / "second")
        if (first / ".dvc/config.local").exists():  # what everyone says once
            shutil.copy(first / ".dvc/config.local", second / ".dvc")
        done = dvc(second, "pull")
        assert done.returncode == 0, done.stderr
        same_and_nothing_to_do(second, first, run, without_tensorflow)


def test_clone_without_a_pull_does_train(
    first: Path, tmp_path: Path, dvc: Run, without_tensorflow: dict[str, str]
) -> None:
    """Without this, the cases above would show nothing."""
    second = clone_of(first, tmp_path / "second")
    done = dvc(second, "repro", **without_tensorflow)
    assert ran(done.stdout) == ["check", "download", "preprocess", "train_no_dropout"]
    assert done.returncode != 0
    assert "TensorFlow was imported" in done.stderr


def test_file_damaged_on_the_remote_is_refused_and_sent_anew(
    first: Path, tmp_path: Path, dvc: Run
) -> None:
    dvc(first, "remote", "add", "--default", "team", str(tmp_path / "store"))
    git(first, "commit", "--quiet", "--message=remote", ".dvc/config")
    assert dvc(first, "push").returncode == 0
    model = (first / "models/dropout.keras").read_bytes()
    (damaged,) = [
        path for path in (tmp_path / "store").rglob("*")
        if path.is_file() and path.read_bytes() == model
    ]  # fmt: skip
    damaged.chmod(0o600)
    damaged.write_bytes(bytes(len(model)))

    second = clone_of(first, tmp_path / "second")
    done = dvc(second, "pull")
    assert done.returncode != 0
    assert "models/dropout.keras" in done.stderr
    assert not (second / "models/dropout.keras").exists()
    assert dvc(first, "push").stdout == "1 file pushed\n"
    assert dvc(second, "pull").returncode == 0
    assert contents(second) == contents(first)


def test_shared_cache_and_its_run_cache(
    first: Path, tmp_path: Path, run: Run, dvc: Run, without_tensorflow: dict[str, str]
) -> None:
    shared = tmp_path / "cache"
    *setup, confirm = commands(
        "Nothing twice on one machine", {"/srv/dvc-cache": str(shared)}
    )  # fmt: skip
    assert dvc(first, "status", "--json").stdout == "{}\n"
    assert confirm == ["commit", "--force"]
    assert dvc(first, *confirm).returncode == 0
    shutil.copytree(first / ".dvc/cache", shared)

    second = clone_of(first, tmp_path / "second")
    for command in setup:
        done = dvc(second, *command)
        assert done.returncode == 0, done.stderr
    same_and_nothing_to_do(second, first, run, without_tensorflow)

    # As if it had never seen a run: what DVC knows of one is in dvc.lock.
    (second / "dvc.lock").unlink()
    done = run(second, "stages", **without_tensorflow)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ran(done.stdout) == ["download", "preprocess"]
    assert contents(second) == contents(first)
    assert data(second) == data(first)
    assert json.loads(dvc(second, "status", "--json").stdout) == {}
