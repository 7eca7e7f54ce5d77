"""Style of all pictures, whichever part of the project draws them."""

from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib

from experiment.variants import VARIANTS

COLOURS = {name: variant.colour for name, variant in VARIANTS.items()}
LABELS = {name: variant.label for name, variant in VARIANTS.items()}
AXIS_LABELS = {"accuracy": "accuracy", "loss": "loss (cross-entropy, nats)"}


@contextmanager
def plain_style(font_size: float) -> Iterator[None]:
    """Use matplotlib's own settings, whatever the user's are.

    Draw and write a figure within the block: tick labels are made when it is written.
    """
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, "font.size": font_size}):
        yield
