from experiment.metrics import best_epoch, summarise

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
