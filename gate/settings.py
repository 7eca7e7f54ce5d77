"""`gate.yaml`: which metric may get how much worse; typed, frozen, checked before anything else."""

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal

from dvc.exceptions import DvcException
from dvc.utils.serialize import parse_yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gate.errors import CannotCompareError, one_line, shown
from gate.snapshot import Name, check_size

SETTINGS = "gate.yaml"

# How much worse is still no worse, in one of these units: the metric's own, the base's value,
# standard deviations over seeds, standard errors of the difference of two means.
Unit = Literal["absolute", "relative", "deviations", "standard_errors"]
Margin = Annotated[dict[Unit, Annotated[float, Field(ge=0)]], Field(min_length=1, max_length=1)]


class _Section(BaseModel):
    # strict: "5" is not 5 and 1 is not true.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Rule(_Section):
    """What is asked of the metrics that an entry matches."""

    better: Literal["higher", "lower"] | None = None  # None: it only has limits
    margin: Margin | None = None  # how much worse than the base, or the anchor, it may be
    at_least: float | None = None  # limits of the value itself, which need no base
    at_most: float | None = None
    blocks: bool = False  # whether a value that is worse refuses the change, or is only reported
    over_runs: Margin | None = None  # for the mean over the seeds of `runs`, where that is tested


class RunsOfFile(_Section):
    """Which rows of the table repeat one metrics file with other seeds."""

    rows: Mapping[str, str | bool | float | None] = {}  # constants, by column
    parameters: Mapping[str, str]  # by column, the parameter that a revision has its value in


class RunsSettings(_Section):
    """Where runs with many seeds are, and how they are tested."""

    file: str  # CSV, with one row per run and one column per metric
    seed: str = "seed"  # its column of seeds, named as the last part of the seed's parameter
    level: float = Field(default=0.05, gt=0, lt=0.5)  # of all tests together, one-sided
    of: Mapping[str, RunsOfFile]  # by metrics file


class Settings(_Section):
    """All of `gate.yaml`."""

    stale_results: Literal["refuse", "inform"] = "refuse"  # those of other code or data
    first_run: Literal["refuse", "pass"] = "refuse"  # a change whose base has no metrics yet
    anchor: str | None = None  # a tag or commit that no change may be worse than
    same: Sequence[str] = ()  # files and `file: parameter`s that both sides must share
    environment: Sequence[str] = ()  # patterns of files that describe machine and software
    defaults: Rule = Rule()
    # By pattern of file, by pattern of key. All that match a metric are merged; later ones win.
    metrics: Mapping[str, Mapping[str, Rule]]
    runs: RunsSettings | None = None
    predictions: Mapping[str, str] = {}  # by metrics file, a CSV file with a row per test image

    def merge_rules(self, names: Collection[Name]) -> dict[Name, Rule]:
        """Return the rule of each metric that has one, in the order of `metrics`."""
        rules: dict[Name, Rule] = {}
        for file, by_key in self.metrics.items():
            for key, entry in by_key.items():
                found = sorted(n for n in names if match_name(n, file, key))
                if not found:
                    known = [": ".join(name) for name in names]
                    raise no_such("metrics", f"{file}: {key}", known, "metric of either side")
                given = {name: getattr(entry, name) for name in entry.model_fields_set}
                for name in found:
                    rules[name] = rules.get(name, self.defaults).model_copy(update=given)
        for name, rule in rules.items():
            where = f"{SETTINGS}: metrics: {': '.join(name)}: expected"
            if rule.better is None and rule.at_least is None and rule.at_most is None:
                raise CannotCompareError(
                    f"{where} `better`, `at_least` or `at_most`; found none; add one"
                )
            if rule.better is not None and rule.margin is None:
                raise CannotCompareError(f"{where} a `margin` beside `better`; found none; add one")
        if not any(rule.blocks for rule in rules.values()):
            raise CannotCompareError(
                f"{SETTINGS}: expected a metric with `blocks: true`; found none; mark one"
            )
        return rules


def match_name(name: Name, file: str, key: str) -> bool:
    """Return whether a metric matches the patterns of an entry."""
    return fnmatchcase(name[0], file) and fnmatchcase(name[1], key)


def no_such(where: str, name: str, known: Collection[str], what: str) -> CannotCompareError:
    """Return the error for a name in gate.yaml that nothing has, with the nearest right one."""
    close = difflib.get_close_matches(name, sorted(known), n=1)
    hint = f"did you mean {close[0]}?" if close else "remove it, or run the pipeline"
    return CannotCompareError(f"{SETTINGS}: {where}: {name}: expected a {what}; {hint}")


def read_own(folder: Path) -> str | None:
    """Return the text of the workspace's `gate.yaml` as it is, or None if there is none."""
    path = folder / SETTINGS
    try:
        return path.read_bytes().decode() if path.is_file() else None
    except UnicodeDecodeError as error:
        raise CannotCompareError(f"{SETTINGS}: expected text; {error}; write it in UTF-8") from None


def load_settings(text: str | None) -> Settings:
    """Check the text of `gate.yaml`."""
    if text is None:
        raise CannotCompareError(
            f"{SETTINGS}: no such file beside .dvc; write a first one with the command `init`"
        )
    try:
        return Settings.model_validate(check_size(parse_yaml(text, SETTINGS)))
    except ValidationError as error:
        # Unknown names first: a typo is also a missing key.
        problems = error.errors(include_url=False)
        problems.sort(key=lambda problem: problem["type"] != "extra_forbidden")
        raise _explain(problems[0], len(problems) - 1) from None
    except (DvcException, RecursionError, ValueError) as error:
        cause = error.__cause__ or error
        raise CannotCompareError(f"{SETTINGS}: expected YAML; {one_line(cause)}; fix it") from None


def _explain(problem: Any, others: int) -> CannotCompareError:
    *where, last = map(str, problem["loc"] or ["here"])
    if problem["type"] == "extra_forbidden":
        models: tuple[type[BaseModel], ...] = (Settings, RunsSettings, RunsOfFile, Rule)
        known = [field for model in models for field in model.model_fields]
        return no_such(": ".join(where) or "here", last, known, "setting")
    expected = re.sub(r"^(Input|Dictionary) should (be|have) ", "", problem["msg"])
    found = shown(problem["input"])
    if problem["type"] == "missing":
        expected, found = "a value", "none; add it"
    more = f" (and {others} more)" if others else ""
    name = ": ".join([*where, last])
    return CannotCompareError(f"{SETTINGS}: {name}: expected {expected}; found {found}{more}")
