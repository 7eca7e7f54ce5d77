import pytest

from experiment.parameters import load_parameters
from experiment.support.errors import InputError
from study.grid import Run, runs_of
from study.parameters import Block, StudyParameters
from tests.conftest import ROOT

PARAMS = load_parameters(ROOT / "params.yaml")
IMAGES = {"mnist": 48_000, "fashion_mnist": 48_000}


def block(**changed: object) -> Block:
    values = {
        "dataset": "mnist", "dropout_rates": [0.0, 0.5], "placements": ["dense"],
        "train_samples": None, "epochs": None,
    }  # fmt: skip
    return Block.model_validate(values | changed)


def runs(*blocks: Block, seeds: tuple[int, ...] = (0,)) -> list[Run]:
    return runs_of(StudyParameters(seeds=[*seeds], device="cpu", grid=[*blocks]), PARAMS, IMAGES)


def test_every_rate_with_every_seed_whole_comparisons_first() -> None:
    assert runs(block(), seeds=(3, 1)) == [
        Run("mnist", "none", 0.0, 48_000, 128, 20, 3),
        Run("mnist", "dense", 0.5, 48_000, 128, 20, 3),
        Run("mnist", "none", 0.0, 48_000, 128, 20, 1),
        Run("mnist", "dense", 0.5, 48_000, 128, 20, 1),
    ]


def test_blocks_keep_their_order_and_name_samples_epochs_units_and_seeds() -> None:
    found = runs(
        block(dataset="fashion_mnist", dropout_rates=[0.3], dense_units=[32, 64], seeds=[9]),
        block(dropout_rates=[0.5], train_samples=100, epochs=7, placements=["both", "pooling"]),
    )
    assert found == [
        Run("fashion_mnist", "dense", 0.3, 48_000, 32, 20, 9),
        Run("fashion_mnist", "dense", 0.3, 48_000, 64, 20, 9),
        Run("mnist", "both", 0.5, 100, 128, 7, 0),
        Run("mnist", "pooling", 0.5, 100, 128, 7, 0),
    ]


def test_the_same_run_is_there_once() -> None:
    """A rate of 0 has no place; a whole number is the same rate; null is all images."""
    placed = block(placements=["pooling", "dense"])
    assert len(runs(block(), block(train_samples=48_000, epochs=20), placed)) == 3
    nowhere = block(dropout_rates=[0], placements=["dense", "pooling", "both"])
    assert runs(nowhere) == [Run("mnist", "none", 0.0, 48_000, 128, 20, 0)]
    assert isinstance(runs(nowhere)[0].dropout_rate, float)


def test_more_images_than_there_are_or_two_numbers_of_epochs_are_refused() -> None:
    expected = "expected train_samples of 48000 or fewer for mnist; found 48001"
    with pytest.raises(InputError, match=expected):
        runs(block(train_samples=48_001))
    with pytest.raises(InputError, match="differ in epochs alone"):
        runs(block(), block(epochs=21))
