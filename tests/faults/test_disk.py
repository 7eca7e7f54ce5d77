"""Disks that are full or must not be written: each error is the operating system's own."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.conftest import Row, copy_of, everything
from tests.faults.processes import forget, good, line_of, run, unfinished
from tests.repository import git, ran


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """Something mounted on a folder; what mount cannot do here skips the test."""
    done = subprocess.run(
        ["mount", *options, str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"mounting is not allowed here: {done.stderr.strip().splitlines()[-1]}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def full_disk(folder: Path, spare: int) -> Iterator[None]:
    """A file system of its own with the folder's files and as many bytes to spare."""
    kept = {path: path.read_bytes() for path in folder.iterdir()}
    size = sum(-len(content) // 4096 * -4096 for content in kept.values()) + spare
    with mounted(folder, "-t", "tmpfs", "-o", f"size={size}", "tmpfs"):
        for path, content in kept.items():
            path.write_bytes(content)
        yield
        kept = {path: path.read_bytes() for path in folder.iterdir()}
    for path, content in kept.items():
        path.write_bytes(content)


@contextmanager
def frozen(folder: Path) -> Iterator[None]:
    """A folder in which even root can make, change and remove no file."""
    chattr = shutil.which("chattr")
    if not chattr or subprocess.run([chattr, "+i", str(folder)], check=False).returncode != 0:
        pytest.skip("a folder cannot be made immutable here (chattr +i)")
    try:
        yield
    finally:
        subprocess.run([chattr, "-i", str(folder)], check=True)


# Every stage writes through one function. Two stages differ: of `plot` matplotlib opens the file,
# and DVC deletes the pictures before it starts.
@pytest.mark.parametrize(("stage", "folder"), [("download", "data/raw"), ("plot", "plots")])
def test_full_disk(
    stage: str, folder: str, repository: Path, right: dict[str, bytes], row: Row
) -> None:
    row(fault=f"disk full while `{stage}` writes")
    with full_disk(repository / folder, spare=4096):
        done = run(repository, f"stages.{stage}")
        assert unfinished(repository) == []
    assert done.status == 1
    message = line_of(done, stage)
    assert "no space left on the disk; free some and run again" in message
    assert everything(repository) == right
    forget(repository, stage)
    assert stage in ran(good(run(repository, "dvc", "repro")).output)
    assert everything(repository) == right
    row(happened=f"status 1, `{message}`", lost="nothing: the files of the last run are whole")


def test_file_larger_than_the_limit(repository: Path, right: dict[str, bytes], row: Row) -> None:
    stage = "plot"
    row(fault=f"file-size limit reached while `{stage}` writes, in `dvc repro`")
    forget(repository, stage)
    done = run(repository, "dvc", "repro", FAULT_IN=f"stages.{stage}", FAULT="limit")
    assert done.status != 0
    message = line_of(done, stage)
    assert "file larger than the system allows here (ulimit -f); raise the limit" in message
    assert unfinished(repository) == []
    kept = everything(repository)
    # DVC deletes a stage's outputs before it starts it.
    assert set(right) - set(kept) == {"plots/accuracy.png", "plots/loss.png"}
    assert [name for name in kept if name != "dvc.lock" and kept[name] != right[name]] == []
    good(run(repository, "dvc", "repro"))
    assert everything(repository) == right
    row(happened=f"status {done.status}, `{message}`", lost="nothing: the pictures are in Git")


def test_full_disk_in_training(
    finished: Path, trained: dict[str, bytes], row: Row, tmp_path: Path
) -> None:
    row(fault="disk full while a training writes its model, in `dvc repro`")
    repository = copy_of(finished, tmp_path)
    model = repository / "models/dropout.keras"
    forget(repository, "train_dropout")
    with full_disk(model.parent, spare=8192):
        model.unlink()  # as DVC does before it starts the stage
        ballast = model.with_name("ballast")
        ballast.write_bytes(bytes(shutil.disk_usage(model.parent).free - 8192))
        done = run(repository, "dvc", "repro")
        assert unfinished(repository) == []
        assert not model.exists()
        ballast.unlink()
    assert done.status != 0
    message = line_of(done, "train dropout")
    assert "no space left on the disk; free some and run again" in message
    git(repository, "checkout", "--", "dvc.lock", "metrics", "plots")
    good(run(repository, "dvc", "checkout"))
    assert everything(repository) == trained
    forget(repository, "train_dropout")
    again = good(run(repository, "dvc", "repro"))
    assert "dropout  resumed after epoch 3" in again.output.splitlines()
    assert everything(repository) == trained
    row(
        happened=f"status {done.status}, `{message}`",
        lost="nothing: the last results are in Git and DVC's cache, all epochs in the checkpoint",
    )


def test_read_only_folder(repository: Path, right: dict[str, bytes], row: Row) -> None:
    row(fault="`data/processed` must not be written, `preprocess` runs")
    with frozen(repository / "data/processed"):
        done = run(repository, "stages.preprocess")
    assert done.status == 1
    message = line_of(done, "preprocess")
    assert "not allowed to write or read here; check the owner and the permissions" in message
    assert everything(repository) == right
    row(happened=f"status 1, `{message}`", lost="nothing: the files of the last run are whole")


def test_read_only_file_system(repository: Path, right: dict[str, bytes], row: Row) -> None:
    row(fault="`data` is a read-only file system, `download` runs")
    data = repository / "data"
    with mounted(data, "--bind", str(data)):
        subprocess.run(["mount", "-o", "remount,bind,ro", str(data)], check=True)
        done = run(repository, "stages.download")
    assert done.status == 1
    message = line_of(done, "download")
    assert "the file system is read-only; run in a folder that can be written" in message
    assert everything(repository) == right
    row(happened=f"status 1, `{message}`", lost="nothing: the files of the last run are whole")
