"""What the study found, as its files say it."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiment.common.errors import InputError
from experiment.common.parameters import Parameters, load_parameters
from study.claims import RATE, UNITS
from study.judging import ClaimResult, PartResult
from study.parameters import StudyParameters, load_study_parameters
from study.paths import CLAIMS, RUNS, SUMMARY
from study.statistics import Estimate
from study.table import Setting, Table, read_table


@dataclass(frozen=True)
class Results:
    """All that the pages are made from.

    Attributes:
        table: the finished runs.
        summary: see `study.summarise`; its keys are settings.
        claims: as they were judged.
        params: of the pipeline.
        study: of the study.
    """

    table: Table
    summary: dict[str, dict[str, Any]]
    claims: list[ClaimResult]
    params: Parameters
    study: StudyParameters

    @property
    def metric(self) -> str:
        """What accuracy on unseen images is measured by."""
        return self.study.statistics.primary_metric

    def settings(self) -> list[Setting]:
        """Those with figures: MNIST first, all images first, no Dropout first, then by rate."""
        places = ("none", "dense", "pooling", "both")
        known = [s for s in self.table.settings() if str(s) in self.summary["settings"]]
        known.sort(key=lambda s: (-s.train_samples, places.index(s.placement), s.dropout_rate))
        return sorted(known, key=lambda s: (s.dataset != "mnist", s.dataset))

    def compared(self) -> list[Setting]:
        """By dataset, the claims' rate after the dense layer, with all images."""
        found = []
        for dataset in dict.fromkeys(setting.dataset for setting in self.settings()):
            setting = Setting(dataset, "dense", RATE, self.table.all_samples(dataset), UNITS)
            if str(setting) in self.summary["differences"]:
                found.append(setting)
        return found

    def mean(self, setting: Setting, metric: str) -> float:
        """Over seeds."""
        return float(self.summary["settings"][str(setting)][metric]["mean"])

    def difference(self, setting: Setting, metric: str) -> Estimate:
        """To the same without Dropout, paired by seed."""
        figures = self.summary["differences"][str(setting)][metric]
        return Estimate(figures["mean"], math.nan, figures["low"], figures["high"])

    def pairs(self, setting: Setting) -> int:
        """Number of seeds with and without Dropout."""
        without = self.table.of(setting.without_dropout()).index
        return len(self.table.of(setting).index.intersection(without))


def read_results() -> Results | None:
    """What the study wrote, or None where it has not run.

    Raises:
        InputError: a file is missing or damaged.
    """
    if not SUMMARY.exists():
        return None
    study = load_study_parameters()
    table = read_table(RUNS, needed=[study.statistics.primary_metric, "validation_loss_rise"])
    try:
        summary = _read(SUMMARY)
        if not {"differences", "noise", "settings"} <= set(summary):
            raise KeyError("differences, noise or settings")
        claims = [_judged(claim) for _, claim in sorted(_read(CLAIMS).items())]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{SUMMARY}, {CLAIMS}: not as the study writes them ({error}); run `make study`"
        ) from None
    return Results(table, summary, claims, load_parameters(), study)


def _read(path: Path) -> dict[str, Any]:
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise TypeError(f"{path} is no mapping")
    return content


def _judged(claim: dict[str, Any]) -> ClaimResult:
    parts = tuple(
        PartResult(part["quantity"], part["figure"] and Estimate(**part["figure"]), part["verdict"])
        for part in claim["parts"]
    )
    return ClaimResult(claim["id"], claim["claim"], claim["rule"], parts, claim["verdict"])
