import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiment.data.own import check_arrays, list_doubts, read_dataset
from experiment.data.split import ARRAYS
from experiment.splits import Split
from experiment.support.errors import InputError
from tests.conftest import ROOT, synthetic_arrays

ORIGINAL = synthetic_arrays()
X, Y = ORIGINAL["x_train"], ORIGINAL["y_train"]
COLOUR = np.stack([X] * 3, axis=-1)

# Arrays of training and test images that are wrong alike, by what corrects them: the row of the
# table in docs/own-data.md by how the array is, or the message. True where nothing is lost then.
CORRECTED: dict[str, tuple[np.ndarray, bool]] = {
    "the images come last, `(h, w, n)`": (np.moveaxis(X, 0, -1), True),
    "each image is one row, `(n, h * w)`": (X.reshape(120, -1), True),
    "another first axis, `(1, n, h, w)`": (X[None], True),
    "fewer than 4 rows or columns": (X[:, :2], False),
    "`bool`": (X > 150, False),
    "text": (X.astype(str), True),
    "complex": (X + 0j, True),
    "NaN or infinity that stands for black": (np.where(X == 0, np.nan, X), True),
    "0 to 16, or another number": (X // 16 + X // 255, False),
    "-1 to 1": (X / 127.5 - 1, True),
    "16 bits, 0 to 65535": (X.astype(np.uint16) * 257, True),
    "standardised": ((X - 110.5) / 85, False),
    "bytes read as `int8`": (X.view(np.int8), True),
    "fractions of 0 to 255": (X + 0.25 * (X < 9), True),
    "a column, `(n, 1)`": (Y[:, None], True),
    "text, fractions, or numbers with gaps": (np.array(["cat", "dog", "hen"])[Y], True),
    "digits as text": (Y.astype(str), True),
    "NaN": (np.where(np.arange(120) < 9, np.nan, Y), False),
    "test images of a class that no training image has": (np.where(Y == 2, 7, Y), False),
    "message: found float64, 0 to 1": (X / 255, True),
    "message: found uint8, 0 to 1": ((X > 150).astype(np.uint8), False),
    "message: found shape (120, 8, 8, 3)": (COLOUR, True),
    "message: found shape (120, 8, 8, 2)": (np.stack([X, 255 - X], axis=-1), True),
    "message: found shape (120, 4, 8, 8)": (np.moveaxis(COLOUR[..., [0, 1, 2, 2]], -1, 1), True),
    "message: found shape (120, 1, 8, 8)": (X[:, None], True),
    "message: found shape (120, 3)": (np.eye(3)[Y], True),
}

# By what the message says.
WRONG: dict[str, dict[str, Any]] = {
    "x_test: expected the image size of x_train, (8, 8); found (8, 7)": {"x_test": X[:30, :, :7]},
    "swap x_train and y_train": {"x_train": Y, "y_train": X},
    "found 120 images in x_train and 119 labels in y_train": {"y_train": Y[:-1]},
    "found no image of class 2 (hen)": {"y_test": Y[:30] % 2, "names": ["cat", "dog", "hen"]},
    "x_test: expected one image or more; found shape (0, 8, 8)": {"x_test": X[:0]},
    "x_train: expected grey images (n, h, w) or (n, h, w, 1); found": {"x_train": np.array(3)},
    "x_test: expected different images; found one 30 times": {"x_test": np.stack([X[0]] * 30)},
    "y_train: expected one label per image; found an empty array": {"y_train": Y[:0]},
    "y_train: expected 2 classes or more; found only 7": {"y_train": Y * 0 + 7},
    "expected the classes 0, 1, 2, ... without gaps; found 1, 2, 3": {"y_train": Y + 1},
    "names: expected one name for each class; found 2 for 3": {"names": ["cat", "dog"]},
}


def message_for(changes: dict[str, Any]) -> str:
    with pytest.raises(InputError) as error:
        check_arrays(ORIGINAL | {name: np.asarray(value) for name, value in changes.items()})
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("message", WRONG)
def test_wrong_arrays(message: str) -> None:
    assert message in message_for(WRONG[message])


def read_table() -> dict[str, tuple[str, str]]:
    """The rows of the table of remedies by how the array is: the anchor, and what corrects it."""
    page, anchor, rows = (ROOT / "docs/own-data.md").read_text(encoding="utf-8"), "", {}
    row = r"^\| (?:<a id=\"(\w+)\".*)?\| (.*?) \| `(.*?)`"
    for named, how, line in re.findall(row, page, re.MULTILINE):
        anchor = named or anchor
        rows[how] = (anchor, re.sub(r"\b([xy])\b", r"\1_PART", line))
    return rows


# Every row of the table is tried.
@pytest.mark.parametrize("how", [*CORRECTED, *(read_table().keys() - CORRECTED.keys())])
def test_remedies(how: str) -> None:
    """The line in the message, or in the row that it names, corrects the array."""
    wrong, lossless = CORRECTED[how]
    name = "y" if wrong.shape in {(120,), (120, 1), (120, 3)} else "x"
    arrays = {"x_train": X, "y_train": Y, "x_test": X, "y_test": Y}
    parts = ["test"] if how.startswith("test") else ["train", "test"]
    arrays |= {f"{name}_{part}": wrong for part in parts}
    for part in parts:
        message = message_for(arrays)
        assert message.startswith(f"{name}_{part}: expected ")
        if how.startswith("message"):
            assert how.removeprefix("message: ") in message
            line = message.rpartition(": ")[2]
        else:
            anchor, line = read_table()[how]
            assert message.endswith(f"; see docs/own-data.md#{anchor}")
        exec(line.replace("PART", part), {"np": np}, arrays)
    if how.startswith("test"):  # the class is left out of the training images, too
        arrays |= {"x_train": X[Y < 2], "y_train": Y[Y < 2]}
    dataset = check_arrays(arrays)
    if lossless:
        np.testing.assert_array_equal(dataset.x_test, X)
        np.testing.assert_array_equal(dataset.y_test, Y)
    elif how == "message: found uint8, 0 to 1":
        np.testing.assert_array_equal(dataset.x_test, (X > 150) * 255)


@pytest.mark.parametrize("names", [[], [f"class é {place}" for place in range(300)]])
def test_other_dtypes_names_and_many_classes(names: list[str], tmp_path: Path) -> None:
    """As many as there are images and columns; a file that is wrong is named."""
    x, y = np.arange(300 * 1200).reshape(300, 4, 300, 1) % 251, np.arange(300, dtype=">i8")
    arrays: Any = {"x_train": x.astype(">f8"), "y_train": y + 0.0, "x_test": x % 18, "y_test": y}
    arrays |= {"names": names} if names else {}
    path = tmp_path / "own.npz"
    np.savez(path, **arrays)
    found = read_dataset(path).arrays()
    assert [*found] == [*ARRAYS, *(["names"] if names else [])]
    assert found.get("names", np.array([])).tolist() == names
    assert found["x_train"].dtype == np.uint8
    assert found["y_test"].dtype == np.uint16
    np.testing.assert_array_equal(found["x_train"], x[..., 0])
    assert found["y_train"].tolist() == list(range(300))
    np.savez(path, **arrays | {"y_test": y + 1})
    with pytest.raises(InputError, match=f"^{path}: y_test: expected the classes of y_train"):
        read_dataset(path)


def split(images: int, seed: int, shares: tuple[int, ...] = (1, 1, 1)) -> Split:
    """Images of three classes; `shares` says how often each comes in turn."""
    turn = np.repeat(np.arange(3, dtype=np.uint8), shares)
    pixels = synthetic_arrays(train=images, seed=seed)["x_train"]
    return Split(pixels[..., np.newaxis], np.resize(turn, images), 3)


PARTS = {"train": split(800, 0), "validation": split(200, 1), "test": split(100, 2)}
FAR = "the share of classes 0 (a), 1 (b), 2 (c) differs from training (class 1: "


def repeat(images: int) -> dict[str, Split]:
    """Test images of which some are training images."""
    pixels = np.concatenate([PARTS["train"].images[:images], PARTS["test"].images[images:]])
    return {"test": replace(PARTS["test"], images=pixels)}


@pytest.mark.parametrize(
    ("changed", "doubts"),
    [
        ({"validation": split(5, 4, (5, 1, 1))}, []),  # chance
        (repeat(1), []),
        (repeat(3), ["test: 3.0% of the images are training images, too; accuracy there counts"
                     " images that were trained on"]),
        ({"validation": split(200, 1, (11, 6, 1)), "train": split(800, 0, (6, 11, 1)),
          "test": split(100, 2, (6, 11, 1))}, []),  # not double
        ({"train": split(800, 0, (2, 20, 1))},
         [f"validation: {FAR}33.5%, in training 87.0%); try preprocess.validation_from: stratified",
          f"test: {FAR}33.0%, in training 87.0%)"]),
    ],
)  # fmt: skip
def test_doubts(changed: dict[str, Split], doubts: list[str]) -> None:
    assert list(list_doubts(PARTS | changed, ["a", "b", "c"])) == doubts
