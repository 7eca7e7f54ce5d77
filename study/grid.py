"""`study/params.yaml`: the runs of the study."""

import itertools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from experiment.data.known import DatasetName
from experiment.parameters import Parameters, Section
from experiment.support.errors import InputError
from experiment.variants import VARIANTS
from study.runs import Run, plain_setting, setting_of

PARAMETERS = Path("study/params.yaml")

Rate = Annotated[float, Field(ge=0, lt=1)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Units = Annotated[int, Field(ge=1)]


class Block(Section):
    """A part of the grid: every rate with every placement, number of units and seed."""

    dataset: DatasetName
    dropout_rates: list[Rate] = Field(min_length=1)
    placements: list[Literal["dense", "pooling", "both"]] = Field(min_length=1)
    train_samples: int | None = Field(ge=1)
    epochs: int | None = Field(ge=1)
    dense_units: list[Units] | None = Field(default=None, min_length=1)
    seeds: list[Seed] = Field(min_length=1)


class StudyParameters(Section):
    """All of `study/params.yaml`."""

    grid: list[Block] = Field(min_length=1)


def plan_runs(study: StudyParameters, params: Parameters, images: Mapping[str, int]) -> list[Run]:
    """Return the runs of the grid, each once, in the order of its blocks.

    `params` has what a block leaves open; `images`, by dataset, how many validation leaves to train
    on. InputError is raised if a block wants more.
    """
    runs: list[Run] = []
    for block in study.grid:
        available = images[block.dataset]
        samples = available if block.train_samples is None else block.train_samples
        if samples > available:
            raise InputError(
                f"{PARAMETERS}: grid: expected train_samples of {available} or fewer for"
                f" {block.dataset}; found {samples}; lower it, or null for all"
            )
        epochs = block.epochs or params.train.epochs
        plain = replace(plain_setting(params, samples), dataset=block.dataset, epochs=epochs)
        units = block.dense_units or [plain.dense_units]
        # Seeds outermost: a study that is stopped has whole comparisons.
        for seed, size, rate, placement in itertools.product(
            block.seeds, units, block.dropout_rates, block.placements
        ):
            setting = replace(plain, dense_units=size)
            if rate > 0:  # a rate of 0 is no Dropout, wherever it is
                setting = replace(setting, placement=placement, dropout_rate=float(rate))
            runs.append((setting, seed))
    return list(dict.fromkeys(runs))


def plan_seeds(number: int, params: Parameters, images: Mapping[str, int]) -> list[Run]:
    """Return the runs of the pipeline's variants with the first seeds besides its own."""
    seeds = [seed for seed in range(number + 1) if seed != params.train.seed][:number]
    samples = params.preprocess.train_samples or images[params.data.dataset]
    settings = [setting_of(params, variant, samples) for variant in VARIANTS]
    return list(dict.fromkeys((setting, seed) for seed in seeds for setting in settings))
