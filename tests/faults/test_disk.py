"""Disks that are full or must not be written: each error is the operating system's own."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from stages import download, plot, preprocess
from tests.faults.conftest import everything, refused
from tests.faults.processes import unfinished

resource = pytest.importorskip("resource", reason="Windows has no such limits")


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
def full(folder: Path) -> Iterator[None]:
    """A file system of its own with the folder's files and room for 4 KiB."""
    kept = {path: path.read_bytes() for path in folder.iterdir()}
    size = sum(-len(content) // 4096 * -4096 for content in kept.values()) + 4096
    with mounted(folder, "-t", "tmpfs", "-o", f"size={size}", "tmpfs"):
        for path, content in kept.items():
            path.write_bytes(content)
        yield
        kept = {path: path.read_bytes() for path in folder.iterdir()}
    for path, content in kept.items():
        path.write_bytes(content)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    with mounted(folder, "--bind", str(folder)):
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
        yield


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


@contextmanager
def limited(folder: Path) -> Iterator[None]:
    """No file may be larger than 64 bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


# Every stage writes through one function. Two stages differ: of `plot` matplotlib opens the file.
@pytest.mark.parametrize(
    ("fault", "folder", "main", "message"),
    [
        (full, "data/raw", download.main, "no space left on the disk"),
        (full, "plots", plot.main, "no space left on the disk"),
        (limited, "plots", plot.main, "file larger than the system allows here (ulimit -f)"),
        (read_only, "data", download.main, "the file system is read-only"),
        (frozen, "data/processed", preprocess.main, "not allowed to write or read here"),
    ],
)
def test_stage_that_cannot_write_says_why_and_keeps_the_last_files(
    fault: Callable[[Path], AbstractContextManager[None]],
    folder: str,
    main: Callable[[], None],
    message: str,
    repository: Path,
    right: dict[str, bytes],
) -> None:
    with fault(repository / folder):
        line = refused(main, repository)
        assert unfinished(repository) == []
    assert message in line
    assert line.split(": ")[1].startswith(folder + os.sep)
    assert everything(repository) == right
