"""Disks that are full or must not be written: each error is the operating system's own."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from stages import download, plot
from tests.faults.conftest import everything, refused
from tests.faults.processes import unfinished

resource = pytest.importorskip("resource", reason="Windows has no such limits")


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """A file system of its own with the folder's files and room for 4 KiB."""
    kept = {path: path.read_bytes() for path in folder.iterdir()}
    size = sum(-len(content) // 4096 * -4096 for content in kept.values()) + 4096
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting is not allowed here")
    try:
        for path, content in kept.items():
            path.write_bytes(content)
        yield
        kept = {path: path.read_bytes() for path in folder.iterdir()}
    finally:
        subprocess.run(["umount", str(folder)], check=True)
    for path, content in kept.items():
        path.write_bytes(content)


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
    ],
)
def test_stage_that_cannot_write(
    fault: Callable[[Path], AbstractContextManager[None]],
    folder: str,
    main: Callable[[], None],
    message: str,
    repository: Path,
    right: dict[str, bytes],
) -> None:
    """It says why, and keeps the last files."""
    with fault(repository / folder):
        line = refused(main, repository)
        assert unfinished(repository) == []
    assert message in line
    assert line.split(": ")[1].startswith(folder + os.sep)
    assert everything(repository) == right
