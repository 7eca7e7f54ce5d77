"""The least that a training costs: its operations and bytes, counted from the layers' shapes."""

from dataclasses import dataclass

FLOAT_BYTES = 4

# Kingma and Ba, https://arxiv.org/abs/1412.6980: an update reads w, m, v and the gradient, and
# writes w, m and v.
ADAM_READS_AND_WRITES = 7


@dataclass(frozen=True)
class Network:
    """The network of the experiment.

    Attributes:
        side: pixels of an image along each side.
        kernel: of the convolution, along each side, without padding.
        filters: of the convolution.
        pool: side of the pooling's squares.
        units: of the dense layer.
        classes: units of the output.
    """

    side: int
    kernel: int
    filters: int
    pool: int
    units: int
    classes: int

    @property
    def convolved(self) -> int:
        """Side of the convolution's output."""
        return self.side - self.kernel + 1

    @property
    def features(self) -> int:
        """Inputs of the dense layer: what the pooling leaves."""
        return (self.convolved // self.pool) ** 2 * self.filters

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return (
            (self.kernel**2 + 1) * self.filters
            + (self.features + 1) * self.units
            + (self.units + 1) * self.classes
        )


def convolution_flops(network: Network, images: int) -> int:
    """Of the convolution of one channel: a multiplication and an addition for each output and tap.

    The gradient of its filters takes as many. That of its input, the image, nobody needs.
    """
    return 2 * images * network.convolved**2 * network.filters * network.kernel**2


def dense_flops(inputs: int, units: int, images: int) -> int:
    """Of the product `(images, inputs) x (inputs, units)`.

    The gradients of its weights and of its input are products of the same size.
    """
    return 2 * images * inputs * units


def forward_flops(network: Network, images: int) -> int:
    """Of one pass forward; biases, ReLU, pooling, softmax and Dropout are left out: below 5 %."""
    return (
        convolution_flops(network, images)
        + dense_flops(network.features, network.units, images)
        + dense_flops(network.units, network.classes, images)
    )


def update_flops(network: Network, images: int) -> int:
    """Of one update: forward, and backward twice that but for the gradient of the images."""
    return 3 * forward_flops(network, images) - convolution_flops(network, images)


def update_bytes(network: Network) -> int:
    """That Adam reads and writes in one update."""
    return ADAM_READS_AND_WRITES * FLOAT_BYTES * network.parameters


def epoch_seconds(
    network: Network,
    *,
    batch_size: int,
    train_images: int,
    validation_images: int,
    flops_per_second: float,
    bytes_per_second: float,
) -> float:
    """The floor of one epoch of one variant: its updates, then the validation images.

    Operations and bytes come one after the other, for Adam waits for the gradient. Where caches
    hold the weights, bytes can come faster than a copy of a large array.

    Args:
        network: what is trained.
        batch_size: images per update.
        train_images: per epoch.
        validation_images: evaluated after it, forward alone.
        flops_per_second: that a matrix product reaches, on all cores.
        bytes_per_second: read and written, that a copy reaches, on all cores.
    """
    updates = -(-train_images // batch_size)
    flops = train_images * update_flops(network, 1) + forward_flops(network, validation_images)
    return flops / flops_per_second + updates * update_bytes(network) / bytes_per_second
