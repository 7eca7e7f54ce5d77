"""Whatever a layer brings along trains as by Keras' own `fit`, and resumes, or is refused."""

from collections.abc import Callable

import pytest

from experiment.support.errors import InputError
from tests.experiment.networks import build, equal, fit, keras, parts, tf, train, training

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


def make_middle() -> list[keras.Layer]:
    """Penalties, moving statistics, random streams without a seed, limits, a sparse gradient."""
    kernel, activity = keras.regularizers.L2(0.1), keras.regularizers.L1(0.01)
    return [
        keras.Sequential([layers.Dense(8, kernel_regularizer=kernel)]),
        layers.Dense(8, activity_regularizer=activity),
        Penalty(),
        layers.SpectralNormalization(layers.Dense(8)),
        keras.Sequential([layers.BatchNormalization(momentum=0.5)]),
        layers.Dropout(0.5),
        layers.Dense(8, trainable=False),
        layers.Dense(8, kernel_constraint=keras.constraints.MaxNorm(0.2)),
        Lookup(),
    ]


@pytest.mark.parametrize("plain", [True, False])
def test_trains_as_keras_does(plain: bool) -> None:
    """The network of the experiment, and one with all of these layers: the same bits as `fit`."""

    def network() -> keras.Model:
        split = parts()["train"]
        model = build(split)  # from here on, layers without a seed draw as after every other call
        if plain:
            return model
        ends = keras.Input(split.images.shape[1:]), layers.Dense(3, activation="softmax")
        return keras.Sequential([ends[0], layers.Flatten(), *make_middle(), ends[1]])

    _, [first, last] = train(model=network(), epochs=2)
    fitted = network()
    assert fit(fitted) == last.curve or not plain  # whose loss has no penalties
    found = [variable.numpy() for variable in fitted.variables]
    assert equal(last.variables[: len(found)], found)
    _, [resumed] = train(first, model=network(), epochs=2)
    assert resumed.curve == last.curve
    assert equal(resumed.variables, last.variables)


@pytest.mark.parametrize(
    ("layer", "found"),
    [
        (lambda: keras.Sequential([layers.Dense(8, dtype="mixed_float16")]), "float16"),
        (lambda: layers.SpectralNormalization(layers.Dense(8, dtype="bfloat16")), "bfloat16"),
        (lambda: keras.Sequential([Counting()]), "activity"),
    ],
)
def test_refused(layer: Callable[[], keras.Layer], found: str) -> None:
    """Other types and layers' own metrics, also within another layer."""
    model = keras.Sequential([keras.Input((4,)), layer()])
    with pytest.raises(InputError, match=f"; found {found}; remove"):
        training.require_supported(model)
