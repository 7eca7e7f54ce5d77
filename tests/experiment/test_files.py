import errno
import zipfile
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from matplotlib.figure import Figure

from experiment.files import (
    replacing,
    write_arrays,
    write_curve,
    write_figure,
    write_json,
    write_predictions,
)

# No value twice: what is in another's place is seen.
CURVE = [
    {"epoch": 1, "accuracy": 0.1 + 0.2, "loss": 1e-17, "val_accuracy": 1.0, "val_loss": 2.5},
    {"val_loss": 0.7, "val_accuracy": 0.6, "loss": 0.5, "accuracy": 0.4, "epoch": 2},
]


def test_curve_is_tidy_and_in_full_precision(tmp_path: Path) -> None:
    write_curve(tmp_path / "curve.csv", CURVE)
    assert (tmp_path / "curve.csv").read_bytes() == (
        b"epoch,accuracy,loss,val_accuracy,val_loss\n"
        b"1,0.30000000000000004,1e-17,1.0,2.5\n"
        b"2,0.4,0.5,0.6,0.7\n"
    )


def test_predictions_are_a_row_per_image(tmp_path: Path) -> None:
    probabilities = np.array([[0.2, 0.7, 0.1], [0.33333, 0.33332, 0.33335]], np.float32)
    write_predictions(tmp_path / "p.csv", np.array([1, 0], np.uint8), probabilities)
    assert (tmp_path / "p.csv").read_bytes() == (
        b"label,prediction,probability\n1,1,0.7000\n0,2,0.3334\n"
    )


def test_metrics_are_sorted_in_full_precision_and_numbers(tmp_path: Path) -> None:
    write_json(tmp_path / "m.json", {"b": 0.1 + 0.2, "a": 3})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "m.json", {"a": float("nan")})
    assert (tmp_path / "m.json").read_bytes() == b'{\n  "a": 3,\n  "b": 0.30000000000000004\n}\n'


ARRAYS: dict[str, np.ndarray] = {
    "images": np.arange(24, dtype=np.uint8).reshape(2, 3, 4),
    "labels": np.array([3, 1], dtype=np.uint16),
    "classes": np.array(4),
    "weights": np.array([[0.1, -1e-300], [np.pi, 2.0]]),
}


def test_arrays_are_read_as_they_were_written_and_their_file_holds_no_clock(tmp_path: Path) -> None:
    write_arrays(tmp_path / "arrays.npz", ARRAYS)
    with np.load(tmp_path / "arrays.npz", allow_pickle=False) as arrays:
        assert sorted(arrays) == sorted(ARRAYS)
        for name, array in ARRAYS.items():
            assert arrays[name].dtype == array.dtype
            np.testing.assert_array_equal(arrays[name], array)
    with zipfile.ZipFile(tmp_path / "arrays.npz") as archive:
        for member in archive.infolist():
            assert member.date_time == (1980, 1, 1, 0, 0, 0)
            # 45, for 64-bit archives, is what numpy.savez gives from Python 3.11.4 on, 20 before.
            assert member.extract_version == 20


def test_picture_does_not_name_the_software_that_drew_it(tmp_path: Path) -> None:
    write_figure(tmp_path / "figure.png", Figure(figsize=(2, 1)), dots_per_inch=50)
    assert matplotlib.image.imread(tmp_path / "figure.png").shape[:2] == (50, 100)
    assert b"Software" not in (tmp_path / "figure.png").read_bytes()


@pytest.mark.parametrize("named", [None, "other.txt"])
def test_failure_keeps_the_old_file_and_names_it_where_no_other_is(
    named: str | None, tmp_path: Path
) -> None:
    """A full disk, when it is written to, tells of no file."""
    path = tmp_path / "folder" / "file.txt"
    path.parent.mkdir()
    path.write_text("good")
    error = OSError(errno.ENOSPC, "the disk is full", *([named] if named else []))

    def fail() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(OSError, match="the disk is full") as raised:
        fail()
    assert raised.value.filename == (named or str(path))
    assert path.read_text() == "good"
    assert list(path.parent.iterdir()) == [path]


def test_what_a_killed_process_left_is_replaced_and_no_link_written_through(
    tmp_path: Path,
) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / ".m.unfinished.json").symlink_to(tmp_path / "precious")
    write_json(tmp_path / "m.json", {"a": 1})
    assert (tmp_path / "precious").read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.json", "precious"]
