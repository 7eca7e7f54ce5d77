import math

import pytest

from experiment.metrics import best_epoch, require_finite, summarise
from experiment.support.errors import InputError

CURVE = [
    {"epoch": 1, "accuracy": 0.5, "loss": 2.0, "val_accuracy": 0.75, "val_loss": 1.5},
    {"epoch": 2, "accuracy": 1.0, "loss": 0.125, "val_accuracy": 0.875, "val_loss": 0.5},
    {"epoch": 3, "accuracy": 0.875, "loss": 0.25, "val_accuracy": 0.625, "val_loss": 0.75},
]
TRAINED, TEST = {"accuracy": 0.9, "loss": 0.1}, {"accuracy": 0.5, "loss": 0.8}


def test_summary_of_an_overfitted_curve() -> None:
    assert summarise(CURVE, trained=TRAINED, test=TEST) == {
        "accuracy_gap": 0.25,
        "best_epoch": 2,
        "evaluated_training_accuracy": 0.9,
        "evaluated_training_loss": 0.1,
        "last_five_validation_accuracy": 0.75,
        "last_five_validation_loss": 2.75 / 3,
        "test_accuracy": 0.5,
        "test_loss": 0.8,
        "training_accuracy": 0.875,
        "training_loss": 0.25,
        "validation_accuracy": 0.625,
        "validation_loss": 0.75,
        "validation_loss_rise": 0.25,
    }


def test_loss_that_still_falls_has_not_risen() -> None:
    assert summarise(CURVE[:2], trained=TRAINED, test=TEST)["validation_loss_rise"] == 0


def test_first_of_equal_epochs_is_best() -> None:
    assert best_epoch([{"epoch": 1, "val_loss": 0.5}, {"epoch": 2, "val_loss": 0.5}]) == 1


def test_last_five_of_seven_epochs() -> None:
    last = {"accuracy": 0.5, "loss": 0.5}
    curve = [
        {"epoch": epoch, "val_accuracy": epoch / 8, "val_loss": epoch**2, **last}
        for epoch in range(1, 8)
    ]
    found = summarise(curve, trained=last, test=last)
    assert found["last_five_validation_accuracy"] == 5 / 8
    assert found["last_five_validation_loss"] == 27


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_diverged_training(value: float) -> None:
    """The metric, its value and the learning rate are named."""
    require_finite({"loss": 1e300}, "after epoch 1", learning_rate=0.5)
    message = f"after epoch 1: expected a finite loss; found {value}: .*learning_rate .now 0.5"
    with pytest.raises(InputError, match=message):
        require_finite({"accuracy": 0.5, "loss": value}, "after epoch 1", learning_rate=0.5)
