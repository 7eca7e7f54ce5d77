"""Stages `train_no_dropout` and `train_dropout`: one training each, alike but for the rate."""

import argparse
from pathlib import Path
from typing import Any

from experiment.common import splits
from experiment.common.errors import InputError, one_line_errors
from experiment.common.files import write_curve, write_json, write_model
from experiment.common.metrics import summarise
from experiment.common.parameters import Parameters, load_parameters
from experiment.common.splits import read_split
from experiment.network.checkpoint import Checkpoint, State
from experiment.network.environment import describe_environment
from experiment.network.fingerprint import fingerprint
from experiment.network.progress import TrainingProgress
from experiment.network.startup import ENVIRONMENT, starting_tensorflow

PROCESSED = Path("data/processed")
CHECKPOINTS = Path(".checkpoints")  # not an output of DVC's: it deletes those before it starts
VARIANTS = ("no_dropout", "dropout")


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
    settings = settings_of(params, variant)
    inputs = [PROCESSED / f"{name}.npz" for name in ("train", "validation")]
    train, validation = (read_split(path) for path in inputs)

    with starting_tensorflow():
        # Seconds, and only once the input is known good.
        from experiment.network import model, optimizer, training

        training.configure(params.train.threads)

    train, validation = training.as_tensors(train), training.as_tensors(validation)
    environment = describe_environment(threads=params.train.threads, settings=ENVIRONMENT)
    environment |= training.build_information()
    code = [Path(module.__file__ or "") for module in (splits, model, optimizer, training)]
    progress = TrainingProgress(
        variant,
        epochs=settings["epochs"],
        updates=training.updates_per_epoch(len(train.images), settings["batch_size"]),
    )
    resumption = Resumption(
        Checkpoint(
            CHECKPOINTS / f"{variant}.npz",
            fingerprint(parameters=settings | environment, data=inputs, code=code),
        ),
        progress,
    )
    network, curve = training.train_model(
        train,
        validation,
        **settings,
        resume=resumption.load,
        on_update=progress.advance,
        on_epoch=resumption.save,
    )
    progress.close()
    # The one use of the test images: nothing after this line changes the model.
    test_images = training.as_tensors(read_split(PROCESSED / "test.npz"))
    test = training.evaluate_model(network, test_images)

    write_model(Path(f"models/{variant}.keras"), network)
    write_curve(Path(f"plots/{variant}.csv"), curve)
    write_json(Path(f"metrics/{variant}.environment.json"), environment)
    metrics = summarise(curve, test_accuracy=test["accuracy"], test_loss=test["loss"])
    write_json(Path(f"metrics/{variant}.json"), metrics)
    resumption.checkpoint.remove()


def settings_of(params: Parameters, variant: str) -> dict[str, Any]:
    """What `train_model` is to train with: the variants differ in `dropout_rate` alone."""
    return {
        "dropout_rate": params.train.dropout_rate if variant == "dropout" else 0.0,
        "filters": params.model.filters,
        "dense_units": params.model.dense_units,
        "epochs": params.train.epochs,
        "batch_size": params.train.batch_size,
        "learning_rate": params.train.learning_rate,
        "seed": params.train.seed,
    }


class Resumption:
    """Saves a training after each epoch, and goes on from there, saying so."""

    def __init__(self, checkpoint: Checkpoint, progress: TrainingProgress) -> None:
        self.checkpoint = checkpoint
        self._progress = progress

    def load(self, variables: int) -> State | None:
        """The state to go on from; None for a checkpoint that is missing or not to be used."""
        try:
            state = self.checkpoint.load(variables)
        except InputError as error:
            self._progress.say(f"not resumed: {error}; training from the first epoch")
            return None
        if state:
            self._progress.skip(len(state.curve))
            self._progress.say(f"resumed after epoch {len(state.curve)}")
        return state

    def save(self, state: State) -> None:
        """Saves, then shows: what is shown as finished is not trained again."""
        self.checkpoint.save(state)
        self._progress.epoch(state.curve[-1])


if __name__ == "__main__":
    main()
