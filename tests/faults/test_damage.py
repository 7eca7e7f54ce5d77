"""Damaged files and disks that are full; each error is the operating system's own."""

import hashlib
import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, chdir, contextmanager
from pathlib import Path

import pytest

from stages import download, plot, preprocess
from tests.faults.conftest import PAGE, everything
from tests.faults.processes import forget, good, run, unfinished

RAW = "data/raw/images.npz"
DAMAGED = (
    f"preprocess: {RAW}: expected a whole .npz file; found another kind of file, or a damaged one;"
)


def test_damaged_cache(repository: Path, right: dict[str, bytes]) -> None:
    """Bits of DVC's copy of an output flip, as on a failing disk: size, mode and time stay.

    DVC takes a cached file that is write-protected (0444) for whole, without reading it, and puts
    it in place of what the stage has just written. What does notice is whoever reads it: each array
    in an `.npz` has a CRC-32. Once the copy is not protected, `dvc status` removes it.
    """
    digest = hashlib.md5((repository / RAW).read_bytes()).hexdigest()
    copy = repository / ".dvc/cache/files/md5" / digest[:2] / digest[2:]
    before, content = copy.stat(), bytearray(copy.read_bytes())
    content[len(content) // 2] ^= 0xFF
    copy.chmod(0o600)
    copy.write_bytes(content)
    copy.chmod(before.st_mode)
    os.utime(copy, ns=(before.st_atime_ns, before.st_mtime_ns))
    forget(repository, "download", "preprocess")
    (repository / RAW).unlink()
    done = run(repository, "dvc", "repro")
    assert done.status != 0
    assert DAMAGED in done.output
    copy.chmod(0o644)
    status = good(run(repository, "dvc", "status"))
    assert ["not", "in", "cache:", RAW] in [line.split() for line in status.output.splitlines()]
    assert not copy.exists()
    (repository / RAW).unlink()
    good(run(repository, "dvc", "repro"))
    assert everything(repository) == right


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
        left = {path: path.read_bytes() for path in folder.iterdir()}
    finally:
        subprocess.run(["umount", str(folder)], check=True)
    assert left == kept


@contextmanager
def limited(folder: Path) -> Iterator[None]:
    """No file may be larger than 64 bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def cut_off(folder: Path) -> Iterator[None]:
    """Half of each file in the folder is missing."""
    kept = {path: path.read_bytes() for path in folder.glob("*.npz")}
    for path, content in kept.items():
        path.write_bytes(content[: len(content) // 2])
    yield
    for path, content in kept.items():
        path.write_bytes(content)


# Every stage writes through one function. Two stages differ: of `plot` matplotlib opens the file.
@pytest.mark.parametrize(
    ("fault", "folder", "main", "message"),
    [
        (cut_off, "data/own", download.main, "expected a whole .npz file"),
        (cut_off, "data/raw", preprocess.main, "expected a whole .npz file"),
        (full, "data/raw", download.main, "no space left on the disk"),
        (full, "plots", plot.main, "no space left on the disk"),
        (limited, "plots", plot.main, "file larger than the system allows here (ulimit -f)"),
    ],
)
def test_stage_that_cannot_read_or_write(
    fault: Callable[[Path], AbstractContextManager[None]],
    folder: str,
    main: Callable[[], None],
    message: str,
    repository: Path,
    right: dict[str, bytes],
) -> None:
    """It says why in the line that docs/faults.md has, and keeps the last files."""
    with fault(repository / folder), chdir(repository), pytest.raises(SystemExit) as ended:
        main()
    line = str(ended.value.code)
    assert line.split(": ")[1].startswith(folder + os.sep)
    assert message in line
    assert f"`{line}`" in PAGE
    assert unfinished(repository) == []
    assert everything(repository) == right
