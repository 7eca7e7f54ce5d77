"""The network of the experiment, and its file."""

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import initializers, layers

from experiment.files import member, replacing
from experiment.support.errors import InputError
from experiment.variants import Placement

# New ones go to the end: the seeds of those before them stay as they are.
LAYERS_WITH_RANDOMNESS = ("convolution", "dense", "dropout", "output", "pooling_dropout")


def build_model(
    *,
    image_shape: tuple[int, int, int],
    classes: int,
    filters: int,
    dense_units: int,
    seed: int,
    dropout_rate: float = 0.0,
    dropout_placement: Placement = "none",
) -> keras.Model:
    """Build the classic small CNN, with Dropout where its rate is above 0.

    Each layer draws from a seed of its own, so that models which differ in Dropout alone start
    from the same weights. The arguments in which variants differ have defaults: the plain network.

    Args:
        image_shape: `(h, w, 1)`, 4 x 4 pixels or more.
        classes: number of classes, 2 or more.
        filters: of the 3x3 convolution, 1 or more.
        dense_units: of the hidden dense layer, 1 or more.
        seed: 0 or more.
        dropout_rate: share of the units to drop in training, in [0, 1).
        dropout_placement: after which layers.

    Returns:
        A model from `float32 (n, h, w, 1)` in [0, 1] to probabilities `float32 (n, classes)`.
    """
    # A layer that is added without a seed of its own draws from Keras', and repeats, too.
    keras.utils.set_random_seed(seed)
    states = np.random.SeedSequence(seed).generate_state(len(LAYERS_WITH_RANDOMNESS))
    # 31 bits: what every random operation of TensorFlow takes as a seed.
    seeds = {
        name: int(state) >> 1 for name, state in zip(LAYERS_WITH_RANDOMNESS, states, strict=True)
    }

    def named(name: str) -> dict[str, Any]:
        """Return the name of a layer with weights, and its initializer."""
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


def write_model(path: Path, model: keras.Model) -> None:
    """Write a `.keras` file for `keras.saving.load_model`, without traces of this process.

    Keras leaves the date (`metadata.json`), the clock times of the archive, and memory addresses as
    ids of shared objects (`config.json`), which are numbered in order of appearance instead.
    """
    with replacing(path) as temporary:
        model.save(temporary)
        with zipfile.ZipFile(temporary) as archive:
            members = {name: archive.read(name) for name in sorted(archive.namelist())}
        metadata = json.loads(members["metadata.json"])
        del metadata["date_saved"]
        members["metadata.json"] = json.dumps(metadata, sort_keys=True).encode()
        members["config.json"] = _renumber_shared_objects(members["config.json"])
        with zipfile.ZipFile(temporary, "w") as archive:
            for name, data in members.items():
                archive.writestr(member(name), data)


def read_model(path: Path) -> keras.Model:
    """Read a network for grey images, as `write_model` wrote it, or any other.

    Raises:
        InputError: Keras cannot read the file, or it takes something else than grey images.
    """
    if path.suffix != ".keras":  # Keras runs code that an .h5 file may hold
        raise InputError(f"{path}: expected a .keras file; found another name")
    try:
        model = keras.saving.load_model(path, compile=False)
    except Exception as error:  # of many kinds, whatever is wrong with the file
        reason = " ".join(str(error).split())[:100]
        raise InputError(f"{path}: expected a .keras file; found {reason}") from None
    shape = model.input_shape
    if not isinstance(shape, tuple) or len(shape) != 4 or shape[3] != 1 or None in shape[1:]:
        raise InputError(f"{path}: expected a network of grey images (h, w, 1); found {shape}")
    return model


def _renumber_shared_objects(config: bytes) -> bytes:
    """Number the ids of shared objects, which are addresses, by their first appearance."""
    numbers: dict[str, int] = {}
    name = '"shared_object_id": '
    text = re.sub(
        rf"{name}(\d+)",
        lambda found: f"{name}{numbers.setdefault(found[1], len(numbers))}",
        config.decode(),
    )
    return json.dumps(json.loads(text), sort_keys=True).encode()
