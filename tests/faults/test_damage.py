"""Files that are damaged or made to do harm."""

import hashlib
import os
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from stages import download, preprocess
from tests.conftest import synthetic_arrays
from tests.faults.conftest import everything, refused
from tests.faults.processes import forget, good, line_of, run, unfinished
from tests.repository import ran

OWN = "data/own/tiny.npz"


def flip_bits_in_cache(folder: Path, name: str) -> Path:
    """Damages DVC's copy of an output as a failing disk does: size, mode and time stay."""
    digest = hashlib.md5((folder / name).read_bytes()).hexdigest()
    path = folder / ".dvc/cache/files/md5" / digest[:2] / digest[2:]
    before = path.stat()
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    path.chmod(before.st_mode)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    return path


def test_damaged_cache_does_not_reach_the_next_stage(
    repository: Path, right: dict[str, bytes]
) -> None:
    """DVC takes a cached file that is write-protected (0444) for whole, without reading it.

    It puts it in place of what the stage has just written. What does notice is whoever reads it:
    each array in an `.npz` has a CRC-32. Once the copy is not protected, `dvc status` hashes it and
    removes it.
    """
    name = "data/raw/images.npz"
    copy = flip_bits_in_cache(repository, name)
    forget(repository, "download", "preprocess")
    (repository / name).unlink()
    done = run(repository, "dvc", "repro")
    assert done.status != 0
    assert "not a whole .npz file (Bad CRC-32" in line_of(done, "preprocess")
    copy.chmod(0o644)
    status = good(run(repository, "dvc", "status"))
    assert ["not", "in", "cache:", name] in [line.split() for line in status.output.splitlines()]
    assert not copy.exists()
    (repository / name).unlink()
    good(run(repository, "dvc", "repro"))
    assert everything(repository) == right


class Bait:
    """Makes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.mark),)


def truncated(path: Path, folder: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def objects(path: Path, folder: Path) -> None:
    bait = np.empty(1, dtype=object)
    bait[0] = Bait(folder / "the code ran")
    np.savez(path, **synthetic_arrays() | {"x_train": bait})  # type: ignore[arg-type]


def write_liar(path: Path, padding: bytes, told: int) -> None:
    """Arrays followed by a padding; the archive's directory says `told` bytes of each."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in synthetic_arrays().items():
            content = BytesIO()
            np.save(content, array)
            archive.writestr(f"{name}.npy", content.getvalue() + padding)
        for info in archive.infolist():  # the directory, which is written at the end
            info.file_size = told or info.file_size - len(padding)


def bomb(path: Path, folder: Path) -> None:
    """A small file that says it has 9 GB."""
    write_liar(path, b"", 9 * 2**28)


def lying_bomb(path: Path, folder: Path) -> None:
    """Arrays that unpack to far more than the archive says."""
    write_liar(path, bytes(1_000_000), 0)


def a_folder(path: Path, folder: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (truncated, "not a whole .npz file (File is not a zip file)"),
        (objects, "found an object array, which could run code"),
        (bomb, "expected at most 8,192 MiB of arrays, found more"),
        (lying_bomb, "not a whole .npz file (Bad CRC-32"),
        (a_folder, "found a folder"),
    ],
)
def test_own_images(
    damage: Callable[[Path, Path], None],
    message: str,
    repository: Path,
    right: dict[str, bytes],
    tmp_path: Path,
) -> None:
    damage(repository / OWN, tmp_path)
    assert message in refused(download.main, repository)
    assert not (tmp_path / "the code ran").exists()
    assert everything(repository) == right


def test_the_bait_is_one(tmp_path: Path) -> None:
    """Without this, the case above would show nothing."""
    objects(tmp_path / "bait.npz", tmp_path)
    with np.load(tmp_path / "bait.npz", allow_pickle=True) as arrays:
        assert arrays["x_train"].shape == (1,)
    assert (tmp_path / "the code ran").is_dir()


def test_truncated_raw_data(repository: Path, right: dict[str, bytes]) -> None:
    raw = "data/raw/images.npz"
    truncated(repository / raw, repository)
    assert "not a whole .npz file" in refused(preprocess.main, repository)
    assert everything(repository) | {raw: b""} == right | {raw: b""}


@pytest.mark.parametrize("name", ["images.npz", ".images.unfinished.npz"])
def test_link_is_read_through_and_not_written_through(
    name: str, repository: Path, right: dict[str, bytes], tmp_path: Path
) -> None:
    (repository / OWN).rename(tmp_path / "elsewhere.npz")
    (repository / OWN).symlink_to(tmp_path / "elsewhere.npz")
    precious = tmp_path / "precious.npz"
    precious.write_bytes(b"precious")
    (repository / "data/raw" / name).unlink(missing_ok=True)
    (repository / "data/raw" / name).symlink_to(precious)
    forget(repository, "download")
    assert "download" in ran(good(run(repository, "dvc", "repro")).output)
    assert precious.read_bytes() == b"precious"
    assert not (repository / "data/raw/images.npz").is_symlink()
    assert unfinished(repository) == []
    assert everything(repository) == right
