"""The variants that are compared: the same network and training, alike but for Dropout."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from experiment.parameters import TrainParameters

# Where Dropout is: after the dense layer, after the pooling, or after both.
Placement = Literal["none", "dense", "pooling", "both"]


@dataclass(frozen=True)
class Variant:
    """One of the trainings of the pipeline.

    Attributes:
        label: as a reader meets it.
        colour: of its curves, as `#rrggbb`.
        placement: where Dropout is.
        rate: share of the units to drop in training, in [0, 1), by the parameters.
    """

    label: str
    colour: str
    placement: Placement
    rate: "Callable[[TrainParameters], float]"


# By name: of the stage (`train_` before it), of its files, and in messages. The colours are Okabe
# and Ito's, told apart by colour-blind readers (https://jfly.uni-koeln.de/color/); these two are
# also a dark and a light grey.
VARIANTS = {
    "no_dropout": Variant("without Dropout", "#0072B2", "none", lambda train: 0.0),
    "dropout": Variant("with Dropout", "#E69F00", "dense", lambda train: train.dropout_rate),
}
