import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiment.data.reading import read_dataset
from experiment.support.errors import InputError
from tests.conftest import synthetic_arrays


def save(path: Path, **changes: object) -> Path:
    """An own dataset with some arrays changed, or left out where None."""
    arrays = {**synthetic_arrays(), **changes}
    kept = {name: value for name, value in arrays.items() if value is not None}
    np.savez(path, **kept)  # type: ignore[arg-type]
    return path


def test_channel_axis_other_dtypes_and_oblong_images_are_read(tmp_path: Path) -> None:
    x = np.arange(2 * 5 * 9, dtype=">f8").reshape(2, 5, 9, 1)
    y = np.array([0.0, 1.0])
    dataset = read_dataset(save(tmp_path / "own.npz", x_train=x, y_train=y, x_test=x, y_test=y))
    assert dataset.x_train.tolist() == np.arange(90).reshape(2, 5, 9).tolist()
    assert dataset.x_train.dtype == dataset.y_train.dtype == np.uint8
    assert dataset.y_train.tolist() == [0, 1]


def test_more_classes_than_a_byte_counts_are_read(tmp_path: Path) -> None:
    x = np.arange(300 * 16).reshape(300, 4, 4) % 251
    y = np.arange(300, dtype=">i8")
    dataset = read_dataset(save(tmp_path / "own.npz", x_train=x, y_train=y, x_test=x, y_test=y))
    assert dataset.y_test.dtype == np.uint16
    assert dataset.y_test.tolist() == list(range(300))


X = synthetic_arrays()["x_train"]
Y = synthetic_arrays()["y_train"]
COLOUR = np.stack([X] * 3, axis=-1)
NUMBER_THEM = "classes, y_train = np.unique(y_train, return_inverse=True); y_test = np.searchsorted"
CATS = np.array(["cat", "dog", "hen"])

# What is wrong -> (x_train, what is found, the line of NumPy that corrects it)
WRONG_IMAGES: dict[str, tuple[np.ndarray, str, str]] = {
    "bool": (X > 150, "found dtype bool", "x.astype(np.uint8) * 255"),
    "text": (X.astype(str), "found dtype <U3", "x.astype(float)"),
    "complex": (X + 0j, "found dtype complex128", "x.real"),
    "colour": (COLOUR, "found shape (120, 8, 8, 3)", "np.rint(x[..., :3].mean(axis=3)).astype(np.uint8)"),
    "colour of floats": (COLOUR / 255, "found shape (120, 8, 8, 3)", "x[..., :3].mean(axis=3)"),
    "colour with alpha": (COLOUR[..., [0, 1, 2, 2]], "found shape (120, 8, 8, 4)", "np.rint(x[..., :3].mean(axis=3)).astype(np.uint8)"),
    "grey with alpha": (COLOUR[..., :2], "found shape (120, 8, 8, 2)", "x.take(0, axis=3)"),
    "colour first": (np.moveaxis(COLOUR, -1, 1), "found shape (120, 3, 8, 8)", "np.rint(x[:, :3].mean(axis=1)).astype(np.uint8)"),
    "channel first": (X[:, None], "found shape (120, 1, 8, 8)", "x[:, 0]"),
    "another first axis": (X[None], "found shape (1, 120, 8, 8)", "x[0]"),
    "images last": (np.moveaxis(X, 0, -1), "found shape (8, 8, 120)", "np.moveaxis(x, -1, 0)"),
    "flat": (X.reshape(120, -1), "found shape (120, 64)", "x.reshape(-1, 8, 8)"),
    "tiny": (X[:, :3, :2], "4 x 4 pixels or more; found 3 x 2", "np.pad(x, [(0, 0), (0, 1), (0, 2)])"),
    "NaN": (np.where(X == 255, np.nan, X), "found NaN or infinity", "np.nan_to_num(x, posinf=0, neginf=0)"),
    "0.0 to 1.0": (X / 255, "found 0 to 1", "np.rint(x * 255).astype(np.uint8)"),
    "0 to 16": (X // 16 + X // 255, "found 0 to 16", "np.rint(x * (255 / 16)).astype(np.uint8)"),
    "-1.0 to 1.0": (X / 127.5 - 1, "found -1 to 1", "np.rint((x + 1) * 127.5).astype(np.uint8)"),
    "standardised": ((X - 110.5) / 85, "found -1.3 to 1.7", "np.rint((x - -1.3) * (255 / 3)).astype(np.uint8)"),
    "16 bits": (X.astype(np.uint16) * 257, "found 0 to 65535", "np.rint(x * (255 / 65535)).astype(np.uint8)"),
    "signed bytes": (X.view(np.int8), "found int8, -1 to 99", "x.view(np.uint8)"),
    "fractions": (X * 0.99, "found fractions", "np.rint(x).astype(np.uint8)"),
}  # fmt: skip

# What is wrong -> (y_train, what is found, the line of NumPy that corrects it)
WRONG_LABELS: dict[str, tuple[np.ndarray, str, str]] = {
    "text": (CATS[Y], "found dtype <U3, cat, dog, hen", NUMBER_THEM),
    "digits as text": (Y.astype(str), "found dtype <U3, 0, 1, 2", "y = y.astype(int)"),
    "bool": (Y > 0, "found dtype bool, False, True", "y = y.astype(np.uint8)"),
    "complex": (Y + 0j, "found dtype complex128", "y = y.real"),
    "a column": (Y[:, None], "found shape (120, 1)", "y = y.ravel()"),
    "one-hot": (np.eye(3)[Y], "found shape (120, 3)", "y = y.argmax(axis=1)"),
    "NaN": (np.where(Y == 2, np.nan, Y), "found NaN or infinity", "keep = np.isfinite(y)"),
    "fractions": (Y / 2, "found fractions, 0.5", NUMBER_THEM),
    "from 1": (Y + 1, "found 1, 2, 3", NUMBER_THEM),
    "thousands": (np.arange(120) % 10 * 1000, "found 0, 1000, 2000, ..., 9000", NUMBER_THEM),
    "huge": (Y.astype(np.uint64) * 2**62, "found 0, 4611686018427387904, 9223372036854775808", NUMBER_THEM),
}  # fmt: skip

# What is wrong -> (arrays, what the message says)
WRONG: dict[str, tuple[dict[str, object], str]] = {
    "missing": ({"y_test": None}, "y_test is missing, found x_test, x_train, y_train"),
    "object": ({"y_train": Y.astype(object)}, "y_train: expected numbers, found an object array"),
    "sizes": ({"x_test": X[:30, :, :7]}, "x_test: expected the image size of x_train, (8, 8); found (8, 7)"),
    "swapped": ({"x_train": Y, "y_train": X}, "swap them: x_train, y_train = y_train, x_train"),
    "fewer labels": ({"y_train": Y[:-1]}, "found 120 images in x_train and 119 labels in y_train"),
    "new label": ({"y_test": Y[:30] + 1}, "expected the classes of y_train, 0, 1, 2; found 3; leave those images out: keep = np.isin"),
    "no test images of a class": ({"y_test": Y[:30] % 2}, "y_test: expected every class of y_train; found no image of class 2; add"),
    "no images": ({"x_test": X[:0]}, "x_test: expected one image or more; found shape (0, 8, 8); add"),
    "no labels": ({"y_train": Y[:0]}, "y_train: expected one label per image; found an empty array; add"),
    "0-d images": ({"x_train": np.array(3)}, "found shape (); save one grey picture per image"),
    "0-d labels": ({"y_train": np.array(3)}, "found shape (); save an array with one number per image"),
    "images as labels": ({"y_train": X}, "y_train: expected one label per image (n,); found shape (120, 8, 8); these look like images"),
    "several classes": ({"y_train": np.eye(3)[Y] * 2}, "found shape (120, 3); choose one class for each image"),
    "dates": ({"x_train": X.astype("M8[s]")}, "found dtype datetime64[s]; save the grey values of the pixels"),
    "one value": ({"x_train": X * 0 + 200}, "x_train: expected different images; found one 120 times"),
    "one image": ({"x_test": np.stack([X[0]] * 30)}, "x_test: expected different images; found one 30 times"),
    "one class": ({"y_train": Y * 0 + 7}, "y_train: expected 2 classes or more; found only 7; add"),
    "test images of another scale": ({"x_test": X[:30] / 255}, "x_test: expected pixels 0..255; found 0 to 1; rescale"),
}  # fmt: skip


def message_for(path: Path, **changes: object) -> str:
    with pytest.raises(InputError) as error:
        read_dataset(save(path, **changes))
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


@pytest.mark.parametrize("case", WRONG)
def test_wrong_array_is_refused_in_one_line(case: str, tmp_path: Path) -> None:
    changes, message = WRONG[case]
    assert message in message_for(tmp_path / "own.npz", **changes)


@pytest.mark.parametrize("case", WRONG_IMAGES)
def test_wrong_images_are_refused_with_a_remedy_that_works(case: str, tmp_path: Path) -> None:
    images, found, remedy = WRONG_IMAGES[case]
    arrays = {"x_train": images, "y_train": Y, "x_test": images, "y_test": Y}
    message = message_for(tmp_path / "own.npz", **arrays)
    assert message.endswith(" " + named(f"x = {remedy}", "x_train"))
    assert "x_train: expected" in message
    assert found in message
    for name in ("x_train", "x_test"):
        exec(named(f"x = {remedy}", name), {"np": np}, arrays)
    if case == "colour of floats":  # are grey now, and still of another scale
        assert "found 0 to 1;" in message_for(tmp_path / "own.npz", **arrays)
    else:
        read_dataset(save(tmp_path / "own.npz", **arrays))


@pytest.mark.parametrize("case", WRONG_LABELS)
def test_wrong_labels_are_refused_with_a_remedy_that_works(case: str, tmp_path: Path) -> None:
    labels, found, remedy = WRONG_LABELS[case]
    arrays = {"x_train": X, "y_train": labels, "x_test": X, "y_test": labels}
    message = message_for(tmp_path / "own.npz", **arrays)
    assert "y_train: expected" in message
    assert found in message
    assert named(remedy, "y_train") in message
    line = message[message.index(named(remedy, "y_train")) :]
    exec(line, {"np": np}, arrays)
    if remedy != NUMBER_THEM:
        exec(line.replace("_train", "_test"), {"np": np}, arrays)
    read_dataset(save(tmp_path / "own.npz", **arrays))


def named(line: str, name: str) -> str:
    """A line of NumPy with `x` or `y` called as the message calls it."""
    return re.sub(rf"\b{name[0]}\b", name, line)


def test_what_is_said_of_a_scale_brings_the_pixels_back(tmp_path: Path) -> None:
    for case in ("0.0 to 1.0", "-1.0 to 1.0", "16 bits", "signed bytes"):
        images, _, remedy = WRONG_IMAGES[case]
        arrays = {"x": images}
        exec(f"x = {remedy}", {"np": np}, arrays)
        np.testing.assert_array_equal(arrays["x"], X)


def test_file_that_is_no_npz_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "own.npz")
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 3] ^= 1
    for content in (b"", b"<html>please log in</html>", whole[: len(whole) // 2], flipped):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"not a whole \.npz file"):
            read_dataset(path)
    with pytest.raises(InputError, match="found a folder"):
        read_dataset(tmp_path)


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=300))
def test_any_bytes_are_refused_without_a_traceback(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "own.npz"
        path.write_bytes(content)
        with pytest.raises(InputError):
            read_dataset(path)
