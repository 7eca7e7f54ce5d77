"""The variants that are compared, described here alone: labels, plots and screens follow.

A further one is an entry of `VARIANTS`, its stage in dvc.yaml, and what it needs of `build_model`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from experiment.parameters import Parameters

# Where Dropout is: after the dense layer, after the pooling, or after both.
Placement = Literal["none", "dense", "pooling", "both"]


@dataclass(frozen=True)
class Variant:
    """One of the trainings of the pipeline: its name for readers, and `#rrggbb` for its curves.

    `network` returns the arguments of `build_model` in which it differs from the plain network.
    """

    label: str
    colour: str
    network: "Callable[[Parameters], dict[str, Any]]"


# By name: of the stage (`train_` before it), of its files, and in messages. The first is what the
# others are compared with. The colours are Okabe and Ito's, which colour-blind readers can tell
# apart (https://jfly.uni-koeln.de/color/); these two are also a dark and a light grey.
VARIANTS = {
    "no_dropout": Variant("without Dropout", "#0072B2", lambda params: {}),
    "dropout": Variant(
        "with Dropout",
        "#E69F00",
        lambda params: {"dropout_rate": params.train.dropout_rate, "dropout_placement": "dense"},
    ),
}
