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
from experiment.support.errors import wrong
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

    It turns `float32 (n, h, w, 1)` in [0, 1], of 4 x 4 pixels or more, into probabilities, `float32
    (n, classes)`. Each layer draws from a seed of its own, so that models which differ in Dropout
    alone start from the same weights. The arguments in which variants differ have defaults: the
    plain network.
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
    numbers: dict[str, int] = {}

    def renumber(found: re.Match[str]) -> str:
        return f"{found[1]}{numbers.setdefault(found[2], len(numbers))}"

    with replacing(path) as temporary:
        model.save(temporary)
        with zipfile.ZipFile(temporary) as archive:
            members = {name: archive.read(name) for name in sorted(archive.namelist())}
        metadata = json.loads(members["metadata.json"])
        del metadata["date_saved"]
        members["metadata.json"] = json.dumps(metadata, sort_keys=True).encode()
        config = re.sub(r'("shared_object_id": )(\d+)', renumber, members["config.json"].decode())
        members["config.json"] = json.dumps(json.loads(config), sort_keys=True).encode()
        with zipfile.ZipFile(temporary, "w") as archive:
            for name, data in members.items():
                archive.writestr(member(name), data)


def read_model(path: Path) -> keras.Model:
    """Read the file of a network for grey images, ours or any other, or raise InputError."""
    expected, remedy = "a .keras file of a network for grey images", "name another"
    if path.suffix != ".keras":  # Keras runs code that an .h5 file may hold
        raise wrong(str(path), expected, "another name", remedy)
    try:
        model = keras.saving.load_model(path, compile=False)
    except Exception as error:  # of many kinds, whatever is wrong with the file
        raise wrong(str(path), expected, " ".join(str(error).split())[:100], remedy) from None
    shape = model.input_shape
    if not isinstance(shape, tuple) or len(shape) != 4 or shape[3] != 1 or None in shape[1:]:
        raise wrong(str(path), expected, f"one for {shape}", remedy)
    return model
