"""One import of TensorFlow for all: tiny networks on synthetic images."""

import gc
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiment.common.files import write_model
from experiment.common.splits import Split
from experiment.data.dataset import Dataset, divide
from experiment.network.checkpoint import State
from experiment.network.startup import starting_tensorflow
from tests.conftest import ROOT, synthetic_arrays

with starting_tensorflow():
    import keras
    import tensorflow as tf
    from tensorflow.python.data.experimental.ops.iterator_model_ops import get_model_proto
    from tensorflow.python.data.ops.iterator_ops import OwnedIterator

    from experiment.network import training
    from experiment.network.model import DropoutPlacement, build_model
    from experiment.network.optimizer import adam
    from experiment.network.training import as_tensors, evaluate_model, train_model

    training.configure(1)

SETTINGS: dict[str, Any] = {
    "filters": 2,
    "dense_units": 8,
    "epochs": 3,
    "batch_size": 16,
    "learning_rate": 0.01,
    "seed": 7,
}


def parts(train: int = 120) -> dict[str, Split]:
    dataset = Dataset(**synthetic_arrays(train))
    split = divide(
        dataset, validation_split=0.25, validation_from="last", train_samples=None, seed=0
    )
    return {name: as_tensors(part) for name, part in split.items()}


def train(dropout_rate: float = 0.0, **settings: Any) -> tuple[keras.Model, list[dict[str, float]]]:
    split = parts()
    return train_model(
        split["train"], split["validation"], dropout_rate=dropout_rate, **SETTINGS | settings
    )


def build(
    dropout_rate: float, seed: int = 0, dropout_placement: DropoutPlacement = "dense"
) -> keras.Model:
    return build_model(
        image_shape=(28, 28, 1),
        classes=10,
        filters=32,
        dense_units=128,
        dropout_rate=dropout_rate,
        dropout_placement=dropout_placement,
        seed=seed,
    )


def equal(first: list[np.ndarray], second: list[np.ndarray]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_model_is_that_of_the_experiment() -> None:
    without, with_dropout = build(0), build(0.5)
    names = ["convolution", "pooling", "flatten", "dense", "output"]
    assert [layer.name for layer in without.layers] == names
    assert [layer.name for layer in with_dropout.layers] == [*names[:4], "dropout", "output"]
    assert without.count_params() == with_dropout.count_params() == 693_962
    assert with_dropout.get_layer("dropout").rate == 0.5
    assert without.output_shape == (None, 10)


def test_dropout_is_placed_where_it_is_asked_for() -> None:
    pooling, both = build(0.5, dropout_placement="pooling"), build(0.5, dropout_placement="both")
    start, end = ["convolution", "pooling", "pooling_dropout", "flatten", "dense"], ["output"]
    assert [layer.name for layer in pooling.layers] == start + end
    assert [layer.name for layer in both.layers] == [*start, "dropout", *end]
    assert equal(pooling.get_weights(), both.get_weights())
    assert equal(build(0.5).get_weights(), both.get_weights())
    seeds = [both.get_layer(name).seed for name in ("dropout", "pooling_dropout")]
    assert seeds[0] == build(0.5).get_layer("dropout").seed != seeds[1]


def test_variants_start_from_the_same_weights_and_seeds_do_not() -> None:
    assert equal(build(0).get_weights(), build(0.5).get_weights())
    assert equal(build(0).get_weights(), build(0).get_weights())
    assert not equal(build(0).get_weights(), build(0, seed=1).get_weights())


def test_dropout_zeroes_and_scales_in_training_alone() -> None:
    layer = build(0.5).get_layer("dropout")
    ones = np.ones((4, 1000), np.float32)
    dropped = np.asarray(layer(ones, training=True))
    assert set(np.unique(dropped)) == {0.0, 2.0}  # the mean stays 1
    assert abs(dropped.mean() - 1) < 0.1
    np.testing.assert_array_equal(np.asarray(layer(ones, training=False)), ones)


def test_every_image_is_seen_once_an_epoch_in_another_order() -> None:
    split = parts()["train"]
    pixels = np.arange(len(split.labels), dtype=np.uint8).reshape(-1, 1, 1, 1)
    numbered = as_tensors(Split(pixels, np.zeros(len(pixels), np.uint8), 3))
    batches = list(
        training._training_batches(numbered, batch_size=16, first_epoch=0, epochs=2, seed=7)
    )
    seen = [np.rint(np.asarray(x).ravel() * 255).astype(int) for x, _ in batches]
    first, second = (np.concatenate(seen[start : start + 6]).tolist() for start in (0, 6))
    assert [len(batch) for batch in seen] == [16, 16, 16, 16, 16, 10] * 2
    assert sorted(first) == sorted(second) == list(range(90))
    assert first != second
    assert first != list(range(90))


def test_images_are_scaled_as_numpy_divides() -> None:
    pixels = np.arange(256, dtype=np.uint8)
    scaled = tf.data.Dataset.from_tensors(pixels).map(training._scale).get_single_element()
    assert scaled.dtype == tf.float32
    np.testing.assert_array_equal(np.asarray(scaled), pixels / np.float32(255))


def test_curve_has_a_row_per_epoch_and_the_network_learns() -> None:
    updates: list[int] = []
    finished: list[int] = []
    split = parts()
    model, curve = train_model(
        split["train"],
        split["validation"],
        dropout_rate=0.2,
        **SETTINGS | {"epochs": 15},
        on_update=updates.append,
        on_epoch=lambda state: finished.append(len(state.curve)),
    )
    assert finished == list(range(1, 16))
    assert [row["epoch"] for row in curve] == list(range(1, 16))
    assert sum(updates) == 15 * training.updates_per_epoch(90, 16)
    assert curve[-1]["accuracy"] > 0.9
    assert evaluate_model(model, split["test"])["accuracy"] > 0.9


def test_validation_figures_are_those_of_the_validation_images() -> None:
    model, curve = train()
    result = evaluate_model(model, parts()["validation"])
    assert curve[-1]["val_accuracy"] == result["accuracy"]
    assert curve[-1]["val_loss"] == pytest.approx(result["loss"], rel=1e-6)


def test_adam_is_that_of_keras() -> None:
    """Not to the bit: TensorFlow subtracts 0.999 from 1 in float32, which is off by 1 in 80,000."""
    gradients = np.random.default_rng(0).normal(size=(20, 3, 5)).astype(np.float32)
    trained = []
    for optimizer in (adam(0.01), keras.optimizers.Adam(0.01)):
        weights = keras.Variable(np.ones((3, 5), np.float32))
        for gradient in gradients:
            optimizer.apply([tf.constant(gradient)], [weights])
        assert optimizer.iterations.numpy() == len(gradients)
        trained.append([variable.numpy() for variable in [weights, *optimizer.variables[2:]]])
    assert all(np.allclose(a, b, rtol=3e-5) for a, b in zip(*trained, strict=True))
    assert not np.allclose(trained[0][0], 1, rtol=1e-2)


def test_same_seed_gives_the_same_bits_and_another_does_not() -> None:
    (first, curve), (again, curve_again), (other, _) = train(0.5), train(0.5), train(0.5, seed=8)
    assert curve == curve_again
    assert equal(first.get_weights(), again.get_weights())
    assert not equal(first.get_weights(), other.get_weights())


@pytest.mark.parametrize(
    ("dropout_rate", "placement"), [(0.0, "dense"), (0.5, "dense"), (0.5, "both")]
)
def test_resumed_training_ends_with_the_bits_of_one_that_never_stopped(
    dropout_rate: float, placement: DropoutPlacement, tmp_path: Path
) -> None:
    states: list[State] = []
    whole, curve = train(
        dropout_rate,
        dropout_placement=placement,
        on_epoch=lambda s: states.append(State([*s.curve], s.variables)),
    )
    write_model(tmp_path / "whole.keras", whole)
    for state in states:
        resumed, resumed_curve = train(
            dropout_rate, dropout_placement=placement, resume=lambda variables, s=state: s
        )
        write_model(tmp_path / "resumed.keras", resumed)
        assert resumed_curve == curve
        assert (tmp_path / "resumed.keras").read_bytes() == (tmp_path / "whole.keras").read_bytes()


def test_state_holds_more_than_the_weights() -> None:
    """What a checkpoint of the weights alone leaves out matters: the test above can fail."""
    states: list[State] = []
    _, curve = train(0.5, on_epoch=lambda s: states.append(State([*s.curve], s.variables)))
    for index, name in ((-1, "random stream"), (-2, "Adam's moments")):
        values = [value.copy() for value in states[0].variables]
        values[index] = np.zeros_like(values[index])
        wrong = State(states[0].curve, values)
        _, other = train(0.5, resume=lambda variables, s=wrong: s)
        assert other != curve, name


def test_no_iterator_is_tuned_for_its_end_could_then_take_a_minute() -> None:
    """The end is late by chance; what can be seen at any time is whether there is a tuner."""
    found = 0

    def look(state: State) -> None:
        nonlocal found
        for iterator in gc.get_objects():
            if type(iterator) is OwnedIterator:
                found += 1
                with pytest.raises(tf.errors.NotFoundError, match="disable autotune"):
                    get_model_proto(iterator)

    train(on_epoch=look)
    assert found >= SETTINGS["epochs"]


def test_rate_changes_the_result() -> None:
    assert not equal(train(0)[0].get_weights(), train(0.5)[0].get_weights())


def test_any_number_of_updates_divides_into_calls() -> None:
    for updates in (1, 13, 50, 97, 1500):
        divisor = training._largest_divisor(updates, 50)
        assert updates % divisor == 0
        assert divisor <= 50
    assert training._largest_divisor(1500, 50) == 50


def test_other_image_sizes_and_classes_are_learnt(tmp_path: Path) -> None:
    arrays = synthetic_arrays(side=13, classes=5)
    arrays = {name: a[:, :, :6] if a.ndim == 3 else a for name, a in arrays.items()}
    parts = divide(
        Dataset(**arrays), validation_split=0.25, validation_from="last", train_samples=None, seed=0
    )
    split = {name: as_tensors(part) for name, part in parts.items()}
    model, _ = train_model(split["train"], split["validation"], dropout_rate=0.5, **SETTINGS)
    assert model.input_shape == (None, 13, 6, 1)
    assert model.output_shape == (None, 5)


SCRIPT = """
import sys
from pathlib import Path
from experiment.common.files import write_model
from experiment.network.checkpoint import State
from tests.experiment.test_training import train
write_model(Path(sys.argv[1]), train(0.5)[0])
"""


def test_model_file_is_the_same_from_another_process(tmp_path: Path) -> None:
    here, there = tmp_path / "here.keras", tmp_path / "there.keras"
    model, _ = train(0.5)
    write_model(here, model)
    subprocess.run([sys.executable, "-c", SCRIPT, str(there)], cwd=ROOT, check=True)
    assert here.read_bytes() == there.read_bytes()


def test_model_file_is_loaded_by_plain_keras(tmp_path: Path) -> None:
    model, _ = train(0.5)
    write_model(tmp_path / "model.keras", model)
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert equal(loaded.get_weights(), model.get_weights())
    images = np.asarray(parts()["test"].images) / np.float32(255)
    np.testing.assert_array_equal(
        loaded.predict(images, verbose=0), model.predict(images, verbose=0)
    )
    assert evaluate_model(loaded, parts()["test"]) == evaluate_model(model, parts()["test"])


def test_model_file_holds_nothing_of_the_run(tmp_path: Path) -> None:
    write_model(tmp_path / "model.keras", train(0.5)[0])
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert list(json.loads(archive.read("metadata.json"))) == ["keras_version"]


def test_shared_object_ids_are_numbered_in_order() -> None:
    from experiment.common.files import _without_run

    addresses: dict[str, Any] = {"a": [{"shared_object_id": 140_000_123}, {"shared_object_id": 7}]}
    addresses["b"] = [{"shared_object_id": 140_000_123, "date_saved": "today", "kept": 1}]
    assert _without_run(addresses, {}) == {
        "a": [{"shared_object_id": 0}, {"shared_object_id": 1}],
        "b": [{"shared_object_id": 0, "kept": 1}],
    }
