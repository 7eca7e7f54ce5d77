import errno
import io
import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from matplotlib.figure import Figure

from experiment import files
from experiment.npz import read_arrays
from experiment.support.errors import InputError
from tests.conftest import ROOT

# No value twice: what is in another's place is seen.
CURVE = [
    {"epoch": 1, "accuracy": 0.1 + 0.2, "loss": 1e-17, "val_accuracy": 1.0, "val_loss": 2.5},
    {"val_loss": 0.7, "val_accuracy": 0.6, "loss": 0.5, "accuracy": 0.4, "epoch": 2},
]
PROBABILITIES = np.array([[0.2, 0.7, 0.1], [0.33333, 0.33332, 0.33335]], np.float32)
ARRAYS: dict[str, np.ndarray] = {"a": np.arange(2001), "b": np.eye(3)}
# What each writes, and the bytes where they are text.
WRITERS: dict[Callable[..., None], tuple[tuple[Any, ...], str | None]] = {
    files.write_arrays: ((ARRAYS,), None),
    files.write_curve: (
        (CURVE,),
        "epoch,accuracy,loss,val_accuracy,val_loss\n"
        "1,0.30000000000000004,1e-17,1.0,2.5\n2,0.4,0.5,0.6,0.7\n",
    ),
    files.write_figure: ((Figure(figsize=(2, 1)), 50), None),
    files.write_json: (
        ({"b": 0.1 + 0.2, "a": 3},), '{\n  "a": 3,\n  "b": 0.30000000000000004\n}\n',
    ),
    files.write_predictions: (
        (np.array([1, 0], np.uint8), PROBABILITIES),
        "label,prediction,probability\n1,1,0.7000\n0,2,0.3334\n",
    ),
    files.write_text: (("é\n",), "é\n"),
}  # fmt: skip


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("named", [None, "other.txt"])
def test_writers(
    write: Callable[..., None], named: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half-way, the old bytes stay, a link that is in the way is not written through.

    The file is named: a full disk names none when it is written to, only when one is opened.
    """
    path, (content, text) = tmp_path / "file.png", WRITERS[write]
    path.write_bytes(b"good")
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / ".file.unfinished.png").symlink_to(tmp_path / "precious")

    def fail(file: int) -> None:
        assert path.with_name(".file.unfinished.png").stat().st_size > 0
        raise OSError(errno.ENOSPC, "the disk is full", *([named] if named else []))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="the disk is full") as raised:
            write(path, *content)
    assert raised.value.filename == (named or str(path))
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {
        "file.png": b"good", "precious": b"precious",
    }  # fmt: skip
    write(path, *content)
    assert path.read_bytes() not in (b"", b"good")
    assert text is None or path.read_bytes() == text.encode()


def test_nothing_of_this_run_is_in_a_file(tmp_path: Path) -> None:
    """No clock and no software; what is not a number is not written."""
    files.write_arrays(tmp_path / "arrays.npz", ARRAYS)
    with zipfile.ZipFile(tmp_path / "arrays.npz") as archive:
        # 45, for 64-bit archives, is what numpy.savez gives from Python 3.11.4 on, 20 before.
        found = {(member.date_time, member.extract_version) for member in archive.infolist()}
        assert found == {((1980, 1, 1, 0, 0, 0), 20)}
    files.write_figure(tmp_path / "figure.png", Figure(figsize=(2, 1)), dots_per_inch=50)
    assert matplotlib.image.imread(tmp_path / "figure.png").shape[:2] == (50, 100)
    assert b"Software" not in (tmp_path / "figure.png").read_bytes()
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(tmp_path / "m.json", {"a": float("nan")})
    assert not [*tmp_path.glob("*m.json")]


def test_what_cannot_be_read(tmp_path: Path) -> None:
    """Also a header that declares more than there is, or less, so that the end would be missed."""
    np.save(tmp_path / "one.npy", np.eye(3))
    np.savez(tmp_path / "objects.npz", a=np.array([print]))
    np.savez(tmp_path / "b.npz", b=np.eye(3))
    files.write_arrays(tmp_path / "less.npz", ARRAYS)
    whole = (tmp_path / "less.npz").read_bytes()
    (tmp_path / "less.npz").write_bytes(whole.replace(b"(2001,)", b"(2000,)"))
    (tmp_path / "cut.npz").write_bytes(whole[:-20])
    # Its arrays would begin before the file.
    (tmp_path / "start.npz").write_bytes(whole[:-6] + b"\xff\xff\xff\x7f" + whole[-2:])
    header = io.BytesIO()
    fields = {"descr": "|u1", "fortran_order": False, "shape": (10**30,)}
    np.lib.format.write_array_header_1_0(header, fields)
    with zipfile.ZipFile(tmp_path / "short.npz", "w") as archive:
        archive.writestr("a.npy", header.getvalue() + b"123")
    for name, message in {
        "one.npy": "another kind of file, or a damaged one",
        **dict.fromkeys(("cut.npz", "less.npz", "short.npz", "start.npz"), "another kind of file"),
        "objects.npz": "objects in a, which could run code",
        "b.npz": "b; add a",
        ".": "a folder",
        "no": "no such file",
    }.items():
        with pytest.raises(InputError, match=f"found {message}"):
            read_arrays(tmp_path / name, ("a",))
    with pytest.raises(OSError, match="too long"):  # which says nothing of the file's content
        read_arrays(tmp_path / ("x" * 300), ("a",))


WRITING = re.compile(
    r"(\S+)\.write_(?:bytes|text)\("
    r"|\.(?:save|savefig|savez\w*|to_csv)\(\s*([^,)=]+)[,)]"  # to_csv may have no path
    r'|ZipFile\(\s*([^,)]+), "[wa]'
    r'|(\S+)\.open\("[wax]'
)
# In memory, a list for pip and a log in temporary folders, and the runs, to which whole lines are
# appended.
ELSEWHERE = {"log", "picture", "self.path", "wanted"}


@pytest.mark.parametrize(
    "files", [*(f"{top}/**/*.py" for top in ("experiment", "explore", "stages", "study")),
              "tools/bench.py", "tools/verify.py"],
)  # fmt: skip
def test_every_writer(files: str) -> None:
    """Each writes to the temporary path that `replacing` gives."""
    code = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob(files))
    targets = {"".join(found) for found in WRITING.findall(code)}
    assert targets - ELSEWHERE <= {"temporary"}
