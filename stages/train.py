"""Stages `train_no_dropout`, `train_dropout`: one training each, alike but for Dropout."""

import argparse
import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from experiment.common.errors import InputError, one_line_errors
from experiment.common.files import write_curve, write_json, write_predictions
from experiment.common.metrics import require_finite, summarise
from experiment.common.parameters import Parameters, load_parameters
from experiment.common.splits import read_split
from experiment.common.status import FOLDER, Status
from experiment.common.variants import VARIANTS
from experiment.network import NUMERICS
from experiment.network.checkpoint import START, Checkpoint, Row, State, fingerprint
from experiment.network.environment import describe_environment
from experiment.network.progress import TrainingProgress
from experiment.network.startup import ENVIRONMENT, starting_tensorflow

PROCESSED = Path("data/processed")


def main() -> None:
    """Trains the variant named on the command line; writes its model, curve and metrics."""
    parser = argparse.ArgumentParser(prog="python -m stages.train", description=main.__doc__)
    parser.add_argument("variant", choices=VARIANTS)
    variant = parser.parse_args().variant
    with one_line_errors(f"train {variant}"):
        run(variant)


def run(variant: str) -> None:
    """One variant, from the processed images to its files."""
    params = load_parameters()
    of_network, of_training = settings_of(params, variant)
    inputs = [PROCESSED / f"{name}.npz" for name in ("train", "validation")]
    train, validation = (read_split(path) for path in inputs)

    with starting_tensorflow():
        # Seconds, and only once the input is known good.
        from experiment.network import training
        from experiment.network.model import build_model
        from experiment.network.model_file import write_model

        training.configure(params.train.threads)

    environment = describe_environment(threads=params.train.threads, settings=ENVIRONMENT)
    environment |= training.build_information()
    depends_on = of_network | of_training | environment | {"numerics": NUMERICS}
    checkpoint = Checkpoint(
        FOLDER / f"{variant}.npz", fingerprint(parameters=depends_on, data=inputs)
    )
    train, validation = training.as_tensors(train), training.as_tensors(validation)
    model = build_model(image_shape=train.images.shape[1:], classes=train.classes, **of_network)
    start = where_it_stands(checkpoint, variant)
    states = training.train_epochs(model, train, validation, state=start, **of_training)
    curve = keep_each(states, start, checkpoint, variant, epochs=params.train.epochs)
    # The one use of the test images: nothing after this line changes the model.
    unseen = read_split(PROCESSED / "test.npz")
    test = training.Evaluation(model)(training.as_tensors(unseen))
    probabilities = training.predict(model, unseen.images)
    metrics = summarise(curve, test_accuracy=test["accuracy"], test_loss=test["loss"])
    require_finite(metrics, "after the last epoch", learning_rate=params.train.learning_rate)

    write_model(Path(f"models/{variant}.keras"), model)
    write_json(Path(f"metrics/{variant}.environment.json"), environment)
    write_json(Path(f"metrics/{variant}.json"), metrics)
    write_predictions(Path(f"metrics/{variant}.predictions.csv"), unseen.labels, probabilities)
    checkpoint.path.unlink(missing_ok=True)


def settings_of(params: Parameters, variant: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Arguments of `build_model` and of `train_epochs`: variants differ in the former alone."""
    of_network = {
        "filters": params.model.filters,
        "dense_units": params.model.dense_units,
        "dropout_rate": VARIANTS[variant].rate(params.train),
        "dropout_placement": VARIANTS[variant].placement,
        "seed": params.train.seed,
    }
    of_training = {
        "epochs": params.train.epochs,
        "batch_size": params.train.batch_size,
        "learning_rate": params.train.learning_rate,
        "seed": params.train.seed,
    }
    return of_network, of_training


def where_it_stands(checkpoint: Checkpoint, variant: str) -> State:
    """The state to go on from: of the checkpoint, or before the first epoch; says which."""
    state = None
    try:
        state = checkpoint.load()
    except InputError as error:
        print(f"{variant}  not resumed: {error}; training from the first epoch", file=sys.stderr)
    if state is None:
        return START
    print(f"{variant}  resumed after epoch {len(state.curve)}", file=sys.stderr)
    return state


def keep_each(
    states: Iterable[State], start: State, checkpoint: Checkpoint, variant: str, *, epochs: int
) -> list[Row]:
    """After each epoch saves where the training stands, and shows it; returns the curve."""
    curve, path = start.curve, Path(f"plots/{variant}.csv")
    status = Status(FOLDER / f"{variant}.json", epochs)
    with closing(TrainingProgress(variant, status, epochs=epochs, finished=len(curve))) as progress:
        if curve:
            write_curve(path, curve)  # DVC has deleted it
        for state in states:
            checkpoint.save(state)  # first: what is shown as finished is not trained again
            curve = state.curve
            write_curve(path, curve)
            progress.epoch(curve[-1])
    return curve


if __name__ == "__main__":
    main()
