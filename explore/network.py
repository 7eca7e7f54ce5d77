"""`python -m explore.network`: the network with Dropout and some test images, for the page.

The model is DVC's, the page is made from what Git has: so this writes explore/network.json, weights
as whole numbers of 15 bits, when the pipeline has trained another network.
"""

import base64
import hashlib
import io
import json
import zipfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from experiment.files import replacing
from experiment.parameters import load_parameters
from experiment.support.errors import InputError, one_line_errors

MODEL, IMAGES = Path("models/dropout.keras"), Path("data/processed/test.npz")
NETWORK = Path("explore/network.json")
LAYERS = ("conv2d", "dense", "dense_1")  # as Keras names them in the file
LARGEST = 2**14 - 1  # probabilities then differ by less than 0.001
FIRST, UNSURE = 8, 2  # images of each class
MASKS = 200  # that vote


@dataclass(frozen=True)
class Network:
    """The network with Dropout after its dense layer, in NumPy.

    Attributes:
        weights: kernel and bias of the convolution, the dense and the output layer, float32.
        rate: share of the dense units that were dropped in training.
        images: of the test set, uint8 (n, 28, 28).
        labels: theirs.
    """

    weights: list[np.ndarray]
    rate: float
    images: np.ndarray
    labels: np.ndarray

    def units(self, images: np.ndarray) -> np.ndarray:
        """What the dense layer gives for `uint8 (n, 28, 28)`: `float32 (n, units)`."""
        kernel, bias, dense, dense_bias = self.weights[:4]
        x = images.astype(np.float32) / 255
        patches = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], axis=(1, 2))
        n, height, width = patches.shape[:3]
        maps = patches.reshape(n, height, width, -1) @ kernel.reshape(-1, kernel.shape[-1]) + bias
        pooled = maps[:, : height // 2 * 2, : width // 2 * 2].reshape(
            n, height // 2, 2, width // 2, 2, -1
        )
        flat = np.maximum(pooled.max(axis=(2, 4)), 0).reshape(n, -1)
        outputs: np.ndarray = np.maximum(flat @ dense + dense_bias, 0)
        return outputs

    def mask(self, random: np.random.Generator) -> np.ndarray:
        """Which units of the dense layer Dropout keeps, by lot."""
        return random.random(len(self.weights[3])) >= self.rate

    def masked(self, units: np.ndarray, kept: np.ndarray) -> np.ndarray:
        """The outputs of the dense layer after Dropout; those that stay make up for the others."""
        outputs: np.ndarray = units * kept / np.float32(1 - self.rate)
        return outputs

    def probabilities(self, units: np.ndarray) -> np.ndarray:
        """Of each class, in `(n, classes)`, from the outputs of the dense layer."""
        logits = units @ self.weights[4] + self.weights[5]
        powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
        found: np.ndarray = powers / powers.sum(axis=-1, keepdims=True)
        return found


def main() -> None:
    """Writes explore/network.json from the model and the test images of the pipeline."""
    with one_line_errors("explore.network"):
        for path in (MODEL, IMAGES):
            if not path.is_file():
                raise InputError(f"{path}: no such file; run `make repro`")
        rate = load_parameters().train.dropout_rate
        with np.load(IMAGES) as arrays:
            images, labels = arrays["images"][..., 0], arrays["labels"]
        network = Network(read_weights(MODEL), rate, images, labels)
        units = np.concatenate([network.units(part) for part in np.array_split(images, 20)])
        probabilities = network.probabilities(units)
        chosen = choose(probabilities, labels)
        md5 = hashlib.md5(MODEL.read_bytes(), usedforsecurity=False).hexdigest()
        more = {
            "exact": probabilities[chosen].round(6).astype(float).tolist(),
            "md5": md5,
            "test": accuracies(network, units),
        }
        write(NETWORK, replace(network, images=images[chosen], labels=labels[chosen]), more)


def read_weights(path: Path) -> list[np.ndarray]:
    """Kernels and biases of a `.keras` file, in the order of `LAYERS`."""
    with (
        zipfile.ZipFile(path) as archive,
        h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file,
    ):
        return [file[f"layers/{name}/vars/{part}"][()] for name in LAYERS for part in (0, 1)]


def choose(probabilities: np.ndarray, labels: np.ndarray) -> list[int]:
    """By class, the first images, and those on which the network is least sure of the label."""
    sure = probabilities[np.arange(len(labels)), labels]
    chosen = []
    for label in np.unique(labels):
        first, others = np.split(np.flatnonzero(labels == label), [FIRST])
        least = others[np.argsort(sure[others], kind="stable")][:UNSURE]
        chosen += [*first.tolist(), *sorted(least.tolist())]
    return chosen


def accuracies(network: Network, units: np.ndarray) -> dict[str, float]:
    """Of all units, of a single mask (mean over masks), and of the mean of the masks."""
    random = np.random.default_rng(0)
    each, total = [], np.zeros((len(units), len(network.weights[5])))
    for _ in range(MASKS):
        probabilities = network.probabilities(network.masked(units, network.mask(random)))
        each.append((probabilities.argmax(axis=1) == network.labels).mean())
        total = total + probabilities
    return {
        "full": float((network.probabilities(units).argmax(axis=1) == network.labels).mean()),
        "one": float(np.mean(each)),
        "mean": float((total.argmax(axis=1) == network.labels).mean()),
    }


def write(path: Path, network: Network, more: dict[str, Any]) -> None:
    """One line for each part. Low and high bytes of the weights are apart, which packs better.

    Args:
        path: of the file.
        network: what is in it.
        more: by name, of the model before its weights are rounded: `exact` probabilities of the
            images, `md5` of its file, as dvc.lock has it, and accuracies on all `test` images.
    """
    scales = [float(np.abs(array).max()) / LARGEST for array in network.weights]
    whole = [
        np.rint(array / scale).astype("<i2").ravel()
        for array, scale in zip(network.weights, scales, strict=True)
    ]
    content = more | {
        "images": packed(network.images.tobytes()),
        "labels": network.labels.tolist(),
        "rate": network.rate,
        "scales": scales,
        "shapes": [array.shape for array in network.weights],
        "weights": packed(np.concatenate(whole).view(np.uint8).reshape(-1, 2).T.tobytes()),
    }
    lines = ",\n".join(
        f"{json.dumps(name)}: {json.dumps(content[name])}" for name in sorted(content)
    )
    with replacing(path) as temporary:
        temporary.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8", newline="\n")


def read(path: Path) -> dict[str, Any]:
    """What `write` wrote.

    Raises:
        InputError: it is missing or damaged.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not JSON"
        raise InputError(f"{path}: {reason}; restore it with git") from None
    return content


def unpack(content: dict[str, Any]) -> Network:
    """The network that `read` gave."""
    planes = np.frombuffer(unpacked(content["weights"]), np.uint8).reshape(2, -1)
    values = np.ascontiguousarray(planes.T).view("<i2").ravel().astype(np.float32)
    ends = np.cumsum([np.prod(shape) for shape in content["shapes"]])
    weights = [
        (part * scale).astype(np.float32).reshape(shape)
        for part, scale, shape in zip(
            np.split(values, ends[:-1]), content["scales"], content["shapes"], strict=True
        )
    ]
    images = np.frombuffer(unpacked(content["images"]), np.uint8).reshape(-1, 28, 28)
    return Network(weights, content["rate"], images, np.array(content["labels"]))


def packed(data: bytes) -> str:
    """Deflated, in base 64: the page's script inflates it."""
    return base64.b64encode(zlib.compress(data, 9)).decode()


def unpacked(text: str) -> bytes:
    """What `packed` was given."""
    return zlib.decompress(base64.b64decode(text))


if __name__ == "__main__":
    main()
