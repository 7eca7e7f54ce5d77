"""The runs of a study."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace

from experiment.common.errors import InputError
from experiment.common.parameters import Parameters
from experiment.common.variants import Placement
from study.parameters import StudyParameters


@dataclass(frozen=True, order=True)
class Run:
    """One training, and all in which it differs from the others; sorted as the results are.

    Attributes:
        dataset: name or path.
        placement: where Dropout is; `none` where the rate is 0.
        dropout_rate: share of units dropped, in [0, 1).
        train_samples: number of training images, 1 or more.
        dense_units: of the dense layer, 1 or more.
        epochs: passes over the images, 1 or more.
        seed: of weights, order of batches, dropped units and the choice of the images.
    """

    dataset: str
    placement: Placement
    dropout_rate: float
    train_samples: int
    dense_units: int
    epochs: int
    seed: int


def placed(placement: Placement, rate: float) -> Placement:
    """Where Dropout is: a rate of 0 is no Dropout, wherever it was to be."""
    return placement if rate > 0 else "none"


def runs_of(study: StudyParameters, params: Parameters, images: Mapping[str, int]) -> list[Run]:
    """The runs of the grid, each once, in the order of its blocks.

    Args:
        study: the grid, and the seeds of the blocks that name none.
        params: of the pipeline, for the epochs and the dense units of such blocks.
        images: by dataset, the number of training images that validation leaves.

    Raises:
        InputError: a block wants more images than there are, or two want other epochs for the
            same setting.
    """
    runs: dict[Run, None] = {}
    for block in study.grid:
        available = images[block.dataset]
        samples = available if block.train_samples is None else block.train_samples
        if samples > available:
            raise InputError(
                f"study/params.yaml: grid: expected train_samples of {available} or fewer for"
                f" {block.dataset}; found {samples}; lower it, or null for all"
            )
        # Seeds outermost: a study that is stopped has whole comparisons.
        for seed, units, rate, placement in itertools.product(
            block.seeds or study.seeds,
            block.dense_units or [params.model.dense_units],
            block.dropout_rates,
            block.placements,
        ):
            place, epochs = placed(placement, rate), block.epochs or params.train.epochs
            runs[Run(block.dataset, place, float(rate), samples, units, epochs, seed)] = None
    if len({replace(run, epochs=0) for run in runs}) < len(runs):
        raise InputError(
            "study/params.yaml: grid: expected one number of epochs for each setting; found blocks"
            " that differ in epochs alone; remove one"
        )
    return list(runs)
