"""Stages `train_no_dropout`, `train_dropout`: one training each, alike but for Dropout."""

import argparse
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from experiment.files import CURVE_COLUMNS, write_curve, write_json, write_predictions
from experiment.metrics import require_finite, summarise
from experiment.network import NUMERICS
from experiment.network.checkpoint import CHECKPOINTS, START, fingerprint, load_state, save_state
from experiment.network.environment import describe_environment, starting_tensorflow
from experiment.parameters import Parameters, load_parameters
from experiment.splits import read_split
from experiment.support.errors import InputError, one_line_errors
from experiment.support.progress import Progress
from experiment.variants import VARIANTS

PROCESSED = Path("data/processed")


def main() -> None:
    """Train the variant named on the command line; write its model, curve and metrics."""
    parser = argparse.ArgumentParser(prog="python -m stages.train", description=main.__doc__)
    parser.add_argument("variant", choices=VARIANTS)
    variant = parser.parse_args().variant
    with one_line_errors(f"train {variant}"):
        run(variant)


def run(variant: str) -> None:
    """Train one variant, from the processed images to its files."""
    params = load_parameters()
    settings, epochs = params.train, params.train.epochs
    of_network, of_training = select_settings(params, variant)
    inputs = [PROCESSED / f"{name}.npz" for name in ("train", "validation")]
    train, validation = (read_split(path) for path in inputs)

    with starting_tensorflow(settings.instructions):
        # Seconds, and only once the input is known good.
        from experiment.network import training
        from experiment.network.model import build_model, write_model

        training.configure(settings.threads)

    environment = training.build_information() | describe_environment(
        threads=settings.threads, instructions=settings.instructions
    )
    depends_on = of_network | of_training | environment | {"numerics": NUMERICS}
    key = fingerprint(parameters=depends_on, data=inputs)
    checkpoint, curve_file = CHECKPOINTS / f"{variant}.npz", Path(f"plots/{variant}.csv")
    state = START
    try:
        state = load_state(checkpoint, fingerprint=key) or START
    except InputError as error:
        print(f"{variant}  not resumed: {error}; training from the first epoch", file=sys.stderr)
    if state.curve:
        print(f"{variant}  resumed after epoch {len(state.curve)}", file=sys.stderr)
        write_curve(curve_file, state.curve)  # DVC has deleted it

    train, validation = training.as_tensors(train), training.as_tensors(validation)
    model = build_model(image_shape=train.images.shape[1:], classes=train.classes, **of_network)
    evaluate = training.Evaluation(model)
    states = training.train_epochs(
        model, train, validation, evaluate=evaluate, state=state, **of_training
    )
    with closing(Progress(variant, total=epochs, finished=len(state.curve))) as progress:
        for state in states:
            # First: what is shown as finished is not trained again.
            save_state(checkpoint, state, fingerprint=key)
            write_curve(curve_file, state.curve)
            row = state.curve[-1]
            shown = "  ".join(f"{name} {row[name]:.4f}" for name in CURVE_COLUMNS[1:])
            progress.step(1, f"epoch {row['epoch']:{len(str(epochs))}}/{epochs}", shown)
    trained = evaluate(train)
    # The one use of the test images: nothing after this line changes the model.
    unseen = read_split(PROCESSED / "test.npz")
    test = evaluate(training.as_tensors(unseen))
    probabilities = training.predict(model, unseen.images)
    metrics = summarise(state.curve, trained=trained, test=test)
    require_finite(metrics, "after the last epoch", learning_rate=settings.learning_rate)

    write_model(Path(f"models/{variant}.keras"), model)
    write_json(Path(f"metrics/{variant}.environment.json"), environment)
    write_json(Path(f"metrics/{variant}.json"), metrics)
    write_predictions(Path(f"metrics/{variant}.predictions.csv"), unseen.labels, probabilities)
    checkpoint.unlink(missing_ok=True)


def select_settings(params: Parameters, variant: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return arguments of `build_model` and `train_epochs`; variants differ in the former alone."""
    of_network = {
        "filters": params.model.filters,
        "dense_units": params.model.dense_units,
        "seed": params.train.seed,
        **VARIANTS[variant].network(params),
    }
    of_training = {
        "epochs": params.train.epochs,
        "batch_size": params.train.batch_size,
        "learning_rate": params.train.learning_rate,
        "seed": params.train.seed,
    }
    return of_network, of_training


if __name__ == "__main__":
    main()
