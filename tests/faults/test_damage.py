"""Files that are damaged or made to do harm."""

import os
import pickle
import shutil
import subprocess
import zipfile
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import synthetic_arrays
from tests.faults.conftest import Row, copy_of, everything
from tests.faults.processes import forget, good, line_of, run, unfinished
from tests.repository import ran

OWN = "data/own/tiny.npz"


def cached(folder: Path, name: str) -> Path:
    """The file of DVC's cache that holds an output."""
    status = subprocess.run(
        ["md5sum", name], cwd=folder, capture_output=True, text=True, check=True
    )
    digest = status.stdout.split()[0]
    return folder / ".dvc/cache/files/md5" / digest[:2] / digest[2:]


def flip_bits(path: Path) -> None:
    """As a failing disk does: neither size nor mode nor time tell of it."""
    before = path.stat()
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    path.chmod(before.st_mode)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_damaged_file_in_the_cache(repository: Path, right: dict[str, bytes], row: Row) -> None:
    """DVC takes a cached file that is write-protected (0444) for whole, without reading it.

    So neither `dvc status` nor `dvc repro` nor `dvc checkout` notices, and `checkout` puts the
    damaged file in place; DVC's option `verify` is for remotes. Once the copy is not protected
    (`chmod -R u+w .dvc/cache`), `dvc status` hashes it, removes it, and says `not in cache`. What
    does notice is whoever reads the file: each array in an `.npz`, each member of a `.keras` file
    has a CRC-32.
    """
    name = "models/dropout.keras"
    row(fault=f"bits flipped in DVC's cached copy of `{name}`")
    copy = cached(repository, name)
    flip_bits(copy)
    assert good(run(repository, "dvc", "repro")).output.count("didn't change, skipping") == 6
    assert everything(repository) == right
    (repository / name).unlink()
    good(run(repository, "dvc", "checkout"))
    assert (repository / name).read_bytes() == copy.read_bytes() != right[name]
    with zipfile.ZipFile(repository / name) as archive:
        assert archive.testzip() is not None

    copy.chmod(0o644)
    status = good(run(repository, "dvc", "status"))
    assert ["not", "in", "cache:", name] in [line.split() for line in status.output.splitlines()]
    assert not copy.exists()
    again = good(run(repository, "dvc", "repro"))
    assert everything(repository) == right
    row(
        happened="DVC does not notice, and `dvc checkout` brings the damage to the workspace; after"
        " `chmod -R u+w .dvc/cache` `dvc status` says `not in cache`, and `dvc repro` runs"
        f" {', '.join(f'`{stage}`' for stage in ran(again.output))} again",
        lost="nothing: the file is made again with the same bytes",
    )


def test_damaged_cache_does_not_reach_the_next_stage(
    repository: Path, right: dict[str, bytes], row: Row
) -> None:
    """DVC puts the cached copy in place of what the stage has just written."""
    row(fault="bits flipped in DVC's cached copy of the raw data, then `download` runs again")
    copy = cached(repository, "data/raw/images.npz")
    flip_bits(copy)
    forget(repository, "download", "preprocess")
    (repository / "data/raw/images.npz").unlink()
    done = run(repository, "dvc", "repro")
    message = line_of(done, "preprocess")
    assert done.status != 0
    assert "not a whole .npz file (Bad CRC-32" in message
    copy.unlink()
    (repository / "data/raw/images.npz").unlink()
    good(run(repository, "dvc", "repro"))
    assert everything(repository) == right
    row(
        happened=f"status {done.status}, `{message}`",
        lost="nothing: with the copy removed from the cache, `dvc repro` makes it again",
    )


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


def folder_in_place(path: Path, folder: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("damage", "fault", "message"),
    [
        (truncated, "own images cut off", "not a whole .npz file"),
        (objects, "own images that run code when unpickled", "found an object array"),
        (bomb, "own images that are a zip bomb of 9 GB", "expected at most 8,192 MiB of arrays"),
        (lying_bomb, "own images that unpack to more than they say", "not a whole .npz file"),
        (folder_in_place, "a folder in place of the own images", "found a folder"),
    ],
    ids=["truncated", "objects", "bomb", "lying_bomb", "folder"],
)
def test_own_images(
    damage: object,
    fault: str,
    message: str,
    repository: Path,
    right: dict[str, bytes],
    row: Row,
    tmp_path: Path,
) -> None:
    command = ("dvc", "repro") if damage is truncated else ("stages.download",)
    row(fault=f"{fault}, in `{' '.join(command)}`")
    own = repository / OWN
    shutil.copy(own, tmp_path / "good.npz")
    assert callable(damage)
    damage(own, tmp_path)
    done = run(repository, *command)
    assert done.status != 0
    line = line_of(done, "download")
    assert message in line
    assert not (tmp_path / "the code ran").exists()
    assert everything(repository) == right
    shutil.rmtree(own) if own.is_dir() else own.unlink()
    shutil.copy(tmp_path / "good.npz", own)
    good(run(repository, "stages.download"))
    assert everything(repository) == right
    row(happened=f"status {done.status}, `{line}`", lost="nothing: all results stayed")


def test_the_bait_is_one(tmp_path: Path) -> None:
    """Without this, the case above would show nothing."""
    objects(tmp_path / "bait.npz", tmp_path)
    with np.load(tmp_path / "bait.npz", allow_pickle=True) as arrays:
        assert arrays["x_train"].shape == (1,)
    assert (tmp_path / "the code ran").is_dir()
    assert pickle.HIGHEST_PROTOCOL > 0


def test_truncated_raw_data(repository: Path, right: dict[str, bytes], row: Row) -> None:
    row(fault="`data/raw/images.npz` cut off, `preprocess` runs")
    truncated(repository / "data/raw/images.npz", repository)
    done = run(repository, "stages.preprocess")
    assert done.status == 1
    line = line_of(done, "preprocess")
    assert "not a whole .npz file" in line
    assert {**everything(repository), "data/raw/images.npz": b""} == {
        **right, "data/raw/images.npz": b"",
    }  # fmt: skip
    good(run(repository, "dvc", "repro"))
    assert everything(repository) == right
    row(happened=f"status 1, `{line}`", lost="nothing: `dvc repro` makes it again")


def test_own_images_behind_a_link(
    repository: Path, right: dict[str, bytes], row: Row, tmp_path: Path
) -> None:
    row(fault="own images that are a symbolic link")
    (repository / OWN).rename(tmp_path / "elsewhere.npz")
    (repository / OWN).symlink_to(tmp_path / "elsewhere.npz")
    forget(repository, "download")
    done = good(run(repository, "dvc", "repro"))
    assert "download" in ran(done.output)
    assert everything(repository) == right
    row(happened="read through the link, the same results", lost="nothing")


@pytest.mark.parametrize("name", ["images.npz", ".images.unfinished.npz"])
def test_output_that_is_a_link_is_replaced_and_not_written_through(
    name: str, repository: Path, right: dict[str, bytes], row: Row, tmp_path: Path
) -> None:
    row(fault=f"`data/raw/{name}` is a symbolic link to a file elsewhere, `download` runs")
    precious = tmp_path / "precious.npz"
    precious.write_bytes(b"precious")
    (repository / "data/raw" / name).unlink(missing_ok=True)
    (repository / "data/raw" / name).symlink_to(precious)
    good(run(repository, "stages.download"))
    assert precious.read_bytes() == b"precious"
    assert not (repository / "data/raw/images.npz").is_symlink()
    assert unfinished(repository) == []
    assert everything(repository) == right
    row(
        happened="the link is replaced by the new file", lost="nothing: the other file is as it was"
    )


def test_damaged_checkpoint_is_not_used(
    finished: Path, trained: dict[str, bytes], row: Row, tmp_path: Path
) -> None:
    """Nor is one of other parameters, data or software: see tests/stages/test_train.py."""
    row(fault="a checkpoint cut off, and half of another beside it")
    folder = copy_of(finished, tmp_path)
    checkpoint = folder / ".checkpoints/dropout.npz"
    checkpoint.parent.mkdir(exist_ok=True)
    np.savez(checkpoint, **synthetic_arrays())  # type: ignore[arg-type]
    truncated(checkpoint, folder)
    shutil.copy(checkpoint, checkpoint.with_name(".dropout.unfinished.npz"))
    done = good(run(folder, "stages.train", "dropout"))
    (said,) = (line for line in done.output.splitlines() if "not resumed" in line)
    assert "not a whole .npz file" in said
    assert everything(folder) == trained
    assert not [*checkpoint.parent.iterdir()]
    row(happened=f"`{said}`", lost="what it held")
