import errno
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from experiment.common.files import replacing, write_arrays, write_curve, write_json

ROW = {"epoch": 1, "accuracy": 0.1 + 0.2, "loss": 1e-17, "val_accuracy": 1.0, "val_loss": 2.5}


def test_curve_is_tidy_and_in_full_precision(tmp_path: Path) -> None:
    write_curve(tmp_path / "curve.csv", [ROW])
    assert (tmp_path / "curve.csv").read_bytes() == (
        b"epoch,accuracy,loss,val_accuracy,val_loss\n1,0.30000000000000004,1e-17,1.0,2.5\n"
    )


def test_metrics_are_sorted_and_in_full_precision(tmp_path: Path) -> None:
    write_json(tmp_path / "m.json", {"b": 0.1 + 0.2, "a": 3})
    assert (tmp_path / "m.json").read_bytes() == b'{\n  "a": 3,\n  "b": 0.30000000000000004\n}\n'


def test_metric_that_is_no_number_is_not_written(tmp_path: Path) -> None:
    write_json(tmp_path / "m.json", {"a": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "m.json", {"a": float("nan")})
    assert (tmp_path / "m.json").read_text() == '{\n  "a": 1\n}\n'


def test_arrays_are_the_same_bytes_at_another_time(tmp_path: Path) -> None:
    for name in ("first", "second"):
        write_arrays(tmp_path / f"{name}.npz", {"x": np.arange(9, dtype=np.uint8)})
        os.utime(tmp_path / f"{name}.npz", (0, 0))
    assert (tmp_path / "first.npz").read_bytes() == (tmp_path / "second.npz").read_bytes()
    with zipfile.ZipFile(tmp_path / "first.npz") as archive:
        # 45, for 64-bit archives, is what numpy.savez gives from Python 3.11.4 on, and 20 before.
        assert [member.extract_version for member in archive.infolist()] == [20]


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "the disk is full"), OSError("the disk is full")]
)
def test_failure_keeps_the_old_file_and_leaves_no_other(error: OSError, tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file.txt"
    path.parent.mkdir()
    path.write_text("good")

    def fail() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(OSError, match="the disk is full"):
        fail()
    assert path.read_text() == "good"
    assert list(path.parent.iterdir()) == [path]
