"""`gate.yaml`: which metric may get how much worse; typed, frozen, checked before anything else."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from gate.errors import CannotCompareError, shown
from gate.reading import read_yaml
from gate.revisions import Source

SETTINGS = "gate.yaml"


class _Section(BaseModel):
    # strict: "5" is not 5 and 1 is not true, as in params.yaml.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Margin(_Section):
    """How much worse is still no worse; one of the three, each 0 or more.

    Attributes:
        absolute: in the metric's unit.
        relative: share of the base's value, as 0.05 for 5 %.
        deviations: in standard deviations over seeds, which the study has measured.
        without_study: absolute, used only where the study has not measured them.
    """

    absolute: float | None = Field(default=None, ge=0)
    relative: float | None = Field(default=None, ge=0)
    deviations: float | None = Field(default=None, ge=0)
    without_study: float | None = Field(default=None, ge=0)


def _of_one_kind(margin: Margin) -> Margin:
    kinds = [k for k in ("absolute", "relative", "deviations") if getattr(margin, k) is not None]
    if len(kinds) != 1:
        found = " and ".join(kinds) or "none"
        raise ValueError(f"expected one of absolute, relative, deviations, but found {found}")
    if margin.without_study is not None and margin.deviations is None:
        raise ValueError("expected `without_study` beside `deviations` only")
    return margin


OneMargin = Annotated[Margin, AfterValidator(_of_one_kind)]


class Rule(_Section):
    """What is asked of one metric.

    Attributes:
        better: which values are better.
        margin: for the committed run against the base's.
        blocks: whether a value that is worse refuses the change, or is only reported.
        formerly: the name that the base knows it by, `key` or `file:key`; None for the same.
        over_seeds: margin for the mean over the study's seeds; None where that is not tested.
    """

    better: Literal["higher", "lower"]
    margin: OneMargin
    blocks: bool
    formerly: str | None = None
    over_seeds: OneMargin | None = None


class SeedSettings(_Section):
    """How results of several seeds are tested.

    Attributes:
        level: of all tests together, one-sided, above 0 and below 0.5.
        pairs: seeds that both sides must have; 5 or more.
        rows: by metrics file, its rows of metrics/study_runs.csv: the value of each named column.
    """

    level: float = Field(gt=0, lt=0.5)
    pairs: int = Field(ge=5)
    rows: Mapping[str, Mapping[str, str | float]]


class Settings(_Section):
    """All of `gate.yaml`.

    Attributes:
        stale_results: what results mean that are not of the parameters and code beside them:
            `refuse` (nothing to compare, status 2) or `inform`.
        seeds: see there.
        metrics: by metrics file, by key.
    """

    stale_results: Literal["refuse", "inform"]
    seeds: SeedSettings
    metrics: Mapping[str, Mapping[str, Rule]]


def load_settings(source: Source) -> Settings:
    """Reads and checks `gate.yaml`.

    Raises:
        CannotCompareError: the file is missing or broken, or a key is unknown, missing, of the
            wrong type or out of its range; the first such key is named, and how many more.
    """
    content = read_yaml(source, SETTINGS)
    if content is None:
        raise CannotCompareError(f"{SETTINGS}: no such file; run this at the top of the repository")
    try:
        settings = Settings.model_validate(content)
    except ValidationError as error:
        problems = list(_describe(error))
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise CannotCompareError(f"{SETTINGS}: {problems[0]}{more}") from None
    if not any(rule.blocks for rules in settings.metrics.values() for rule in rules.values()):
        raise CannotCompareError(
            f"{SETTINGS}: expected a metric with `blocks: true`; found none; mark one"
        )
    unknown = sorted(
        file
        for file, rules in settings.metrics.items()
        if any(rule.over_seeds for rule in rules.values()) and file not in settings.seeds.rows
    )
    if unknown:
        raise CannotCompareError(
            f"{SETTINGS}: seeds.rows: expected {unknown[0]}, which has a metric with `over_seeds`;"
            " found none; name its rows"
        )
    return settings


def _describe(error: ValidationError) -> Iterator[str]:
    """One line for each problem, unknown names first: a typo is also a missing key."""
    details = error.errors(include_url=False)
    for detail in sorted(details, key=lambda detail: detail["type"] != "extra_forbidden"):
        name = ": ".join(map(str, detail["loc"]))
        if detail["type"] == "extra_forbidden":
            nearest = difflib.get_close_matches(str(detail["loc"][-1]), _all_names(), n=1)
            hint = f"did you mean {nearest[0]}?" if nearest else "remove it"
            yield f"{name}: there is no such setting; {hint}"
        elif detail["type"] == "missing":
            yield f"{name}: expected a value, found none; add it"
        elif detail["type"] == "value_error":
            yield f"{name}: {detail['ctx']['error']}; mend it"
        else:
            expected = detail["msg"].removeprefix("Input should be ")
            yield f"{name}: expected {expected}; found {shown(detail['input'])}"


def _all_names() -> list[str]:
    return [name for model in (Settings, SeedSettings, Rule, Margin) for name in model.model_fields]
