from experiment.metrics import summarise

# Epochs 2 and 3 have the lowest validation loss.
CURVE = [
    {"epoch": 1, "accuracy": 0.5, "loss": 2.0, "val_accuracy": 1.0, "val_loss": 1.5},
    {"epoch": 2, "accuracy": 1.0, "loss": 0.125, "val_accuracy": 0.875, "val_loss": 0.5},
    {"epoch": 3, "accuracy": 1.0, "loss": 0.125, "val_accuracy": 0.75, "val_loss": 0.5},
    {"epoch": 4, "accuracy": 1.0, "loss": 0.125, "val_accuracy": 0.75, "val_loss": 0.6875},
    {"epoch": 5, "accuracy": 1.0, "loss": 0.125, "val_accuracy": 0.5, "val_loss": 0.625},
    {"epoch": 6, "accuracy": 0.875, "loss": 0.25, "val_accuracy": 0.625, "val_loss": 0.75},
]


def test_summary_of_an_overfitted_curve() -> None:
    trained, test = {"accuracy": 0.9, "loss": 0.1}, {"accuracy": 0.55, "loss": 0.8}
    found = summarise(CURVE, trained=trained, test=test)
    assert found == {
        "accuracy_gap": 0.25,
        "best_epoch": 2,
        "evaluated_training_accuracy": 0.9,
        "evaluated_training_loss": 0.1,
        "last_five_validation_accuracy": 0.7,
        "last_five_validation_loss": 0.6125,
        "test_accuracy": 0.55,
        "test_loss": 0.8,
        "training_accuracy": 0.875,
        "training_loss": 0.25,
        "validation_accuracy": 0.625,
        "validation_loss": 0.75,
        "validation_loss_rise": 0.25,
    }
    early = [{**CURVE[0], "val_loss": 0.25}, *CURVE[1:]]  # the lowest is before the last five
    assert summarise(early, trained=trained, test=test)["validation_loss_rise"] == 0.5
    short = summarise(CURVE[:2], trained=trained, test=test)
    assert short["validation_loss_rise"] == 0
    assert short["last_five_validation_loss"] == 1
