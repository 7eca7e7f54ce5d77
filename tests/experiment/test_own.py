import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiment.data.own import check_arrays, list_doubts, read_dataset
from experiment.data.split import ARRAYS
from experiment.splits import Split
from experiment.support.errors import InputError
from tests.conftest import ROOT, synthetic_arrays

ORIGINAL = synthetic_arrays()
X, Y = ORIGINAL["x_train"], ORIGINAL["y_train"]
COLOUR = np.stack([X] * 3, axis=-1)

# The rows of the table in docs/own-data.md by how the array is, and such an array.
OF_THE_TABLE: dict[str, np.ndarray] = {
    "the images come last, `(h, w, n)`": np.moveaxis(X, 0, -1),
    "each image is one row, `(n, h * w)`": X.reshape(120, -1),
    "another first axis, `(1, n, h, w)`": X[None],
    "fewer than 4 rows or columns": X[:, :2, :2],
    "`bool`": X > 150,
    "text": X.astype(str),
    "complex": X + 0j,
    "NaN or infinity that stands for black": np.where(X == 0, np.nan, X),
    "0 to 16, or another number": X // 16 + X // 255,
    "-1 to 1": X / 127.5 - 1,
    "16 bits, 0 to 65535": X.astype(np.uint16) * 257,
    "standardised": (X - 110.5) / 85,
    "bytes read as `int8`": X.view(np.int8),
    "fractions of 0 to 255": X + 0.25 * (X < 9),
    "a column, `(n, 1)`": Y[:, None],
    "text, fractions, or numbers with gaps": np.array(["cat", "dog", "hen"])[Y],
    "digits as text": Y.astype(str),
    "NaN": np.where(np.arange(120) < 9, np.nan, Y),
    "test images of a class that no training image has": np.where(Y == 2, 7, Y),
}
LOSSLESS = (
    "the im",
    "each",
    "another",
    "text",
    "complex",
    "NaN or",
    "-1",
    "16 bits",
    "bytes",
    "fractions",
)

# What the message itself corrects, by a line of NumPy.
IN_THE_MESSAGE: dict[str, tuple[str, np.ndarray, str]] = {
    "0 to 1": ("x", X / 255, "found float64, 0 to 1"),
    "bits": ("x", (X > 150).astype(np.uint8), "found uint8, 0 to 1"),
    "colour": ("x", COLOUR, "found shape (120, 8, 8, 3)"),
    "colour of floats": ("x", COLOUR + 0.0, "found shape (120, 8, 8, 3)"),
    "colour with alpha first": ("x", np.moveaxis(COLOUR[..., [0, 1, 2, 2]], -1, 1), "found shape (120, 4, 8, 8)"),
    "grey with alpha": ("x", COLOUR[..., :2], "found shape (120, 8, 8, 2)"),
    "channel first": ("x", X[:, None], "found shape (120, 1, 8, 8)"),
    "one-hot": ("y", np.eye(3)[Y], "found shape (120, 3)"),
}  # fmt: skip

# What is wrong -> (arrays, what the message says)
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "sizes": ({"x_test": X[:30, :, :7]}, "x_test: expected the image size of x_train, (8, 8); found (8, 7)"),
    "swapped": ({"x_train": Y, "y_train": X}, "swap x_train and y_train"),
    "fewer labels": ({"y_train": Y[:-1]}, "found 120 images in x_train and 119 labels in y_train"),
    "a class without test images": ({"y_test": Y[:30] % 2, "names": ["cat", "dog", "hen"]}, "y_test: expected every class of y_train; found no image of class 2 (hen); add"),
    "no images": ({"x_test": X[:0]}, "x_test: expected one image or more; found shape (0, 8, 8)"),
    "no labels": ({"y_train": Y[:0]}, "y_train: expected one label per image; found an empty array"),
    "0-d images": ({"x_train": np.array(3)}, "x_train: expected grey images (n, h, w) or (n, h, w, 1); found shape ()"),
    "images as labels": ({"y_train": X}, "y_train: expected one label per image (n,); found shape (120, 8, 8)"),
    "dates": ({"x_train": X.astype("M8[s]")}, "x_train: expected numbers 0..255; found dtype datetime64[s]"),
    "one value": ({"x_train": X * 0 + 200}, "x_train: expected different images; found one 120 times"),
    "one image": ({"x_test": np.stack([X[0]] * 30)}, "x_test: expected different images; found one 30 times"),
    "one class": ({"y_train": Y * 0 + 7}, "y_train: expected 2 classes or more; found only 7"),
    "from 1": ({"y_train": Y + 1}, "y_train: expected the classes 0, 1, 2, ... without gaps; found 1, 2, 3"),
    "a new class": ({"y_test": Y[:30] + 1}, "y_test: expected the classes of y_train, 0, 1, 2; found 3"),
    "huge": ({"y_train": Y.astype(np.uint64) * 2**62}, "found 0, 4611686018427387904, 9223372036854775808"),
    "names": ({"names": ["cat", "dog"]}, "names: expected one name for each class; found 2 for 3 classes"),
}  # fmt: skip


def message_for(**changes: Any) -> str:
    with pytest.raises(InputError) as error:
        check_arrays({**ORIGINAL, **{name: np.asarray(value) for name, value in changes.items()}})
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("case", WRONG)
def test_wrong_arrays(case: str) -> None:
    changes, message = WRONG[case]
    assert message in message_for(**changes)


@pytest.mark.parametrize("case", IN_THE_MESSAGE)
def test_remedies_in_the_message(case: str) -> None:
    """The line corrects the training array, and for test images the message has theirs."""
    name, wrong, found = IN_THE_MESSAGE[case]
    arrays = {"x_train": X, "y_train": Y, "x_test": X, "y_test": Y}
    arrays |= {f"{name}_train": wrong, f"{name}_test": wrong}
    for part in ("train", "test"):
        message = message_for(**arrays)
        assert message.startswith(f"{name}_{part}: expected ")
        assert found in message
        exec(message.rpartition(": ")[2], {"np": np}, arrays)
    dataset = check_arrays(arrays)
    expected = (X > 150) * 255 if case == "bits" else X
    np.testing.assert_array_equal(dataset.x_test, expected)
    np.testing.assert_array_equal(dataset.y_test, Y)


def test_remedies_in_the_documentation() -> None:
    """The message names the anchor of the row that corrects the array."""
    page = (ROOT / "docs/own-data.md").read_text(encoding="utf-8")
    anchor, rows = "", {}
    for named, how, line in re.findall(
        r"^\| (?:<a id=\"(\w+)\".*)?\| (.*?) \| `(.*?)`", page, re.MULTILINE
    ):
        anchor = named or anchor
        rows[how] = (anchor, line)
    assert rows.keys() == OF_THE_TABLE.keys()
    for how, (anchor, line) in rows.items():
        name, wrong = "y" if anchor in ("labels", "classes", "unknown") else "x", OF_THE_TABLE[how]
        arrays = {"x_train": X, "y_train": Y, "x_test": X, "y_test": Y}
        parts = ("test",) if how.startswith("test") else ("train", "test")
        arrays |= {f"{name}_{part}": wrong for part in parts}
        assert message_for(**arrays).endswith(f"; see docs/own-data.md#{anchor}"), how
        for part in parts:
            exec(re.sub(r"\b([xy])\b", rf"\1_{part}", line), {"np": np}, arrays)
        if how.startswith("test"):  # the class is left out of the training images, too
            arrays |= {"x_train": X[Y < 2], "y_train": Y[Y < 2]}
        dataset = check_arrays(arrays)
        if name == "x" and how.startswith(LOSSLESS):
            np.testing.assert_array_equal(dataset.x_train, X, how)


def test_other_dtypes_names_and_many_classes(tmp_path: Path) -> None:
    x, y = np.arange(300 * 20).reshape(300, 4, 5, 1) % 251, np.arange(300, dtype=">i8")
    names = [f"class é {place}" for place in y]
    arrays: dict[str, Any] = {
        "x_train": x.astype(">f8"),
        "y_train": y + 0.0,
        "x_test": x,
        "y_test": y,
    }
    np.savez(tmp_path / "own.npz", **arrays, names=names)
    dataset = read_dataset(tmp_path / "own.npz")
    assert dataset.x_train.dtype == np.uint8
    assert dataset.y_test.dtype == np.uint16
    np.testing.assert_array_equal(dataset.x_train, x[..., 0])
    assert dataset.y_train.tolist() == list(range(300))
    assert list(dataset.names) == names
    assert list(dataset.arrays()) == [*ARRAYS, "names"]
    np.savez(tmp_path / "own.npz", **arrays)
    assert list(read_dataset(tmp_path / "own.npz").arrays()) == [*ARRAYS]


@settings(deadline=None, max_examples=30)
@given(st.binary(max_size=300))
def test_any_bytes_are_refused(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "own.npz"
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"expected a whole \.npz file"):
            read_dataset(path)


def split(images: int, seed: int, shares: tuple[int, ...] = (1, 1, 1)) -> Split:
    """Images of three classes; `shares` says how often each comes in turn."""
    turn = np.repeat(np.arange(3, dtype=np.uint8), shares)
    pixels = synthetic_arrays(train=images, seed=seed)["x_train"]
    return Split(pixels[..., np.newaxis], np.resize(turn, images), 3)


PARTS = {"train": split(800, 0), "validation": split(200, 1), "test": split(100, 2)}


def test_ordinary_data_leave_no_doubts() -> None:
    assert list(list_doubts(PARTS)) == []
    few = split(5, 4, (5, 1, 1))  # chance
    assert list(list_doubts(PARTS | {"validation": few})) == []


def test_uneven_shares() -> None:
    lines = list(list_doubts(PARTS | {"train": split(800, 0, (10, 10, 1))}, ["a", "b", "c"]))
    assert lines == [
        "validation: the share of class 2 (c) differs from training (class 2: 33.0%, in training"
        " 4.8%); try preprocess.validation_from: stratified",
        "test: the share of class 2 (c) differs from training (class 2: 33.0%, in training 4.8%)",
    ]


@pytest.mark.parametrize(("repeated", "shares"), [(1, []), (3, ["3.0%"])])
def test_test_images_that_were_trained_on(repeated: int, shares: list[str]) -> None:
    images = PARTS["test"].images.copy()
    images[:repeated] = PARTS["train"].images[:repeated]
    lines = list(list_doubts(PARTS | {"test": replace(PARTS["test"], images=images)}))
    assert [line.partition(" of the images are training images")[0] for line in lines] == [
        f"test: {share}" for share in shares
    ]
