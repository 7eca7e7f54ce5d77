"""Tiny networks on synthetic images; TensorFlow is started once for each process of pytest."""

import functools
from typing import Any

import numpy as np

from experiment.data.split import Dataset, divide
from experiment.network.checkpoint import START, Row, State
from experiment.network.environment import starting_tensorflow
from experiment.splits import Split
from tests.conftest import synthetic_arrays

with starting_tensorflow():
    import keras
    import tensorflow as tf

    from experiment.network import training
    from experiment.network.model import build_model, write_model

    training.configure(1)

# What needs TensorFlow is imported from here, where it was started.
__all__ = ["build_model", "keras", "tf", "training", "write_model"]

OF_NETWORK: dict[str, Any] = {
    "filters": 2, "dense_units": 8, "dropout_rate": 0.2, "dropout_placement": "both", "seed": 7,
}  # fmt: skip
OF_TRAINING: dict[str, Any] = {"epochs": 15, "batch_size": 16, "learning_rate": 0.01, "seed": 7}


def parts(train: int = 120, test: int = 30) -> dict[str, Split]:
    """90 images to train on, 30 of validation, 30 of test, of 8 x 7 pixels."""
    arrays = synthetic_arrays(train, test)
    dataset = Dataset(**{k: v[:, :, :7] if k[0] == "x" else v for k, v in arrays.items()})
    split = divide(
        dataset, validation_split=0.25, validation_from="last", train_samples=None, seed=0
    )
    return {name: training.as_tensors(part) for name, part in split.items()}


def build(split: Split, **changed: Any) -> keras.Model:
    settings = OF_NETWORK | changed
    return build_model(image_shape=split.images.shape[1:], classes=split.classes, **settings)


def train(
    start: State = START, split: dict[str, Split] | None = None, model: keras.Model = None,
    **changed: Any,
) -> tuple[keras.Model, list[State]]:  # fmt: skip
    """The network, built if none is given, after training, and the state after each epoch."""
    assert changed.keys() <= OF_NETWORK.keys() | OF_TRAINING.keys()
    split = split or parts()
    model = model or build(split["train"], **{k: changed[k] for k in changed if k in OF_NETWORK})
    settings = OF_TRAINING | {k: v for k, v in changed.items() if k in OF_TRAINING}
    evaluate = training.Evaluation(model)
    states = training.train_epochs(
        model, split["train"], split["validation"], evaluate=evaluate, state=start, **settings
    )
    return model, list(states)


def fit(model: keras.Model) -> list[Row]:
    """Two epochs of Keras' own loop on the same batches: its curve."""
    split, curve = parts(), []
    model.compile(training.Adam(0.01), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    validation = training.scale(split["validation"].images), split["validation"].labels
    for epoch in range(2):
        order = training.shuffle_indices(90, seed=7, epoch=epoch)
        images = tf.gather(training.scale(split["train"].images), order)
        done = model.fit(
            images, tf.gather(split["train"].labels, order), batch_size=16, shuffle=False,
            validation_data=validation, validation_batch_size=250, verbose=0,
        )  # fmt: skip
        curve.append({"epoch": epoch + 1} | {name: found for name, [found] in done.history.items()})
    return curve


@functools.cache
def trained() -> tuple[keras.Model, list[State]]:
    """Once for all tests, until it has learnt. Not to be trained on."""
    return train()


def equal(first: list[np.ndarray], second: list[np.ndarray]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
