"""Files that are damaged or made to do harm."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from stages import download, preprocess
from tests.conftest import synthetic_arrays
from tests.faults.conftest import everything, refused
from tests.faults.processes import forget, good, line_of, run

RAW = "data/raw/images.npz"


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
    assert "expected a whole .npz file; found" in line_of(done, "preprocess")
    copy.chmod(0o644)
    status = good(run(repository, "dvc", "status"))
    assert ["not", "in", "cache:", RAW] in [line.split() for line in status.output.splitlines()]
    assert not copy.exists()
    (repository / RAW).unlink()
    good(run(repository, "dvc", "repro"))
    assert everything(repository) == right


class Bait:
    """An object whose unpickling makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


def truncate(path: Path, folder: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def add_code(path: Path, folder: Path) -> None:
    bait = np.empty(1, dtype=object)
    bait[0] = Bait(folder / "the code ran")
    np.savez(path, **synthetic_arrays() | {"x_train": bait})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("damage", "file", "main", "message"),
    [
        (truncate, "data/own/tiny.npz", download.main, "expected a whole .npz file"),
        (add_code, "data/own/tiny.npz", download.main, "objects in x_train, which could run code"),
        (truncate, RAW, preprocess.main, "expected a whole .npz file"),
    ],
)
def test_damaged_images(
    damage: Callable[[Path, Path], None],
    file: str,
    main: Callable[[], None],
    message: str,
    repository: Path,
    right: dict[str, bytes],
    tmp_path: Path,
) -> None:
    damage(repository / file, tmp_path)
    assert message in refused(main, repository)
    assert not (tmp_path / "the code ran").exists()
    assert everything(repository) | {RAW: b""} == right | {RAW: b""}
