"""`study/params.yaml`: what is trained, and how it is judged."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from experiment.common.parameters import Section, read_parameters
from experiment.data.known import DatasetName
from study.paths import PARAMETERS

DropoutPlacement = Literal["dense", "pooling", "both"]
Metric = Literal["test_accuracy", "validation_accuracy", "best_validation_accuracy"]

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


class StatisticsParameters(Section):
    """How the runs are judged."""

    primary_metric: Metric
    confidence_level: float = Field(gt=0, lt=1)
    resamples: int = Field(ge=100)
    seed: Seed

    @property
    def level(self) -> str:
        """The confidence level in percent, such as 95 or 99.9."""
        return f"{100 * self.confidence_level:g}"


class StudyParameters(Section):
    """All of `study/params.yaml`."""

    seeds: list[Seed] = Field(min_length=1)
    device: Literal["cpu", "gpu"]
    grid: list[Block] = Field(min_length=1)
    statistics: StatisticsParameters


def load_study_parameters(path: Path = PARAMETERS) -> StudyParameters:
    """Reads and checks the parameters of the study.

    Raises:
        InputError: as `experiment.common.parameters.read_parameters`.
    """
    return read_parameters(path, StudyParameters)
