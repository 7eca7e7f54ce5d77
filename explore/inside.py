"""The network in the page before anybody has touched it: one image with one mask, and with 200."""

import base64
import io
from typing import Any

import matplotlib.image
import numpy as np

from explore.network import MASKS, Network


def look_inside(trained: Network, words: dict[str, str]) -> dict[str, Any]:
    """The image on which single masks disagree most, of those that all units get right."""
    random = np.random.default_rng(0)
    units, labels = trained.units(trained.images), trained.labels
    masks = [trained.mask(random) for _ in range(MASKS)]
    each = np.stack([trained.probabilities(trained.masked(units, kept)) for kept in masks])
    full, mean = trained.probabilities(units), each.mean(axis=0)
    right = full.argmax(axis=1) == labels
    image = int(np.argmin(np.where(right, mean[np.arange(len(labels)), labels], 2)))
    votes = np.bincount(each[:, image].argmax(axis=1), minlength=full.shape[1]).tolist()
    shown = {"full": full[image], "one": each[0, image], "mean": mean[image]}
    dropped = np.flatnonzero(~masks[0]).tolist()
    rows = [[f"{100 * p:.1f}" for p in digit] for digit in zip(*shown.values(), strict=True)]
    return {
        "image": image,
        "label": labels[image],
        "picture": png(trained.images[image]),
        "units": [f"{value:.2f}" for value in units[image] / units[image].max()],
        "dropped": dropped,
        "rows": [[*row, vote] for row, vote in zip(rows, votes, strict=True)],
        "says": words["says"].format(
            **{name: p.argmax() for name, p in shown.items()},
            **{f"{name}_p": f"{100 * p.max():.1f}" for name, p in shown.items()},
            dropped=len(dropped), units=len(masks[0]), votes=votes[shown["mean"].argmax()],
        ),
    }  # fmt: skip


def png(image: np.ndarray) -> str:
    """A `uint8 (h, w)` image as an address of data."""
    file = io.BytesIO()
    without: dict[str, Any] = {"Software": None}  # matplotlib's version
    matplotlib.image.imsave(file, image, cmap="gray", metadata=without)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
