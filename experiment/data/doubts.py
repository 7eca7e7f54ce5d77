"""What is unusual in a dataset and may mislead, though it can be trained on."""

from collections.abc import Iterator, Mapping

import numpy as np

from experiment.data.dataset import classes_named
from experiment.data.images import rescaling
from experiment.splits import Split

# Shares of the images of a part from which it is said.
REPEATED, BLANK = 0.01, 0.01


def doubts(parts: Mapping[str, Split]) -> Iterator[str]:
    """A line for each thing unusual, with what may be done about it.

    Args:
        parts: `train`, `validation` and `test`, as `divide` returns them.
    """
    for name, part in parts.items():
        low, high = int(part.images.min()), int(part.images.max())
        if high - low < 128:
            yield f"{name}: pixels are {low} to {high} of 0..255; {rescaling(low, high, 'x')}"
        blank = (part.images.min(axis=(1, 2, 3)) == part.images.max(axis=(1, 2, 3))).mean()
        if blank > BLANK:
            yield f"{name}: {blank:.1%} of the images are blank (all pixels the same)"
    train = parts["train"]
    known = {hash(image.tobytes()) for image in train.images}
    for name in ("validation", "test"):
        part = parts[name]
        repeated = np.mean([hash(image.tobytes()) in known for image in part.images])
        if repeated > REPEATED:
            yield (
                f"{name}: {repeated:.1%} of the images are training images, too; accuracy there"
                " counts images that were trained on"
            )
        brightness, expected = part.images.mean(), train.images.mean()
        if abs(brightness - expected) > 64:
            yield (
                f"{name}: mean brightness is {brightness:.0f}, that of the training images"
                f" {expected:.0f}; is one of them inverted or of another scale?"
            )
        yield from _uneven_shares(name, part, train)


def _uneven_shares(name: str, part: Split, train: Split) -> Iterator[str]:
    """A line where a class has far more or fewer images than in training.

    Far: half or double the share, and by more than five standard errors, so that chance does not
    explain it.
    """
    here, there = (np.bincount(s.labels, minlength=train.classes) for s in (part, train))
    found, expected = here / here.sum(), there / there.sum()
    pooled = (here + there) / (here.sum() + there.sum())
    error = np.sqrt(pooled * (1 - pooled) * (1 / here.sum() + 1 / there.sum()))
    far = np.abs(found - expected) > 5 * error
    far &= np.maximum(found, expected) > 2 * np.minimum(found, expected)
    if far.any():
        worst = int(np.argmax(np.where(far, np.abs(found - expected), 0)))
        remedy = "; try preprocess.validation_from: stratified" if name == "validation" else ""
        yield (
            f"{name}: the share of {classes_named(np.flatnonzero(far))} is not that of training"
            f" (class {worst}: {found[worst]:.1%}, in training {expected[worst]:.1%}){remedy}"
        )
