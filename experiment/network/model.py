"""The network of the experiment."""

from typing import Any

import keras
import numpy as np
from keras import initializers, layers

from experiment.common.variants import Placement

# New ones go to the end: the seeds of those before them stay as they are.
LAYERS_WITH_RANDOMNESS = ("convolution", "dense", "dropout", "output", "pooling_dropout")


def build_model(
    *,
    image_shape: tuple[int, int, int],
    classes: int,
    filters: int,
    dense_units: int,
    dropout_rate: float,
    dropout_placement: Placement,
    seed: int,
) -> keras.Model:
    """The classic small CNN, with Dropout where its rate is above 0.

    Each layer draws from a seed of its own, so that models which differ in Dropout alone start
    from the same weights.

    Args:
        image_shape: `(h, w, 1)`, 4 x 4 pixels or more.
        classes: number of classes, 2 or more.
        filters: of the 3x3 convolution, 1 or more.
        dense_units: of the hidden dense layer, 1 or more.
        dropout_rate: share of the units to drop in training, in [0, 1).
        dropout_placement: after which layers.
        seed: 0 or more.

    Returns:
        A model from `float32 (n, h, w, 1)` in [0, 1] to probabilities `float32 (n, classes)`.
    """
    states = np.random.SeedSequence(seed).generate_state(len(LAYERS_WITH_RANDOMNESS))
    # 31 bits: what every random operation of TensorFlow takes as a seed.
    seeds = {
        name: int(state) >> 1 for name, state in zip(LAYERS_WITH_RANDOMNESS, states, strict=True)
    }

    def named(name: str) -> dict[str, Any]:
        """What a layer with weights of its own seed takes."""
        return {"kernel_initializer": initializers.GlorotUniform(seed=seeds[name]), "name": name}

    def dropout(placement: Placement, name: str) -> list[keras.Layer]:
        if dropout_rate == 0 or dropout_placement not in (placement, "both"):
            return []
        return [layers.Dropout(dropout_rate, seed=seeds[name], name=name)]

    return keras.Sequential(
        [
            keras.Input(image_shape, name="image"),
            layers.Conv2D(filters, kernel_size=3, activation="relu", **named("convolution")),
            layers.MaxPooling2D(pool_size=2, name="pooling"),
            *dropout("pooling", "pooling_dropout"),
            layers.Flatten(name="flatten"),
            layers.Dense(dense_units, activation="relu", **named("dense")),
            *dropout("dense", "dropout"),
            layers.Dense(classes, activation="softmax", **named("output")),
        ],
        name="cnn",
    )
