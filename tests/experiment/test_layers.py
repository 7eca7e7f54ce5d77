"""Whatever a layer brings along trains as by Keras' own `fit`, and resumes, or is refused."""

from collections.abc import Callable
from typing import Any

import pytest

from experiment.network.checkpoint import START, State
from experiment.support.errors import InputError
from tests.experiment.networks import OF_TRAINING, build, equal, keras, parts, tf, training

layers = keras.layers


class Penalty(keras.Layer):  # type: ignore[misc]  # Keras has no types
    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        self.add_loss(0.1 * tf.reduce_mean(inputs**2))
        return inputs


class Lookup(keras.Layer):  # type: ignore[misc]
    """Has a sparse gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = layers.Embedding(5, 8)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return inputs + self.embedding(tf.cast(4 * tf.sigmoid(inputs[:, 0]), tf.int32))


class Counting(keras.Layer):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.mean = keras.metrics.Mean(name="activity")

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        self.mean.update_state(inputs)
        return inputs


def penalised() -> list[keras.Layer]:
    kernel, activity = keras.regularizers.L2(0.1), keras.regularizers.L1(0.01)
    inner = layers.Dense(8, kernel_regularizer=kernel)
    return [keras.Sequential([inner]), layers.Dense(8, activity_regularizer=activity), Penalty()]


def with_state() -> list[keras.Layer]:
    """Moving statistics and random streams; the latter without a seed of their own."""
    return [
        layers.SpectralNormalization(layers.Dense(8)),
        keras.Sequential([layers.BatchNormalization(momentum=0.5)]),
        layers.Dropout(0.5),
        layers.GaussianNoise(0.1),
    ]


def limited() -> list[keras.Layer]:
    return [
        layers.Dense(8, trainable=False),
        layers.BatchNormalization(trainable=False),
        layers.Dense(8, kernel_constraint=keras.constraints.MaxNorm(0.2)),
        Lookup(),
    ]


def network(middle: Callable[[], list[keras.Layer]]) -> keras.Model:
    split = parts()["train"]
    build(split)  # from here on, layers without a seed draw as after every other call
    shape = split.images.shape[1:]
    return keras.Sequential(
        [keras.Input(shape), layers.Flatten(), *middle(), layers.Dense(3, activation="softmax")]
    )


def train(model: keras.Model, state: State = START) -> list[State]:
    split, settings = parts(), OF_TRAINING | {"epochs": 2, "state": state}
    evaluate = training.Evaluation(model)
    given = model, split["train"], split["validation"]
    return [*training.train_epochs(*given, evaluate=evaluate, **settings)]


def fit(model: keras.Model) -> list[Any]:
    """Train on the same batches by Keras' own loop; return all variables of the model."""
    split = parts()["train"]
    model.compile(training.Adam(0.01), loss="sparse_categorical_crossentropy")
    for epoch in range(2):
        order = training.shuffle_indices(90, seed=7, epoch=epoch)
        images = tf.gather(training.scale(split.images), order)
        labels = tf.gather(split.labels, order)
        model.fit(images, labels, batch_size=16, shuffle=False, verbose=0)
    return [variable.numpy() for variable in model.variables]


@pytest.mark.parametrize("middle", [penalised, with_state, limited])
def test_trains_as_keras_does(middle: Callable[[], list[keras.Layer]]) -> None:
    first, last = train(network(middle))
    fitted = fit(network(middle))
    assert equal(last.variables[: len(fitted)], fitted)
    (resumed,) = train(network(middle), first)
    assert resumed.curve == last.curve
    assert equal(resumed.variables, last.variables)


@pytest.mark.parametrize(
    ("layer", "found"),
    [
        (lambda: layers.Dense(8, dtype="float16"), "float16"),
        (lambda: keras.Sequential([layers.Dense(8, dtype="float64")]), "float64"),
        (lambda: keras.Sequential([layers.Dense(8, dtype="mixed_float16")]), "float16"),
        (lambda: layers.SpectralNormalization(layers.Dense(8, dtype="bfloat16")), "bfloat16"),
        (Counting, "activity"),
        (lambda: keras.Sequential([Counting()]), "activity"),
    ],
)
def test_refused(layer: Callable[[], keras.Layer], found: str) -> None:
    """Other types and layers' own metrics, also within another layer."""
    model = keras.Sequential([keras.Input((4,)), layer()])
    with pytest.raises(InputError, match=f"; found {found}; remove"):
        training.require_supported(model)
