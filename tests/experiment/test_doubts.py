from dataclasses import replace

import numpy as np
import pytest

from experiment.data.doubts import doubts
from experiment.splits import Split
from tests.conftest import synthetic_arrays


def split(images: int, seed: int, shares: tuple[int, ...] = (1, 1, 1)) -> Split:
    """Images of three classes; `shares` says how often each comes in turn."""
    arrays = synthetic_arrays(train=images, seed=seed)
    turn = np.repeat(np.arange(3, dtype=np.uint8), shares)
    return Split(arrays["x_train"][..., np.newaxis], np.resize(turn, images), 3)


PARTS = {"train": split(800, 0), "validation": split(200, 1), "test": split(100, 2)}


def lines_with(name: str, part: Split) -> list[str]:
    return list(doubts({**PARTS, name: part}))


def test_nothing_is_said_of_an_ordinary_dataset() -> None:
    assert list(doubts(PARTS)) == []
    assert lines_with("validation", split(5, 4, (5, 1, 1))) == []  # few images: chance


def test_class_that_nearly_misses_in_a_part_is_named() -> None:
    assert lines_with("validation", split(200, 1, (9, 1, 10))) == [
        "validation: the share of class 1 is not that of training (class 1: 5.0%, in training"
        " 33.4%); try preprocess.validation_from: stratified"
    ]
    uneven = split(800, 0, (10, 10, 1))
    assert lines_with("train", uneven) == [
        "validation: the share of class 2 is not that of training (class 2: 33.0%, in training"
        " 4.8%); try preprocess.validation_from: stratified",
        "test: the share of class 2 is not that of training (class 2: 33.0%, in training 4.8%)",
    ]


@pytest.mark.parametrize(("repeated", "said"), [(1, []), (3, ["3.0%"])])
def test_test_images_that_were_trained_on_are_counted(repeated: int, said: list[str]) -> None:
    images = PARTS["test"].images.copy()
    images[:repeated] = PARTS["train"].images[:repeated]
    lines = lines_with("test", replace(PARTS["test"], images=images))
    assert lines == [
        f"test: {share} of the images are training images, too; accuracy there counts images that"
        " were trained on"
        for share in said
    ]


def test_part_that_is_inverted_or_scaled_otherwise_is_named() -> None:
    assert lines_with("test", replace(PARTS["test"], images=255 - PARTS["test"].images)) == [
        "test: mean brightness is 180, that of the training images 75; is one of them inverted or"
        " of another scale?"
    ]
    dark = PARTS["validation"].images // 2
    assert lines_with("validation", replace(PARTS["validation"], images=dark)) == [
        "validation: pixels are 0 to 127 of 0..255; rescale training and test images alike:"
        " x = np.rint(x * (255 / 127)).astype(np.uint8)"
    ]


def test_blank_images_are_counted() -> None:
    images = PARTS["train"].images.copy()
    images[:80] = 0
    assert lines_with("train", replace(PARTS["train"], images=images)) == [
        "train: 10.0% of the images are blank (all pixels the same)"
    ]
