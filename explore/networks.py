"""`python -m explore.networks`: both trained networks and some test images, for the page.

The models are DVC's and the page is made from what Git has. So this writes explore/networks.json,
with the weights of the dense layers as 8 bits, whenever the pipeline has trained other networks.
"""

import base64
import hashlib
import io
import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from scipy.special import softmax

from experiment.files import write_text
from experiment.parameters import load_parameters
from experiment.support.errors import InputError, one_line_errors, wrong
from explore.runs import SIDES

IMAGES = Path("data/processed/test.npz")
NETWORKS = Path("explore/networks.json")
LAYERS = ("conv2d", "dense", "dense_1")  # as Keras names them in the file
DATASET = "mnist"  # the page speaks of digits, and draws them as they are there
EACH = 10  # images of each class
STRONGEST = 10  # units that are switched off
MASKS = 200  # that vote

Weights = list[np.ndarray]  # kernel and bias of the convolution, the dense and the output layer


def main() -> None:
    """Write explore/networks.json from the models and the test images of the pipeline."""
    with one_line_errors("explore.networks"):
        params = load_parameters()
        if params.data.dataset != DATASET:
            remedy = "the page is about digits"
            raise wrong("params.yaml: data.dataset", DATASET, params.data.dataset, remedy)
        models = {name: Path(f"models/{name}.keras") for name in SIDES.values()}
        for path in (*models.values(), IMAGES):
            if not path.is_file():
                raise InputError(f"{path}: no such file; run `make repro`")
        with np.load(IMAGES) as arrays:
            images, labels = arrays["images"][..., 0], arrays["labels"]
        chosen = np.concatenate([np.flatnonzero(labels == c)[:EACH] for c in np.unique(labels)])
        networks, left = {}, []
        for name, path in models.items():
            weights = read_weights(path)
            parts = [compute_units(weights, part) for part in np.array_split(images, 20)]
            units = np.concatenate(parts)
            networks[name] = {
                "md5": hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest(),
                "test": measure(weights, units, labels, params.train.dropout_rate),
                "weights": pack_weights(weights),
            }
            weakened = compute_probabilities(weights, switch_off_strongest(units[chosen]))
            left.append(weakened[np.arange(len(chosen)), labels[chosen]])
        content = {
            "images": pack(images[chosen].tobytes()),
            "masks": MASKS,
            "networks": networks,
            "rate": params.train.dropout_rate,
            "seed": params.train.seed,
            # Shown first: where the strongest units matter most to one network and not the other.
            "start": int(np.argmax(left[1] - left[0])),
            "strongest": STRONGEST,
            "tested": len(images),
        }
        write_text(NETWORKS, json.dumps(content, sort_keys=True) + "\n")


def read_weights(path: Path) -> Weights:
    """Return kernels and biases of a `.keras` file, in the order of `LAYERS`."""
    with (
        zipfile.ZipFile(path) as archive,
        h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file,
    ):
        return [file[f"layers/{name}/vars/{part}"][()] for name in LAYERS for part in (0, 1)]


def compute_units(weights: Weights, images: np.ndarray) -> np.ndarray:
    """Return the dense layer's outputs, `float32 (n, units)`, for `uint8 (n, h, w)`, both even."""
    kernel, bias, dense, dense_bias = weights[:4]
    x = images.astype(np.float32) / 255
    patches = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], axis=(1, 2))
    maps = np.tensordot(patches, kernel[:, :, 0], axes=2) + bias
    n, height, width, filters = maps.shape
    quarters = maps.reshape(n, height // 2, 2, width // 2, 2, filters)
    flat = np.maximum(quarters.max(axis=(2, 4)), 0).reshape(n, -1)
    outputs: np.ndarray = np.maximum(flat @ dense + dense_bias, 0)
    return outputs


def compute_probabilities(weights: Weights, units: np.ndarray) -> np.ndarray:
    """Return those of each class, `float64 (..., classes)`, from the outputs of the dense layer."""
    found: np.ndarray = softmax((units @ weights[4] + weights[5]).astype(float), axis=-1)
    return found


def measure(
    weights: Weights, units: np.ndarray, labels: np.ndarray, rate: float
) -> dict[str, float]:
    """Return shares of all images, in percent, for what the page says of a network.

    Returns:
        `all`, `one`, `mean`: right with all units, with a mask of Dropout (mean over masks), and
        by the mean of the masks' probabilities; `survive`: same answer as with all units after
        the strongest units of each image are switched off.
    """
    kept = np.random.default_rng(0).random((MASKS, units.shape[1])) >= rate
    each = [compute_probabilities(weights, units * mask / np.float32(1 - rate)) for mask in kept]
    answers, weakened = (
        compute_probabilities(weights, found).argmax(axis=1)
        for found in (units, switch_off_strongest(units))
    )
    shares = {
        "all": answers == labels,
        "one": np.array([found.argmax(axis=1) == labels for found in each]),
        "mean": np.sum(each, axis=0).argmax(axis=1) == labels,
        "survive": answers == weakened,
    }
    return {name: float(100 * share.mean()) for name, share in shares.items()}


def switch_off_strongest(units: np.ndarray) -> np.ndarray:
    """Return `(n, units)` with the `STRONGEST` largest outputs of each image at 0."""
    found = units.copy()
    strongest = np.argsort(-units, axis=1, kind="stable")[:, :STRONGEST]
    np.put_along_axis(found, strongest, 0, axis=1)
    return found


def pack_weights(weights: Weights) -> list[Any]:
    """Pack the dense kernel as 8 bits with a scale per unit; all else is small and stays exact."""
    kernel = weights[2]
    scale = np.abs(kernel).max(axis=0) / np.float32(127)
    whole = np.rint(kernel / np.where(scale > 0, scale, 1)).astype(np.int8)
    packed: list[Any] = [array.ravel().tolist() for array in weights]
    packed[2] = {"scale": scale.tolist(), "whole": pack(whole.tobytes())}
    return packed


def pack(data: bytes) -> str:
    """Deflate into base 64; the page's script inflates it."""
    return base64.b64encode(zlib.compress(data, 9)).decode()


if __name__ == "__main__":
    main()
