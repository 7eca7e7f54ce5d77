"""Stages `train_no_dropout` and `train_dropout`: one training each, alike but for the rate."""

import argparse
from pathlib import Path

from experiment.artifacts import write_curve, write_metrics, write_model
from experiment.dataset import read_split
from experiment.errors import one_line_errors
from experiment.metrics import summarise
from experiment.parameters import load_parameters
from experiment.progress import TrainingProgress
from experiment.startup import starting_tensorflow

PROCESSED = Path("data/processed")
VARIANTS = ("no_dropout", "dropout")


def main() -> None:
    """Trains the variant named on the command line; writes its model, curve and metrics."""
    parser = argparse.ArgumentParser(prog="python -m stages.train", description=main.__doc__)
    parser.add_argument("variant", choices=VARIANTS)
    variant = parser.parse_args().variant
    with one_line_errors(f"train {variant}"):
        run(variant)


def run(variant: str) -> None:
    """One variant, from the processed images to its three files."""
    params = load_parameters()
    train, validation = (read_split(PROCESSED / f"{name}.npz") for name in ("train", "validation"))

    with starting_tensorflow():
        from experiment import training  # seconds, so not before the input is known to be good

        training.configure(params.train.threads)

    updates = training.updates_per_epoch(len(train.images), params.train.batch_size)
    progress = TrainingProgress(variant, params.train.epochs, updates)
    model, curve = training.train_model(
        train,
        validation,
        dropout_rate=params.train.dropout_rate if variant == "dropout" else 0.0,
        filters=params.model.filters,
        dense_units=params.model.dense_units,
        epochs=params.train.epochs,
        batch_size=params.train.batch_size,
        learning_rate=params.train.learning_rate,
        seed=params.train.seed,
        on_update=progress.advance,
        on_epoch=progress.epoch,
    )
    progress.close()
    # The one use of the test images: nothing after this line changes the model.
    test = training.evaluate_model(model, read_split(PROCESSED / "test.npz"))

    write_model(Path(f"models/{variant}.keras"), model)
    write_curve(Path(f"plots/{variant}.csv"), curve)
    metrics = summarise(curve, test_accuracy=test["accuracy"], test_loss=test["loss"])
    write_metrics(Path(f"metrics/{variant}.json"), metrics)


if __name__ == "__main__":
    main()
