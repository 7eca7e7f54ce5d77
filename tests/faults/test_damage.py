"""Files that are damaged or made to do harm."""

import hashlib
import os
import zipfile
import zlib
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


def test_damaged_file_in_the_cache(repository: Path, right: dict[str, bytes]) -> None:
    """DVC takes a cached file that is write-protected (0444) for whole, without reading it.

    So `dvc checkout` puts the damaged file in place. What does notice is whoever reads the file:
    each array in an `.npz`, each member of a `.keras` file has a CRC-32. Once the copy is not
    protected (`chmod -R u+w .dvc/cache`), `dvc status` hashes it and removes it.
    """
    name = "models/dropout.keras"
    copy = flip_bits_in_cache(repository, name)
    (repository / name).unlink()
    good(run(repository, "dvc", "checkout"))
    assert (repository / name).read_bytes() == copy.read_bytes() != right[name]
    with zipfile.ZipFile(repository / name) as archive:
        assert archive.testzip() is not None
    copy.chmod(0o644)
    status = good(run(repository, "dvc", "status"))
    assert ["not", "in", "cache:", name] in [line.split() for line in status.output.splitlines()]
    assert not copy.exists()
    assert ran(good(run(repository, "dvc", "repro")).output) == ["train_dropout"]
    assert everything(repository) == right


def test_damaged_cache_does_not_reach_the_next_stage(
    repository: Path, right: dict[str, bytes]
) -> None:
    """DVC puts the cached copy in place of what the stage has just written."""
    copy = flip_bits_in_cache(repository, "data/raw/images.npz")
    forget(repository, "download", "preprocess")
    (repository / "data/raw/images.npz").unlink()
    done = run(repository, "dvc", "repro")
    assert done.status != 0
    assert "not a whole .npz file (Bad CRC-32" in line_of(done, "preprocess")
    copy.unlink()
    (repository / "data/raw/images.npz").unlink()
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


def bomb(path: Path, folder: Path) -> None:
    """9 MB that are 9 GB of zeros, truly."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    header = BytesIO()
    shape = (300_000, 80, 100)
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": shape}
    )
    size = len(header.getvalue()) + 300_000 * 80 * 100
    packed = packer.compress(header.getvalue()) + packer.flush(zlib.Z_FULL_FLUSH)
    zeros = packer.compress(bytes(8_000_000)) + packer.flush(zlib.Z_FULL_FLUSH)
    packed += zeros * 300 + packer.flush()
    with zipfile.ZipFile(path, "w") as archive:
        for name in synthetic_arrays():
            archive.writestr(f"{name}.npy", packed)
        for info in archive.infolist():  # the directory, which is written at the end
            info.compress_type, info.file_size = zipfile.ZIP_DEFLATED, size


def lying_bomb(path: Path, folder: Path) -> None:
    """Arrays that unpack to far more than the archive's directory says."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in synthetic_arrays().items():
            content = BytesIO()
            np.save(content, array)
            archive.writestr(f"{name}.npy", content.getvalue() + bytes(50_000_000))
        for info in archive.infolist():
            info.file_size -= 50_000_000


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
