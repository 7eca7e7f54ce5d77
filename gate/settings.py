"""`gate.yaml`: which metric may get how much worse; typed, frozen, checked before anything else."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from dvc.exceptions import DvcException
from dvc.utils.serialize import parse_yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from gate.errors import CannotCompareError, one_line, shown

SETTINGS = "gate.yaml"
KINDS = ("absolute", "relative", "deviations", "standard_errors")


class _Section(BaseModel):
    # strict: "5" is not 5 and 1 is not true.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Margin(_Section):
    """How much worse is still no worse; one of the first four, each 0 or more.

    Attributes:
        absolute: in the metric's unit.
        relative: share of the base's value, as 0.05 for 5 %.
        deviations: in standard deviations over the seeds of `runs`.
        standard_errors: of the difference of two means over those seeds; for `over_runs` only.
        without_runs: absolute, used if neither side has the runs that `deviations` come from.
    """

    absolute: float | None = Field(default=None, ge=0)
    relative: float | None = Field(default=None, ge=0)
    deviations: float | None = Field(default=None, ge=0)
    standard_errors: float | None = Field(default=None, ge=0)
    without_runs: float | None = Field(default=None, ge=0)

    def kinds(self) -> list[str]:
        """Those of the exclusive settings that are given."""
        return [kind for kind in KINDS if getattr(self, kind) is not None]


def _of_one_kind(margin: Margin) -> Margin:
    if len(kinds := margin.kinds()) != 1:
        found = " and ".join(kinds) or "none"
        raise ValueError(f"expected one of {', '.join(KINDS)}, but found {found}")
    return margin


OneMargin = Annotated[Margin, AfterValidator(_of_one_kind)]


class Entry(_Section):
    """What one entry of gate.yaml asks of the metrics that it matches; the rest may be in another.

    Attributes:
        better: which values are better; None for a metric that only has limits.
        margin: how much worse than the base, or the anchor, it may be.
        at_least, at_most: limits of the value itself, which need no base.
        blocks: whether a value that is worse refuses the change, or is only reported.
        formerly: the name that the base knows it by, `key` or `file:key`; None for the same.
        over_runs: margin for the mean over the seeds of `runs`; None if that is not tested.
    """

    better: Literal["higher", "lower"] | None = None
    margin: Margin | None = None
    at_least: float | None = None
    at_most: float | None = None
    blocks: bool = False
    formerly: str | None = None
    over_runs: Margin | None = None


class Rule(Entry):
    """All that is asked of one metric."""

    margin: OneMargin | None = None
    over_runs: OneMargin | None = None

    @model_validator(mode="after")
    def _complete(self) -> "Rule":
        if self.better is None and self.at_least is None and self.at_most is None:
            raise ValueError("expected `better`, `at_least` or `at_most`, but found none")
        if self.better is not None and self.margin is None:
            raise ValueError("expected a `margin` beside `better`, but found none")
        return self


class RunsOfFile(_Section):
    """The runs that repeat one metrics file with other seeds.

    Attributes:
        rows: which rows of the table: the value of each named column.
        parameters: what they were made with, by `file: name`; the gate says which side differs.
    """

    rows: Mapping[str, str | float]
    parameters: Mapping[str, Any] = {}


class RunsSettings(_Section):
    """Where runs with many seeds are, and how they are tested.

    Attributes:
        file: a CSV file with one row per run and one column per metric.
        seed: its column of seeds.
        level: of all tests together, one-sided, above 0 and below 0.5.
        pairs: seeds that both sides must have; 5 or more.
        of: by metrics file.
    """

    file: str
    seed: str = "seed"
    level: float = Field(default=0.05, gt=0, lt=0.5)
    pairs: int = Field(default=5, ge=5)
    of: Mapping[str, RunsOfFile]


class ImagesSettings(_Section):
    """Where the test images are, for pictures of those that changed sides.

    Attributes:
        file: `.npy` or `.npz`; its images are in the order of the predictions.
        key: of the array in an `.npz`.
    """

    file: str
    key: str = "images"


class Settings(_Section):
    """All of `gate.yaml`.

    Attributes:
        stale_results: what results mean that do not belong to the files beside them: `refuse`
            (nothing to compare, status 2) or `inform`.
        first_run: what a change means whose base has no metrics yet: `refuse` (status 2) or `pass`.
        anchor: a revision that no change may be worse than, however good its base is.
        same: files and `file: parameter`s without which two results cannot be compared.
        environment: patterns of the files that describe machine and software.
        defaults: of all rules.
        metrics: by pattern of metrics file, by pattern of key. All that match a metric count; where
            they disagree, the later one does.
        runs: see there.
        predictions: by metrics file, a CSV file with a row per test image.
        images: see there; None to show none.
    """

    stale_results: Literal["refuse", "inform"] = "refuse"
    first_run: Literal["refuse", "pass"] = "refuse"
    anchor: str | None = None
    same: Sequence[str] = ()
    environment: Sequence[str] = ()
    defaults: Entry = Entry()
    metrics: Mapping[str, Mapping[str, Entry]]
    runs: RunsSettings | None = None
    predictions: Mapping[str, str] = {}
    images: ImagesSettings | None = None

    def files(self) -> list[str]:
        """The files beside the metrics that the gate reads."""
        return [*([self.runs.file] if self.runs else []), *self.predictions.values()]

    def rules(self, names: set[tuple[str, str]]) -> dict[tuple[str, str], Rule]:
        """The rule of each metric that has one, in the order of `metrics`.

        Args:
            names: file and key of every metric of either side.

        Raises:
            CannotCompareError: a rule is wrong, or matches no metric.
        """
        merged: dict[tuple[str, str], dict[str, Any]] = {}
        for file, by_key in self.metrics.items():
            for key, entry in by_key.items():
                found = sorted(n for n in names if _matches(n, file, key))
                if not found:
                    if {*file, *key} & {*"*?["}:
                        raise nearest(file, key, names)
                    found = [(file, key)]  # missing on both sides, which the comparison says
                for name in found:
                    earlier = merged.get(name, self.defaults.model_dump(exclude_unset=True))
                    merged[name] = _merge(earlier, entry.model_dump(exclude_unset=True))
        rules = {name: _rule(name, entry) for name, entry in merged.items()}
        if not any(rule.blocks for rule in rules.values()):
            raise CannotCompareError(
                f"{SETTINGS}: expected a metric with `blocks: true`; found none; mark one"
            )
        return rules


def _matches(name: tuple[str, str], file: str, key: str) -> bool:
    return fnmatchcase(name[0], file) and fnmatchcase(name[1], key)


def _merge(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    """The later entry's values before the earlier one's; a margin of one kind replaces another."""
    merged = {**earlier, **later}
    for margin in ("margin", "over_runs"):
        a, b = earlier.get(margin), later.get(margin)
        if isinstance(a, Mapping) and isinstance(b, Mapping) and not {*b} & {*KINDS}:
            merged[margin] = {**a, **b}
    return merged


def _rule(name: tuple[str, str], entry: Mapping[str, Any]) -> Rule:
    try:
        return Rule.model_validate(entry)
    except ValidationError as error:
        raise _refused(error, f"metrics: {': '.join(name)}: ") from None


def nearest(file: str, key: str, known: set[tuple[str, str]]) -> CannotCompareError:
    """The error for a rule whose metric neither side has."""
    close = difflib.get_close_matches(f"{file}: {key}", [": ".join(n) for n in sorted(known)], n=1)
    hint = f"did you mean {close[0]}?" if close else "remove it, or run the pipeline"
    return CannotCompareError(
        f"{SETTINGS}: {file}: {key}: expected a metric of the base or the candidate; found none;"
        f" {hint}"
    )


def load_settings(text: str | None) -> Settings:
    """Checks the text of `gate.yaml`.

    Args:
        text: None if there is no file.

    Raises:
        CannotCompareError: the file is missing or broken, or a key is unknown, missing, of the
            wrong type or out of its range; the first such key is named, and how many more.
    """
    if text is None:
        raise CannotCompareError(
            f"{SETTINGS}: no such file beside .dvc; write a first one with the command `init`"
        )
    try:
        content = parse_yaml(text, SETTINGS)
    except (DvcException, RecursionError) as error:
        cause = error.__cause__ or error
        raise CannotCompareError(f"{SETTINGS}: expected YAML; {one_line(cause)}; mend it") from None
    try:
        return Settings.model_validate(content)
    except ValidationError as error:
        raise _refused(error) from None


def _refused(error: ValidationError, where: str = "") -> CannotCompareError:
    problems = list(_describe(error))
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return CannotCompareError(f"{SETTINGS}: {where}{problems[0]}{more}")


def _describe(error: ValidationError) -> Iterator[str]:
    """One line for each problem, unknown names first: a typo is also a missing key."""
    details = error.errors(include_url=False)
    for detail in sorted(details, key=lambda detail: detail["type"] != "extra_forbidden"):
        name = ": ".join(map(str, detail["loc"])) or "here"
        if detail["type"] == "extra_forbidden":
            yield _no_such(name, str(detail["loc"][-1]))
        elif detail["type"] == "missing":
            yield f"{name}: expected a value, found none; add it"
        elif detail["type"] == "value_error":
            yield f"{name}: {detail['ctx']['error']}; mend it"
        else:
            expected = detail["msg"].removeprefix("Input should be ")
            yield f"{name}: expected {expected}; found {shown(detail['input'])}"


def _no_such(where: str, name: str) -> str:
    models = (Settings, RunsSettings, RunsOfFile, ImagesSettings, Rule, Margin)
    known = [field for model in models for field in model.model_fields]
    close = difflib.get_close_matches(name, known, n=1)
    return f"{where}: there is no such setting; " + (
        f"did you mean {close[0]}?" if close else "remove it"
    )
