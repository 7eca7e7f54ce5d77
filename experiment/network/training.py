"""One deterministic training, as a loop over its epochs, and the evaluation of a network."""

from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from experiment.metrics import require_finite
from experiment.network.checkpoint import START, Row, State
from experiment.splits import Split
from experiment.support.errors import wrong

# Larger than in training, for speed; small enough that the convolution's output stays at 20 MB.
EVALUATION_BATCH_SIZE = 250

# TensorFlow does so many updates in one call, during which Ctrl-C has to wait: about a second.
UPDATES_PER_CALL = 150


def configure(threads: int) -> None:
    """Fix what TensorFlow would otherwise choose by machine, and Keras' own defaults.

    Call it first: RuntimeError means that TensorFlow runs already. `threads` are those within one
    operation, 1 or more; another number can sum in another order.
    """
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    tf.config.list_logical_devices()  # starts it: from here on the above cannot be changed
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    keras.config.set_dtype_policy("float32")


def build_information() -> dict[str, str]:
    """Describe how this TensorFlow was built."""
    return {
        "tensorflow.compiler": str(tf.version.COMPILER_VERSION),
        "tensorflow.revision": str(tf.version.GIT_VERSION),
        "version.tensorflow": str(tf.version.VERSION),  # whichever distribution it is from
    }


def as_tensors(split: Split) -> Split:
    """Return the images and labels as tensors; NumPy's copy can then be freed."""
    images, labels = tf.constant(split.images), tf.constant(split.labels.astype(np.int32))
    return Split(images, labels, split.classes)


class Adam(keras.optimizers.Adam):  # type: ignore[misc]  # Keras has no types
    """Keras' Adam at its defaults, but for the learning rate.

    Keras writes the update of a variable as ten operations, each of which reads and writes arrays
    of the size of the weights. TensorFlow's one operation saves a tenth of a training's time.
    """

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Update one variable; see the end of section 2 of https://arxiv.org/abs/1412.6980."""
        index = self._get_variable_index(variable)
        step = tf.cast(self.iterations.value + 1, tf.float32)
        beta_1, beta_2 = tf.constant(self.beta_1), tf.constant(self.beta_2)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=beta_1**step,
            beta2_power=beta_2**step,
            lr=learning_rate,
            beta1=beta_1,
            beta2=beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )


def train_epochs(
    model: keras.Model,
    train: Split,
    validation: Split,
    *,
    evaluate: "Evaluation",
    epochs: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
    state: State = START,
) -> Iterator[State]:
    """Train a network in place, with Adam and sparse categorical cross-entropy, on tensors.

    Yields the state after each epoch that is left after `state`: a training that goes on from one
    ends with the bits of one that never stopped. The row that an epoch adds to the curve has
    `epoch` (from 1), `accuracy` and `loss` (means over its batches, Dropout at work),
    `val_accuracy` and `val_loss`. Both losses are cross-entropies in nats, without penalties of
    regularisers, so that variants can be compared.

    The order of batches derives from `seed` (0..2**31-1) and the epoch alone; the last batch may be
    smaller than `batch_size`. InputError means that a layer is not supported, or that a loss is not
    finite: the training diverged.
    """
    require_supported(model)
    optimizer = Adam(learning_rate)
    optimizer.build(model.trainable_variables)  # Adam's moments do not exist before
    # The model's hold the position of each Dropout layer's random stream, too.
    variables = [*model.variables, *optimizer.variables]
    if state is not START:
        for variable, value in zip(variables, state.variables, strict=True):
            variable.assign(value)
    means = Means()

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32)])  # type: ignore[untyped-decorator]
    def update(order: tf.Tensor) -> None:
        for start in tf.range(0, tf.size(order), batch_size):
            chosen = order[start : start + batch_size]
            images, labels = scale(tf.gather(train.images, chosen)), tf.gather(train.labels, chosen)
            with tf.GradientTape() as tape:
                predictions = model(images, training=True)
                loss = cross_entropy(labels, predictions)
                # What regularisers of the layers add; it is not a part of the curve's loss.
                penalised = loss + tf.add_n(model.losses) if model.losses else loss
            gradients = tape.gradient(penalised, model.trainable_variables)
            optimizer.apply(gradients, model.trainable_variables)
            means.add(labels, predictions, loss)

    images_per_call = UPDATES_PER_CALL * batch_size
    for epoch in range(len(state.curve), epochs):
        order = shuffle_indices(len(train.images), seed=seed, epoch=epoch)
        for start in range(0, len(train.images), images_per_call):
            update(order[start : start + images_per_call])
        validated = {f"val_{name}": value for name, value in evaluate(validation).items()}
        row: Row = {"epoch": epoch + 1, **means.take(), **validated}
        require_finite(row, f"epoch {epoch + 1}", learning_rate=learning_rate)
        state = State([*state.curve, row], [variable.numpy() for variable in variables])
        yield state


def require_supported(model: keras.Model) -> None:
    """Refuse what this loop would silently leave out: other types, and layers' own metrics."""
    for layer in model._flatten_layers():  # also layers within layers, which `model.layers` lacks
        types = {layer.compute_dtype, layer.variable_dtype}
        if types != {"float32"}:
            found = ", ".join(sorted(types - {"float32"}))
            raise wrong(f"layer {layer.name}", "float32", found, "remove its dtype")
    if model.metrics:
        names = ", ".join(metric.name for metric in model.metrics)
        raise wrong("model", "layers without metrics of their own", names, "remove them")


def shuffle_indices(images: int, *, seed: int, epoch: int) -> tf.Tensor:
    """Shuffle the image indices of an epoch (from 0). Depends on seed and epoch alone."""
    return tf.random.experimental.stateless_shuffle(
        tf.range(images), seed=tf.constant([seed, epoch], tf.int64)
    )


def scale(images: tf.Tensor) -> tf.Tensor:
    """Convert `uint8` 0..255 to `float32` in [0, 1].

    Done for a batch at a time: all images as `float32` would take another 190 MB. Not by `/`, of
    which TensorFlow makes a product with 1/255, rounded, in a function: other bits.
    """
    return tf.math.divide_no_nan(tf.cast(images, tf.float32), 255.0)


def cross_entropy(labels: tf.Tensor, predictions: tf.Tensor) -> tf.Tensor:
    """Return the mean over a batch, in nats."""
    return keras.losses.SparseCategoricalCrossentropy()(labels, predictions)


def restore(model: keras.Model, state: State) -> None:
    """Give a network the weights that it had in a state of its training."""
    # The optimizer's variables come after the model's.
    for variable, value in zip(model.variables, state.variables, strict=False):
        variable.assign(value)


def predict(model: keras.Model, images: tf.Tensor) -> np.ndarray:
    """Return probabilities, `float32 (n, classes)` in [0, 1], with all units, of `uint8` images."""

    # One trace, also for the last batch: twice as fast as without, with the same bits.
    @tf.function(input_signature=[tf.TensorSpec((None, *model.input_shape[1:]), tf.uint8)])  # type: ignore[untyped-decorator]
    def apply(part: tf.Tensor) -> tf.Tensor:
        return model(scale(part), training=False)

    starts = range(0, len(images), EVALUATION_BATCH_SIZE)
    parts = [apply(images[start : start + EVALUATION_BATCH_SIZE]) for start in starts]
    return np.concatenate([part.numpy() for part in parts])


class Means:
    """Accuracy and loss over batches, by Keras' metrics: the mean over images, not over batches."""

    def __init__(self) -> None:
        self._accuracy = keras.metrics.SparseCategoricalAccuracy()
        self._loss = keras.metrics.Mean()

    def add(self, labels: tf.Tensor, predictions: tf.Tensor, loss: tf.Tensor) -> None:
        """Add a batch; `loss` is its mean."""
        self._accuracy.update_state(labels, predictions)
        self._loss.update_state(loss, sample_weight=tf.size(labels))

    def take(self) -> dict[str, float]:
        """Return `accuracy` (0..1) and `loss` (nats), and forget the batches."""
        found = {"accuracy": float(self._accuracy.result()), "loss": float(self._loss.result())}
        self._accuracy.reset_state()
        self._loss.reset_state()
        return found


class Evaluation:
    """Evaluate a network on images of its kind, with all units."""

    def __init__(self, model: keras.Model) -> None:
        self._model = model
        self._means = Means()
        # One trace for any number of images.
        images = tf.TensorSpec((None, *model.input_shape[1:]), tf.uint8)
        labels = tf.TensorSpec([None], tf.int32)
        self._evaluate = tf.function(self._add, input_signature=[images, labels])

    def __call__(self, split: Split) -> dict[str, float]:
        """Return `accuracy` (0..1) and `loss` (mean cross-entropy, nats) on tensors."""
        self._evaluate(split.images, split.labels)
        return self._means.take()

    def _add(self, images: tf.Tensor, labels: tf.Tensor) -> None:
        for start in tf.range(0, tf.size(labels), EVALUATION_BATCH_SIZE):
            part = slice(start, start + EVALUATION_BATCH_SIZE)
            predictions = self._model(scale(images[part]), training=False)
            self._means.add(labels[part], predictions, cross_entropy(labels[part], predictions))
