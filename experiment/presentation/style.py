"""How pictures look, whichever part of the project draws them."""

from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib

# Okabe and Ito's colours, told apart by colour-blind readers (https://jfly.uni-koeln.de/color/);
# these two are also a dark and a light grey.
COLOURS = {"no_dropout": "#0072B2", "dropout": "#E69F00"}
LABELS = {"no_dropout": "without Dropout", "dropout": "with Dropout"}
AXIS_LABELS = {"accuracy": "accuracy", "loss": "loss (cross-entropy, nats)"}


@contextmanager
def plain_style(font_size: float) -> Iterator[None]:
    """Matplotlib's own settings, whatever the user's are.

    A figure is to be drawn and written within: labels of ticks are made when it is written.
    """
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, "font.size": font_size}):
        yield
