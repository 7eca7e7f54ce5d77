"""Runs with many seeds: how much the seed alone changes, and whether both sides' means differ."""

import csv
import io
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from gate.comparison import Name, Noise, margin_of
from gate.errors import CannotCompareError
from gate.settings import SETTINGS, Rule, RunsSettings
from gate.snapshot import Snapshot, read_number

if TYPE_CHECKING:
    from gate.noninferiority import Result

LEAST_RUNS = 5  # for a standard deviation

# By seed, by metric.
Runs = Mapping[int, Mapping[str, float]]


class Finding(StrEnum):
    """What a test over seeds found."""

    NO_WORSE = "no worse"
    WORSE = "worse"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class RunsTest:
    """Whether the means over seeds differ by more than a margin.

    Attributes:
        file, key, blocks: which metric, and whether its finding refuses the change.
        worse_by: by how much each pair's candidate is worse, in the order of the seeds.
        margin: how much worse the mean may be; None where not known.
        origin: of the margin, or why there is none, in words.
        result: None if it could not be tested.
        finding: see there.
        reason: in words.
    """

    file: str
    key: str
    blocks: bool
    worse_by: tuple[float, ...]
    margin: float | None
    origin: str
    result: "Result | None" = None
    finding: Finding = Finding.INCONCLUSIVE
    reason: str = ""

    @property
    def pairs(self) -> int:
        """How many seeds both sides have, as far as they are used."""
        return self.result.pairs if self.result else len(self.worse_by)

    @property
    def refuses(self) -> bool:
        """Whether this keeps the change from passing."""
        return self.blocks and self.finding is not Finding.NO_WORSE


def read_runs(
    settings: RunsSettings, snapshot: Snapshot, *, older: bool = False
) -> dict[str, Runs] | None:
    """The runs of each metrics file, by seed; None if this side has no table.

    Args:
        settings: which rows.
        snapshot: with the text of the table.
        older: whether the table may lack columns that the settings name: then they do not choose.

    Raises:
        CannotCompareError: it is no such table, lacks a column, or has a seed twice.
    """
    text = snapshot.files.get(settings.file)
    if text is None:
        return None
    where = f"{settings.file} of {snapshot.name}"
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise CannotCompareError(f"{where}: expected a CSV file; {error}; write it anew") from None
    wanted = {settings.seed, *(column for of in settings.of.values() for column in of.rows)}
    if not rows or any(None in {*row, *row.values()} for row in rows):
        raise CannotCompareError(
            f"{where}: expected rows as long as their heading; found others; write it anew"
        )
    missing = sorted(wanted - rows[0].keys())
    if missing and not (older and settings.seed in rows[0]):
        raise CannotCompareError(
            f"{SETTINGS}: runs: expected columns of {where}; it has no {missing[0]}; mend that"
        )
    chosen = {
        file: {column: value for column, value in of.rows.items() if column not in missing}
        for file, of in settings.of.items()
    }
    return {file: _runs_of(rows, by, settings.seed, where) for file, by in chosen.items()}


def _runs_of(
    rows: list[dict[str, str]], wanted: Mapping[str, str | float], seed_column: str, where: str
) -> Runs:
    runs: dict[int, dict[str, float]] = {}
    for row in rows:
        if all(is_value(row[column], value) for column, value in wanted.items()):
            numbers = {column: _number(text) for column, text in row.items()}
            seed = numbers.pop(seed_column)
            if seed is None or int(seed) in runs:
                raise CannotCompareError(
                    f"{where}: expected each seed once; found {row[seed_column]!r} again; add a"
                    f" column to `rows` of {SETTINGS} that tells them apart"
                )
            runs[int(seed)] = {k: v for k, v in numbers.items() if v is not None}
    return runs


def is_value(text: str, value: str | float) -> bool:
    """Whether a cell holds a value; numbers are compared as numbers."""
    return text == value if isinstance(value, str) else _number(text) == value


def _number(text: str) -> float | None:
    try:
        return read_number(float(text))
    except ValueError:
        return None


def noise_of(base: Mapping[str, Runs] | None, candidate: Mapping[str, Runs] | None) -> Noise:
    """Standard deviations over seeds: the base's, so that a change cannot widen its own margins.

    Only if the base has none at all, those of the candidate.
    """
    for side, by_file in (("the base", base), ("the candidate", candidate)):
        deviations = {
            name: statistics.stdev(values) for name, values in _measured(by_file or {}).items()
        }
        if deviations:
            return Noise(deviations, f"over the seeds of {side}")
    return Noise({})


def means_of(
    settings: RunsSettings,
    base: Mapping[str, Runs],
    candidate: Mapping[str, Runs],
    before: Snapshot,
) -> dict[Name, tuple[float, int]]:
    """What single values of the candidate are compared with: the base's means, and of how many.

    Only where the base's parameters are those of its runs, and the candidate has no other runs.
    """
    same = {
        file: runs
        for file, runs in base.items()
        if candidate.get(file) == runs and not _other_conditions(settings, file, before)
    }
    measured = _measured(same).items()
    return {name: (statistics.fmean(values), len(values)) for name, values in measured}


def _measured(by_file: Mapping[str, Runs]) -> dict[Name, list[float]]:
    """Each metric of every run, where there are enough runs."""
    return {
        (file, key): [run[key] for run in runs.values()]
        for file, runs in by_file.items()
        if len(runs) >= LEAST_RUNS
        for key in sorted(set.intersection(*(set(run) for run in runs.values())))
    }


def compare_runs(
    settings: RunsSettings,
    rules: Mapping[Name, Rule],
    base: Mapping[str, Runs],
    candidate: Mapping[str, Runs],
    noise: Noise,
) -> tuple[RunsTest, ...]:
    """Tests the metrics whose rule asks for it and whose runs differ, all together.

    Both directions are tested: that the candidate is no worse by the margin, and that it is.
    If neither is shown, the finding is inconclusive. All errors together keep to the level.
    """
    tests = [
        test
        for name, rule in rules.items()
        if rule.over_runs and base.get(name[0])
        for test in _asked(name, rule, base, candidate, noise, settings.pairs)
    ]
    testable = [t for t in tests if t.margin is not None and len(t.worse_by) >= settings.pairs]
    results: list[Result] = []
    if testable:
        from gate.noninferiority import assess  # SciPy: seconds, seldom needed

        results = assess([(test.worse_by, test.margin or 0.0) for test in testable], settings.level)
    by_name = {(t.file, t.key): result for t, result in zip(testable, results, strict=True)}
    return tuple(_answered(t, by_name.get((t.file, t.key)), settings) for t in tests)


def _asked(
    name: Name,
    rule: Rule,
    base: Mapping[str, Runs],
    candidate: Mapping[str, Runs],
    noise: Noise,
    least: int,
) -> Iterator[RunsTest]:
    file, key = name
    before, after = base[file], candidate.get(file, {})
    seeds = sorted(before.keys() & after.keys())
    pairs = [(before[s].get(key), after[s].get(key)) for s in seeds]
    values = [(a, b) for a, b in pairs if a is not None and b is not None]
    if rule.over_runs is None or (values and len(values) == len(seeds) == len(before)
                                  and all(a == b for a, b in values)):  # fmt: skip
        return
    sign = -1 if rule.better == "lower" else 1
    mean = statistics.fmean(a for a, _ in values) if values else None
    count = len(values) or least
    margin, origin = margin_of(
        rule.over_runs, mean, noise.deviations.get(name), noise.origin, pairs=count
    )
    if len(values) < len(seeds):
        margin, origin = None, "expected a number for every seed; found others"
    worse_by = tuple(sign * (a - b) for a, b in values)
    yield RunsTest(file, key, rule.blocks, worse_by, margin, origin)


def _answered(test: RunsTest, result: "Result | None", settings: RunsSettings) -> RunsTest:
    finding, least, level = Finding.INCONCLUSIVE, settings.pairs, settings.level
    if result is None:
        found = f"expected {least} seeds or more on both sides; found {len(test.worse_by)}"
        reason = test.origin if test.margin is None else found
    elif result.p_no_worse <= level:
        finding, reason = Finding.NO_WORSE, f"by less than the margin: {test.origin}"
    elif result.p_worse <= level:
        finding, reason = Finding.WORSE, f"by more than the margin: {test.origin}"
    elif result.smallest_p > level:
        reason = (
            f"{result.pairs} seeds cannot tell: the smallest p-value of {result.pairs} pairs,"
            f" corrected for all tests, is {result.smallest_p:.2g}, above {level:.2g}"
        )
    else:
        reason = "neither is shown; more seeds would tell"
    return replace(test, result=result, finding=finding, reason=reason)


def other_conditions(settings: RunsSettings, snapshot: Snapshot, side: str) -> Iterator[str]:
    """In what a side's parameters differ from those that the runs were made with, in words."""
    for file in settings.of:
        if other := _other_conditions(settings, file, snapshot):
            told = ", ".join(other)
            yield f"{file}: the noise was measured under other conditions: {side}: {told}"


def _other_conditions(settings: RunsSettings, file: str, snapshot: Snapshot) -> list[str]:
    return [
        f"{name.rpartition(': ')[2]} {snapshot.parameters[name]} (runs: {value})"
        for name, value in settings.of[file].parameters.items()
        if name in snapshot.parameters and snapshot.parameters[name] != value
    ]
