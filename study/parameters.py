"""`study/params.yaml`: what is trained."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from experiment.common.parameters import Section, read_parameters
from experiment.data.known import DatasetName
from study.paths import PARAMETERS

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
    seeds: list[Seed] | None = Field(default=None, min_length=1)


class StudyParameters(Section):
    """All of `study/params.yaml`."""

    seeds: list[Seed] = Field(min_length=1)
    device: Literal["cpu", "gpu"]
    grid: list[Block] = Field(min_length=1)


def load_study_parameters(path: Path = PARAMETERS) -> StudyParameters:
    """Reads and checks the parameters of the study.

    Raises:
        InputError: as `experiment.common.parameters.read_parameters`.
    """
    return read_parameters(path, StudyParameters)
