import itertools
from typing import Any

import numpy as np
import pytest

from experiment.splits import Split
from tests.experiment.networks import equal, keras, parts, tf, train, trained, training


def test_every_image_is_seen_once_an_epoch_in_another_order_for_each_seed_and_epoch() -> None:
    orders = [
        training.shuffle_indices(90, seed=seed, epoch=epoch).numpy().tolist()
        for seed, epoch in itertools.product((0, 7, 7), (0, 1))
    ]
    assert all(sorted(order) == list(range(90)) != order for order in orders)
    assert len({tuple(order) for order in orders}) == 4
    assert orders[2:4] == orders[4:]


def test_images_are_scaled_as_numpy_divides() -> None:
    """Within a function, where TensorFlow would make a product of a quotient."""
    pixels = np.arange(256, dtype=np.uint8)
    scaled = tf.function(training.scale)(tf.constant(pixels))
    assert scaled.dtype == tf.float32
    np.testing.assert_array_equal(scaled.numpy(), pixels / np.float32(255))


@pytest.mark.parametrize("images", [1, 610])
def test_evaluation_and_predictions_are_of_all_images_and_weigh_each_alike(images: int) -> None:
    """More than one batch, a smaller last one, and labels which differ from batch to batch."""
    model, _ = trained()
    split = parts(test=images)["test"]
    labels = np.where(np.arange(images) < 250, np.asarray(split.labels), 0).astype(np.int32)
    pixels = np.asarray(split.images) / np.float32(255)
    expected = np.asarray(model(pixels, training=False))
    found = training.predict(model, split.images)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)
    of_label = expected.astype(np.float64)[np.arange(images), labels]
    assert training.Evaluation(model)(
        Split(split.images, tf.constant(labels), split.classes)
    ) == pytest.approx(
        {"accuracy": (expected.argmax(axis=1) == labels).mean(), "loss": -np.log(of_label).mean()},
        rel=1e-5,
    )


def test_same_settings_give_the_same_bits_in_smaller_calls_and_are_traced_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    traced = []

    def counted(labels: Any, predictions: Any) -> Any:
        traced.append(predictions.shape)
        return cross_entropy(labels, predictions)

    cross_entropy = training.cross_entropy
    monkeypatch.setattr(training, "cross_entropy", counted)
    monkeypatch.setattr(training, "UPDATES_PER_CALL", 4)  # of 6
    found, expected = train(epochs=3)[1][-1], trained()[1][2]
    assert found.curve == expected.curve
    assert equal(found.variables, expected.variables)
    assert len(traced) == 2  # the update and the evaluation


def test_adam_is_that_of_keras() -> None:
    """Not to the bit: TensorFlow subtracts 0.999 from 1 in float32, which is off by 1 in 80,000."""
    gradients = np.random.default_rng(0).normal(size=(20, 3, 5)).astype(np.float32)
    found = []
    for optimizer in (training.Adam(0.01), keras.optimizers.Adam(0.01)):
        weights = keras.Variable(np.ones((3, 5), np.float32))
        for gradient in gradients:
            optimizer.apply([tf.constant(gradient)], [weights])
        assert optimizer.iterations.numpy() == len(gradients)
        found.append([variable.numpy() for variable in [weights, *optimizer.variables[2:]]])
    assert all(np.allclose(a, b, rtol=3e-5) for a, b in zip(*found, strict=True))
    assert not np.allclose(found[0][0], 1, rtol=1e-2)
