"""`study/params.yaml`: the runs of the study."""

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from experiment.data.known import DatasetName
from experiment.parameters import Parameters, Section, read_parameters
from experiment.support.errors import InputError
from study.runs import Run

PARAMETERS = Path("study/params.yaml")

DropoutPlacement = Literal["dense", "pooling", "both"]

Seed = Annotated[int, Field(ge=0, lt=2**31)]
Units = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(ge=0, lt=1)]


class Block(Section):
    """A part of the grid: every rate with every placement and seed."""

    dataset: DatasetName
    dropout_rates: list[Rate] = Field(min_length=1)
    placements: list[DropoutPlacement] = Field(min_length=1)
    train_samples: int | None = Field(ge=1)
    epochs: int | None = Field(ge=1)
    dense_units: list[Units] | None = Field(default=None, min_length=1)
    seeds: list[Seed] = Field(min_length=1)


class StudyParameters(Section):
    """All of `study/params.yaml`."""

    grid: list[Block] = Field(min_length=1)


def load_study_parameters(path: Path = PARAMETERS) -> StudyParameters:
    """Read and check the parameters of the study.

    Raises:
        InputError: as `experiment.parameters.read_parameters`.
    """
    return read_parameters(path, StudyParameters)


def runs_of(study: StudyParameters, params: Parameters, images: Mapping[str, int]) -> list[Run]:
    """Return the runs of the grid, each once, in the order of its blocks.

    Args:
        study: the grid.
        params: of the pipeline, for what a block leaves open.
        images: by dataset, the number of training images that validation leaves.

    Raises:
        InputError: a block wants more images than there are.
    """
    runs: dict[Run, None] = {}
    for block in study.grid:
        available = images[block.dataset]
        samples = available if block.train_samples is None else block.train_samples
        if samples > available:
            raise InputError(
                f"{PARAMETERS}: grid: expected train_samples of {available} or fewer for"
                f" {block.dataset}; found {samples}; lower it, or null for all"
            )
        # Seeds outermost: a study that is stopped has whole comparisons.
        for seed, units, rate, placement in itertools.product(
            block.seeds,
            block.dense_units or [params.model.dense_units],
            block.dropout_rates,
            block.placements,
        ):
            runs[
                Run(
                    dataset=block.dataset,
                    placement=placement if rate > 0 else "none",  # a rate of 0 is no Dropout
                    dropout_rate=float(rate),
                    train_samples=samples,
                    dense_units=units,
                    epochs=block.epochs or params.train.epochs,
                    seed=seed,
                )
            ] = None
    return list(runs)
