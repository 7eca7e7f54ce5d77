"""Disks that are full or must not be written: each error is the operating system's own."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.conftest import Row, copy_of, everything
from tests.faults.processes import Done, forget, good, line_of, run, unfinished
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


@pytest.mark.parametrize("stage", ["preprocess", "plot"])
def test_file_larger_than_the_limit(
    stage: str, repository: Path, right: dict[str, bytes], row: Row
) -> None:
    row(fault=f"file-size limit reached while `{stage}` writes, in `dvc repro`")
    forget(repository, stage)
    done = run(repository, "dvc", "repro", FAULT_IN=f"stages.{stage}", FAULT="limit")
    assert done.status != 0
    message = line_of(done, stage)
    assert "file larger than the system allows here (ulimit -f); raise the limit" in message
    assert unfinished(repository) == []
    kept = everything(repository)
    # What the outputs of `plot` are in is Git; DVC deletes them before it starts the stage.
    expected = {"plots/accuracy.png", "plots/loss.png"} if stage == "plot" else set()
    assert set(right) - set(kept) == expected
    assert {name: right[name] for name in kept if name != "dvc.lock"} == {
        name: kept[name] for name in kept if name != "dvc.lock"
    }
    good(run(repository, "dvc", "repro"))
    assert everything(repository) == right
    lost = "nothing: the pictures are in Git" if expected else "nothing: the last file is whole"
    row(happened=f"status {done.status}, `{message}`", lost=lost)


@dataclass(frozen=True)
class FullInTraining:
    """Runs by the kind of file that did not fit, and one afterwards."""

    runs: dict[str, Done]
    brought_back: dict[str, bytes]
    in_the_end: dict[str, bytes]


@pytest.fixture(scope="module")
def full_in_training(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> FullInTraining:
    """Model and metrics meet a full disk one after the other, then all is well.

    Each run goes on from the checkpoint of the one before, so that this trains once.
    """
    repository = copy_of(finished, tmp_path_factory.mktemp("full"))
    runs: dict[str, Done] = {}
    brought_back: dict[str, bytes] = {}
    for name, result in (("model", "models/dropout.keras"), ("metrics", "metrics/dropout.json")):
        forget(repository, "train_dropout")
        folder = (repository / result).parent
        with full_disk(folder, spare=8192 if name == "model" else 0):
            (repository / result).unlink()  # as DVC does before it starts the stage
            fill(folder, leave=8192 if name == "model" else 0)
            runs[name] = run(repository, "dvc", "repro")
            assert unfinished(repository) == []
            assert not (repository / result).exists()
            (folder / "ballast").unlink()
        git(repository, "checkout", "--", "dvc.lock", "metrics", "plots")
        good(run(repository, "dvc", "checkout"))
        brought_back = everything(repository)
    forget(repository, "train_dropout")
    runs["afterwards"] = good(run(repository, "dvc", "repro"))
    return FullInTraining(runs, brought_back, everything(repository))


def fill(folder: Path, leave: int) -> None:
    """Takes all space that is left in a small file system but so many bytes."""
    free = shutil.disk_usage(folder).free - leave
    (folder / "ballast").write_bytes(bytes(free))


@pytest.mark.parametrize("name", ["model", "metrics"])
def test_full_disk_in_training(
    name: str, full_in_training: FullInTraining, trained: dict[str, bytes], row: Row
) -> None:
    row(fault=f"disk full while a training writes its {name}, in `dvc repro`")
    done = full_in_training.runs[name]
    assert done.status != 0
    message = line_of(done, "train dropout")
    assert "no space left on the disk; free some and run again" in message
    assert full_in_training.brought_back == trained
    afterwards = full_in_training.runs["afterwards"].output.splitlines()
    assert "dropout  resumed after epoch 3" in afterwards
    assert full_in_training.in_the_end == trained
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


def test_read_only_folder_of_models(
    finished: Path, trained: dict[str, bytes], row: Row, tmp_path: Path
) -> None:
    row(fault="`models` must not be written, a training runs")
    repository = copy_of(finished, tmp_path)
    with frozen(repository / "models"):
        done = run(repository, "stages.train", "dropout")
    assert done.status == 1
    message = line_of(done, "train dropout")
    assert "not allowed to write or read here; check the owner and the permissions" in message
    assert everything(repository) == trained
    assert (repository / ".checkpoints/dropout.npz").is_file()
    row(happened=f"status 1, `{message}`", lost="nothing: all epochs are in the checkpoint")
