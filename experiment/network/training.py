"""One deterministic training, and its evaluation."""

import math
from collections.abc import Callable, Mapping

import keras
import numpy as np
import tensorflow as tf

from experiment.common.splits import Split
from experiment.network.checkpoint import Row, State
from experiment.network.model import DropoutPlacement, build_model
from experiment.network.optimizer import adam

# Larger than in training, for speed; small enough that the convolution's output stays at 20 MB.
EVALUATION_BATCH_SIZE = 250

# Updates done by one call into TensorFlow, at most: each call costs Python's time.
MOST_UPDATES_PER_CALL = 50


def configure(threads: int) -> None:
    """Fixes what TensorFlow would otherwise choose by machine; call once, before all else.

    Args:
        threads: threads within one operation, 1 or more. Another number can sum in another order.

    Raises:
        RuntimeError: TensorFlow runs already.
    """
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    tf.config.list_logical_devices()  # starts it: from here on the above cannot be changed


def updates_per_epoch(images: int, batch_size: int) -> int:
    """Updates of the weights in one epoch; the last batch may be a smaller one."""
    return math.ceil(images / batch_size)


def as_tensors(split: Split) -> Split:
    """The same images and labels as TensorFlow holds them; NumPy's copy can then be given up."""
    images, labels = tf.constant(split.images), tf.constant(split.labels.astype(np.int32))
    return Split(images, labels, split.classes)


def train_model(
    train: Split,
    validation: Split,
    *,
    dropout_rate: float,
    dropout_placement: DropoutPlacement = "dense",
    filters: int,
    dense_units: int,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
    resume: Callable[[int], State | None] = lambda variables: None,
    on_update: Callable[[int], None] = lambda updates: None,
    on_epoch: Callable[[State], None] = lambda state: None,
) -> tuple[keras.Model, list[Row]]:
    """Trains one network: Adam, sparse categorical cross-entropy.

    Initial weights and the order of batches derive from `seed` alone: they are the same for every
    `dropout_rate` and `dropout_placement`. A training that goes on from a state ends with the bits
    of one that never stopped.

    Args:
        train: images to learn from, as `as_tensors` gives them.
        validation: images to evaluate on after each epoch, likewise.
        dropout_rate: share of units dropped, in [0, 1); see `build_model`.
        dropout_placement: see `build_model`.
        filters: see `build_model`.
        dense_units: see `build_model`.
        epochs: passes over the training images, 1 or more.
        batch_size: images per update, 1 or more.
        learning_rate: of Adam, above 0.
        seed: 0..2**31-1.
        resume: called with the number of variables; the state to go on from, or None.
        on_update: called with the number of updates done since the last call.
        on_epoch: called with the state after each epoch.

    Returns:
        The trained model and its curve: per epoch, from 1, `epoch`, `accuracy` and `loss` (means
        over the epoch's batches, Dropout at work), `val_accuracy` and `val_loss`.
    """
    # Keras numbers what has no name (adam, adam_1, ...), and the names go into the saved file: it
    # must not depend on what else the process has trained.
    keras.utils.clear_session()
    updates = updates_per_epoch(len(train.images), batch_size)
    updates_per_call = _largest_divisor(updates, MOST_UPDATES_PER_CALL)
    model = build_model(
        image_shape=tuple(train.images.shape[1:]),
        classes=train.classes,
        filters=filters,
        dense_units=dense_units,
        dropout_rate=dropout_rate,
        dropout_placement=dropout_placement,
        seed=seed,
    )
    model.compile(
        optimizer=adam(learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        steps_per_execution=updates_per_call,
        jit_compile=False,
    )
    # Before a state is put in: Adam's moments do not exist until it is built.
    model.optimizer.build(model.trainable_variables)
    variables = _variables_of(model)
    state = resume(len(variables))
    curve: list[Row] = list(state.curve) if state else []
    for variable, value in zip(variables, state.variables if state else (), strict=bool(state)):
        variable.assign(value)

    def end_epoch(epoch: int, logs: Mapping[str, float]) -> None:
        row = {name: float(logs[name]) for name in ("accuracy", "loss", "val_accuracy", "val_loss")}
        curve.append({"epoch": epoch + 1, **row})
        on_epoch(State(curve, [variable.numpy() for variable in variables]))

    model.fit(
        _training_batches(
            train, batch_size=batch_size, first_epoch=len(curve), epochs=epochs, seed=seed
        ),
        steps_per_epoch=updates,
        initial_epoch=len(curve),
        epochs=epochs,
        shuffle=False,  # the batches come shuffled
        validation_data=_evaluation_batches(validation),
        verbose=0,
        callbacks=[
            keras.callbacks.LambdaCallback(
                on_train_batch_end=lambda batch, logs: on_update(updates_per_call),
                on_epoch_end=end_epoch,
            )
        ],
    )
    return model, curve


def _variables_of(model: keras.Model) -> list[keras.Variable]:
    """All that training changes: weights, the optimizer's, and the random streams' positions."""
    streams = [
        layer.seed_generator.state
        for layer in model.layers
        if isinstance(layer, keras.layers.Dropout)
    ]
    return [*model.weights, *model.optimizer.variables, *streams]


def build_information() -> dict[str, str]:
    """How this TensorFlow was built."""
    information = tf.sysconfig.get_build_info()
    return {
        "tensorflow.compiler": str(tf.version.COMPILER_VERSION),
        "tensorflow.cuda_build": str(information["is_cuda_build"]),
        "tensorflow.revision": str(tf.version.GIT_VERSION),
    }


def evaluate_model(model: keras.Model, split: Split) -> dict[str, float]:
    """`accuracy` (0..1) and `loss` (mean cross-entropy, nats) of a compiled model.

    Args:
        model: as `train_model` returns it.
        split: as `as_tensors` gives it.
    """
    result = model.evaluate(_evaluation_batches(split), verbose=0, return_dict=True)
    return {name: float(result[name]) for name in ("accuracy", "loss")}


def _training_batches(
    train: Split, *, batch_size: int, first_epoch: int, epochs: int, seed: int
) -> tf.data.Dataset:
    """The batches of the epochs `first_epoch` (from 0) to `epochs`, in (seed, epoch)'s order.

    The order of an epoch needs nothing of the epochs before it.
    """
    updates = updates_per_epoch(len(train.images), batch_size)

    def batches(epoch: tf.Tensor) -> tf.data.Dataset:
        order = tf.random.experimental.stateless_shuffle(
            tf.range(len(train.images)), seed=tf.stack([tf.constant(seed, tf.int64), epoch])
        )

        def batch(update: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            chosen = order[update * batch_size : (update + 1) * batch_size]
            return _scale(tf.gather(train.images, chosen)), tf.gather(train.labels, chosen)

        return tf.data.Dataset.range(updates).map(batch)

    return tf.data.Dataset.range(first_epoch, epochs).flat_map(batches).prefetch(2)


def _evaluation_batches(split: Split) -> tf.data.Dataset:
    def batch(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        part = slice(index * EVALUATION_BATCH_SIZE, (index + 1) * EVALUATION_BATCH_SIZE)
        return _scale(split.images[part]), split.labels[part]

    batches = math.ceil(len(split.images) / EVALUATION_BATCH_SIZE)
    return tf.data.Dataset.range(batches).map(batch)


def _scale(images: tf.Tensor) -> tf.Tensor:
    """`uint8` 0..255 to `float32` in [0, 1].

    Done as a batch is loaded and nowhere else: all images as `float32` would take another 190 MB.
    """
    return tf.cast(images, tf.float32) / 255


def _largest_divisor(number: int, limit: int) -> int:
    # Keras runs whole calls: an epoch that is no whole number of them takes batches of the next.
    return next(d for d in range(min(number, limit), 0, -1) if number % d == 0)
