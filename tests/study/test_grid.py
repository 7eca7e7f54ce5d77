import pytest

from experiment.common.errors import InputError
from study.grid import Run, runs_of
from study.parameters import Block

IMAGES = {"mnist": 48_000, "fashion_mnist": 48_000}


def block(**changed: object) -> Block:
    values = {
        "dataset": "mnist", "dropout_rates": [0.0, 0.5], "placements": ["dense"],
        "train_samples": None, "epochs": None,
    }  # fmt: skip
    return Block.model_validate(values | changed)


def runs(*blocks: Block, seeds: tuple[int, ...] = (0,)) -> list[Run]:
    return runs_of(blocks, seeds, images=IMAGES, dense_units=128, epochs=20)


def test_every_rate_with_every_seed_whole_comparisons_first() -> None:
    assert runs(block(), seeds=(3, 1)) == [
        Run("mnist", "none", 0.0, 48_000, 128, 20, 3),
        Run("mnist", "dense", 0.5, 48_000, 128, 20, 3),
        Run("mnist", "none", 0.0, 48_000, 128, 20, 1),
        Run("mnist", "dense", 0.5, 48_000, 128, 20, 1),
    ]


def test_blocks_keep_their_order_and_name_samples_and_epochs() -> None:
    found = runs(
        block(dataset="fashion_mnist", dropout_rates=[0.3]),
        block(dropout_rates=[0.5], train_samples=100, epochs=7, placements=["both", "pooling"]),
    )
    assert found == [
        Run("fashion_mnist", "dense", 0.3, 48_000, 128, 20, 0),
        Run("mnist", "both", 0.5, 100, 128, 7, 0),
        Run("mnist", "pooling", 0.5, 100, 128, 7, 0),
    ]


def test_run_that_blocks_share_is_there_once() -> None:
    placed = block(placements=["pooling", "dense"])
    assert len(runs(block(), block(train_samples=48_000), placed)) == 3


def test_rate_zero_has_no_place() -> None:
    placed = block(dropout_rates=[0.0], placements=["dense", "pooling", "both"])
    assert [run.placement for run in runs(placed)] == ["none"]


def test_rate_of_a_whole_number_is_the_same_run() -> None:
    assert runs(block(dropout_rates=[0])) == runs(block(dropout_rates=[0.0]))
    assert isinstance(runs(block(dropout_rates=[0]))[0].dropout_rate, float)


def test_more_images_than_there_are_is_refused() -> None:
    expected = "expected train_samples of 48000 or fewer for mnist; found 48001"
    with pytest.raises(InputError, match=expected):
        runs(block(train_samples=48_001))


def test_two_numbers_of_epochs_for_a_setting_are_refused() -> None:
    with pytest.raises(InputError, match="differ in epochs alone"):
        runs(block(), block(epochs=21))
    assert len(runs(block(), block(epochs=20))) == 2
