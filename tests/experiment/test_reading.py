import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment.common.errors import InputError
from experiment.data.reading import read_dataset
from tests.conftest import synthetic_arrays


def save(path: Path, **changes: object) -> Path:
    """An own dataset with some arrays changed, or left out where None."""
    arrays = {**synthetic_arrays(), **changes}
    kept = {name: value for name, value in arrays.items() if value is not None}
    np.savez(path, **kept)  # type: ignore[arg-type]
    return path


def test_own_dataset_is_read(tmp_path: Path) -> None:
    expected = synthetic_arrays()
    actual = read_dataset(save(tmp_path / "own.npz"))
    for name, array in expected.items():
        np.testing.assert_array_equal(getattr(actual, name), array)
        assert getattr(actual, name).dtype == np.uint8


def test_channel_axis_other_dtypes_and_oblong_images_are_read(tmp_path: Path) -> None:
    x = np.arange(2 * 5 * 9, dtype=float).reshape(2, 5, 9, 1)
    y = np.array([0, 700], dtype=np.int64)
    dataset = read_dataset(save(tmp_path / "own.npz", x_train=x, y_train=y, x_test=x, y_test=y))
    assert dataset.x_train.shape == (2, 5, 9)
    assert dataset.x_train.dtype == np.uint8
    assert dataset.y_train.dtype == np.uint16  # more classes than a byte counts
    assert dataset.y_train.tolist() == [0, 700]


X = synthetic_arrays()["x_train"]
Y = synthetic_arrays()["y_train"]
WRONG_ARRAYS: dict[str, tuple[dict[str, object], str]] = {
    "missing": ({"y_test": None}, "y_test is missing, found x_test, x_train, y_train"),
    "object": ({"y_train": Y.astype(object)}, "y_train: expected numbers, found an object array"),
    "text": ({"y_train": Y.astype(str)}, "y_train: expected numbers 0..65535; found dtype <U3"),
    "boolean": ({"x_train": X > 1}, "x_train: expected numbers 0..255; found dtype bool"),
    "colour": ({"x_train": np.stack([X] * 3, axis=-1)}, "x_train: expected grey images"),
    "flat": ({"x_train": X.reshape(len(X), -1)}, "x_train: expected grey images"),
    "no images": ({"x_test": X[:0]}, "x_test: expected grey images"),
    "tiny": ({"x_train": X[:, :3, :3]}, "x_train: expected images of 4 x 4 pixels or more"),
    "sizes": ({"x_test": np.zeros((30, 9, 8), np.uint8)}, "one image size; found (8, 8) in x_train"),
    "NaN": ({"x_train": np.where(X == 255, np.nan, X)}, "x_train: expected numbers 0..255; found NaN"),
    "0..1": ({"x_train": X / 255}, "x_train: expected whole numbers 0..255; found fractions"),
    "above": ({"x_train": X.astype(int) + 1}, "x_train: expected values 0..255; found 1 to 256"),
    "negative": ({"x_train": X.astype(int) - 1}, "x_train: expected values 0..255; found -1"),
    "fewer labels": ({"y_train": Y[:-1]}, "found 120 images in x_train and 119 labels in y_train"),
    "one-hot": ({"y_train": np.eye(3)[Y]}, "y_train: expected one label per image (n,); found shape"),
    "negative label": ({"y_train": Y.astype(int) - 1}, "y_train: expected values 0..65535; found -1"),
    "new label": ({"y_test": np.full(30, 3)}, "y_test: expected the labels of y_train, 0 to 2; found 3"),
    "no labels": ({"y_train": Y[:0]}, "y_train: expected one value or more; found an empty array"),
    "one class": ({"y_train": Y * 0, "y_test": np.zeros(30, int)}, "expected 2 classes or more"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG_ARRAYS)
def test_wrong_array_is_refused_in_one_line(case: str, tmp_path: Path) -> None:
    changes, message = WRONG_ARRAYS[case]
    with pytest.raises(InputError) as error:
        read_dataset(save(tmp_path / "own.npz", **changes))
    assert message in str(error.value)
    assert "own.npz" in str(error.value)
    assert "\n" not in str(error.value)


def test_file_that_is_no_npz_is_refused(tmp_path: Path) -> None:
    whole = save(tmp_path / "own.npz").read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 3] ^= 1
    cases = {
        "empty": b"",
        "text": b"<html>please log in</html>",
        "truncated": whole[: len(whole) // 2],
        "one bit flipped": bytes(flipped),
    }
    for name, content in cases.items():
        path = tmp_path / f"{name}.npz"
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"not a whole \.npz file"):
            read_dataset(path)
    with pytest.raises(InputError, match="no such file"):
        read_dataset(tmp_path / "missing.npz")
    with pytest.raises(InputError, match="found a folder"):
        read_dataset(tmp_path)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_without_a_traceback(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "own.npz"
        path.write_bytes(content)
        with pytest.raises(InputError):
            read_dataset(path)
