import itertools
import re
from typing import Any

import numpy as np
import pytest

from experiment.common.errors import InputError
from experiment.common.splits import Split
from experiment.network.checkpoint import State
from tests.conftest import synthetic_arrays
from tests.experiment.networks import Adam, build, keras, parts, tf, train, training


def equal(first: list[np.ndarray], second: list[np.ndarray]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def by_numpy(model: keras.Model, split: Split) -> dict[str, float]:
    """Accuracy and loss in double precision, all images at once."""
    pixels, labels = np.asarray(split.images) / np.float32(255), np.asarray(split.labels)
    predictions = np.asarray(model(pixels, training=False)).astype(np.float64)
    right = predictions.argmax(axis=1) == labels
    of_label = predictions[np.arange(len(labels)), labels]
    return {"accuracy": right.mean(), "loss": -np.log(of_label).mean()}


@pytest.fixture(scope="module")
def trained() -> tuple[keras.Model, list[State]]:
    """With Dropout, until it has learnt. Not to be trained on."""
    return train(dropout_rate=0.2, epochs=15)


def test_every_image_is_seen_once_an_epoch_in_another_order_for_each_seed_and_epoch() -> None:
    orders = {
        (seed, epoch): training.shuffled(90, seed=seed, epoch=epoch).numpy().tolist()
        for seed, epoch in itertools.product((0, 7), (0, 1))
    }
    assert all(sorted(order) == list(range(90)) != order for order in orders.values())
    assert len({tuple(order) for order in orders.values()}) == 4
    assert training.shuffled(90, seed=7, epoch=1).numpy().tolist() == orders[7, 1]


def test_images_are_scaled_as_numpy_divides() -> None:
    """Within a function, where TensorFlow would make a product of a quotient."""
    pixels = np.arange(256, dtype=np.uint8)
    scaled = tf.function(training.scale)(tf.constant(pixels))
    assert scaled.dtype == tf.float32
    np.testing.assert_array_equal(scaled.numpy(), pixels / np.float32(255))


@pytest.mark.parametrize("images", [1, 249, 250, 251, 610])
def test_evaluation_is_of_all_images_and_weighs_each_alike(
    images: int, trained: tuple[keras.Model, list[State]]
) -> None:
    """More than one batch, a smaller last one, and labels which differ from batch to batch."""
    split = parts(test=images)["test"]
    labels = np.where(np.arange(images) < 250, np.asarray(split.labels), 0).astype(np.int32)
    split = Split(split.images, tf.constant(labels), split.classes)
    model, _ = trained
    found = training.Evaluation(model)(split)
    expected = by_numpy(model, split)
    assert round(found["accuracy"] * images, 3) == round(expected["accuracy"] * images)
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("images", [1, 250, 610])
def test_predictions_are_of_all_images_in_their_order(
    images: int, trained: tuple[keras.Model, list[State]]
) -> None:
    split = parts(test=images)["test"]
    model, _ = trained
    found = training.predict(model, split.images)
    pixels = np.asarray(split.images) / np.float32(255)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.asarray(model(pixels, training=False)), atol=1e-6)


def test_weights_of_an_earlier_epoch_are_restored() -> None:
    model, states = train(dropout_rate=0.2, epochs=3)
    images = parts()["validation"]
    training.restore(model, states[0])
    found = training.Evaluation(model)(images)
    row = states[0].curve[-1]
    assert found == {"accuracy": row["val_accuracy"], "loss": row["val_loss"]}
    assert found["loss"] != states[-1].curve[-1]["val_loss"]


@pytest.mark.parametrize("batch_size", [16, 40, 200])
def test_curve_is_the_mean_over_the_images_of_the_epoch(batch_size: int) -> None:
    """With a step that changes no weight: of the whole split, whatever the batches."""
    split = parts(train=500, test=3)
    model, [state] = train(split=split, batch_size=batch_size, epochs=1, learning_rate=1e-12)
    [row] = state.curve
    assert list(row) == ["epoch", "accuracy", "loss", "val_accuracy", "val_loss"]
    of_train, of_validation = (by_numpy(model, split[name]) for name in ("train", "validation"))
    assert row["accuracy"] == pytest.approx(of_train["accuracy"], rel=1e-6)
    assert row["loss"] == pytest.approx(of_train["loss"], rel=1e-5)
    assert row["val_accuracy"] == pytest.approx(of_validation["accuracy"], rel=1e-6)
    assert row["val_loss"] == pytest.approx(of_validation["loss"], rel=1e-5)
    assert of_train != of_validation


def test_network_learns_and_the_curve_has_a_row_per_epoch(
    trained: tuple[keras.Model, list[State]],
) -> None:
    model, states = trained
    assert [len(state.curve) for state in states] == list(range(1, 16))
    assert [row["epoch"] for row in states[-1].curve] == list(range(1, 16))
    assert states[-1].curve[-1]["accuracy"] > 0.9
    assert training.Evaluation(model)(parts()["test"])["accuracy"] > 0.9


@pytest.mark.parametrize("updates_per_call", [1, 4])  # of 6
def test_calls_into_tensorflow_do_not_change_the_bits(
    updates_per_call: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = train(dropout_rate=0.5)[1][-1]
    monkeypatch.setattr(training, "UPDATES_PER_CALL", updates_per_call)
    found = train(dropout_rate=0.5)[1][-1]
    assert found.curve == expected.curve
    assert equal(found.variables, expected.variables)


def test_training_is_traced_once_and_not_for_each_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    traced = []

    def counted(labels: Any, predictions: Any) -> Any:
        traced.append(predictions.shape)
        return cross_entropy(labels, predictions)

    cross_entropy = training.cross_entropy
    monkeypatch.setattr(training, "cross_entropy", counted)
    train(epochs=4)
    assert len(traced) == 2  # the update and the evaluation


def test_adam_is_that_of_keras() -> None:
    """Not to the bit: TensorFlow subtracts 0.999 from 1 in float32, which is off by 1 in 80,000."""
    gradients = np.random.default_rng(0).normal(size=(20, 3, 5)).astype(np.float32)
    trained = []
    for optimizer in (Adam(0.01), keras.optimizers.Adam(0.01)):
        weights = keras.Variable(np.ones((3, 5), np.float32))
        for gradient in gradients:
            optimizer.apply([tf.constant(gradient)], [weights])
        assert optimizer.iterations.numpy() == len(gradients)
        trained.append([variable.numpy() for variable in [weights, *optimizer.variables[2:]]])
    assert all(np.allclose(a, b, rtol=3e-5) for a, b in zip(*trained, strict=True))
    assert not np.allclose(trained[0][0], 1, rtol=1e-2)


def test_training_is_that_of_keras_own_loop() -> None:
    """`fit` and `evaluate` on the same batches, with the same optimizer: the same bits."""
    split, epochs = parts(), 2
    model, states = train(split=split, dropout_rate=0.5, epochs=epochs)
    fitted = build(split["train"], dropout_rate=0.5)
    fitted.compile(Adam(0.01), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    validation = training.scale(split["validation"].images), split["validation"].labels
    for epoch in range(epochs):
        order = training.shuffled(90, seed=7, epoch=epoch)
        images = tf.gather(training.scale(split["train"].images), order)
        done = fitted.fit(
            images, tf.gather(split["train"].labels, order), batch_size=16, shuffle=False,
            validation_data=validation, validation_batch_size=250, verbose=0,
        )  # fmt: skip
        found = {name: values[0] for name, values in done.history.items()}
        assert {"epoch": epoch + 1, **found} == states[-1].curve[epoch]
    assert equal(fitted.get_weights(), model.get_weights())


@pytest.fixture(scope="module")
def states() -> list[State]:
    """Of a training with Dropout after the dense layer."""
    return train(dropout_rate=0.5)[1]


def test_same_settings_give_the_same_bits(states: list[State]) -> None:
    _, again = train(dropout_rate=0.5)
    assert again[-1].curve == states[-1].curve
    assert equal(again[-1].variables, states[-1].variables)


@pytest.mark.parametrize(
    "changed", [{"seed": 8}, {"dropout_rate": 0.25}, {"dropout_placement": "pooling"},
                {"learning_rate": 0.02}, {"batch_size": 17}]
)  # fmt: skip
def test_other_settings_give_other_weights(changed: dict[str, Any], states: list[State]) -> None:
    _, [other] = train(**{"dropout_rate": 0.5, "epochs": 1} | changed)
    assert not equal(other.variables[:6], states[0].variables[:6])


@pytest.mark.parametrize(
    ("dropout_rate", "placement", "seed"), [(0.0, "none", 0), (0.3, "both", 3)]
)
@pytest.mark.parametrize("done", [1, 3])
def test_resumed_training_does_the_rest_and_ends_with_the_bits_of_one_that_never_stopped(
    dropout_rate: float, placement: str, seed: int, done: int
) -> None:
    settings: dict[str, Any] = {
        "dropout_rate": dropout_rate,
        "dropout_placement": placement,
        "seed": seed,
    }
    _, states = train(**settings)
    model, more = train(states[done - 1], **settings)
    assert [len(state.curve) for state in more] == list(range(done + 1, 4))
    last = [states[done - 1], *more][-1]
    assert last.curve == states[-1].curve
    assert equal(last.variables, states[-1].variables)
    assert equal([v.numpy() for v in model.variables], last.variables[: len(model.variables)])


def test_epochs_that_are_done_are_not_done_again(states: list[State]) -> None:
    """Their rows are those that the state has, right or not."""
    told = [row | {"loss": 0.125} for row in states[1].curve]
    _, more = train(State(told, states[1].variables), dropout_rate=0.5)
    assert [state.curve for state in more] == [[*told, states[2].curve[2]]]


@pytest.mark.parametrize("what", ["weights", "random stream", "Adam's step", "Adam's moments"])
def test_state_holds_all_that_the_next_epoch_depends_on(what: str, states: list[State]) -> None:
    """What a checkpoint of the weights alone leaves out matters: the test above can fail."""
    model = build(parts()["train"], dropout_rate=0.5)
    index = {
        "weights": 0,
        "random stream": [v.name for v in model.variables].index("seed_generator_state"),
        "Adam's step": len(model.variables),
        "Adam's moments": -1,
    }
    values = [value.copy() for value in states[0].variables]
    values[index[what]] = np.zeros_like(values[index[what]])
    _, others = train(State(states[0].curve, values), dropout_rate=0.5)
    assert others[-1].curve != states[-1].curve


@pytest.mark.parametrize("rate", [1e20, 1e37])
def test_training_that_diverges_ends_at_that_epoch_with_what_to_do(rate: float) -> None:
    with pytest.raises(
        InputError,
        match=rf"^epoch \d: expected a finite (val_)?loss; found (nan|inf): the training diverged;"
        rf" lower train\.learning_rate \(now {re.escape(f'{rate:g}')}\)$",
    ):
        train(learning_rate=rate)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_validation_alone_can_show_that_it_diverged(
    value: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The good epochs before are yielded, and going on from the last one ends likewise."""
    losses = iter([0.5, value, value])
    monkeypatch.setattr(
        training.Evaluation, "__call__", lambda *_: {"accuracy": 0.5, "loss": next(losses)}
    )
    split = parts()
    model = build(split["train"])
    settings: dict[str, Any] = {"epochs": 9, "batch_size": 64, "seed": 7, "learning_rate": 0.1}
    first = training.train_epochs(model, split["train"], split["validation"], **settings)
    good = next(first)
    again = training.train_epochs(
        model, split["train"], split["validation"], state=good, **settings
    )
    for states in (first, again):
        with pytest.raises(
            InputError, match=f"^epoch 2: expected a finite val_loss; found {value}:"
        ):
            next(states)


def test_other_image_sizes_and_classes_are_learnt() -> None:
    arrays = synthetic_arrays(side=13, classes=5)
    images = arrays["x_train"][:, :, :6, np.newaxis]
    split = training.as_tensors(Split(images, arrays["y_train"], 5))
    model, states = train(split={"train": split, "validation": split}, dropout_rate=0.5)
    assert model.input_shape == (None, 13, 6, 1)
    assert model.output_shape == (None, 5)
    assert len(states) == 3
