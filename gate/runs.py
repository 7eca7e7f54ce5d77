"""Runs with many seeds: how much the seed alone changes, and whether both sides' means differ."""

import csv
import io
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace

from gate.comparison import Comparison, Noise, Verdict, find_margin
from gate.errors import CannotCompareError
from gate.settings import Rule, RunsSettings, no_such
from gate.snapshot import Name, Snapshot, covers, read_number

LEAST_RUNS = 5  # for a standard deviation

Rows = Sequence[Mapping[str, str]]
Runs = Mapping[int, Mapping[str, str]]  # by seed, the row
Pairs = tuple[Comparison, list[float]]  # how much worse the candidate is, by seed of both sides


def read_rows(settings: RunsSettings, side: Snapshot) -> Rows:
    """Return the rows of a side's table of runs."""
    text, found = side.files.get(settings.file), ""
    try:
        rows = list(csv.DictReader(io.StringIO(text or "", newline=""), strict=True))
    except csv.Error as error:
        rows, found = [], str(error)
    long = [number for number, row in enumerate(rows, 2) if None in row or None in row.values()]
    header = (text or "").partition("\n")[0]
    if text is None:
        found = "none"
    elif ";" in header and "," not in header:
        found = "semicolons"
    elif long or not rows:
        found = found or f"others (row {(long or [1])[0]})"
    if found:
        raise CannotCompareError(
            f"{settings.file} of {side.name}: expected the table of runs: a CSV file with commas,"
            f" a row per run, as long as the header; found {found}; recreate it"
        )
    return rows


def check_runs(settings: RunsSettings, rows: Rows, side: Snapshot) -> None:
    """Check every name in `runs`, and that they name all that the runs could differ in."""
    columns, files = [("runs: seed", settings.seed)], [*settings.of]
    for file in files:
        if file not in side.metrics:
            raise no_such("runs: of", file, side.metrics.keys(), "metrics file")
    for file, of in settings.of.items():
        columns += [(f"runs: of: {file}", name) for name in (*of.rows, *of.parameters)]
    for where, name in columns:
        if name not in rows[0]:
            raise no_such(where, name, rows[0].keys(), f"column of {settings.file}")
    for file, of in settings.of.items():
        named = {_name_fully(name) for name in of.parameters.values()}
        for name in sorted(named - side.parameters.keys()):
            raise no_such(f"runs: of: {file}", name, side.parameters.keys(), "parameter")
        for name in sorted(side.parameters.keys() - named):
            is_seed = name.rpartition(": ")[2].rpartition(".")[2] == settings.seed
            if not is_seed and any(covers(source, name) for source in side.sources.get(file, ())):
                raise CannotCompareError(
                    f"gate.yaml: runs: of: {file}: parameters: expected every parameter that the"
                    f" file depends on; {name} is missing; add `COLUMN: {name}`"
                )


def _name_fully(parameter: str) -> str:
    return parameter if ": " in parameter else f"params.yaml: {parameter}"


def select_runs(settings: RunsSettings, rows: Rows, file: str, side: Snapshot) -> Runs:
    """Return the runs that repeat a side's metrics file: all its parameters are theirs."""
    of = settings.of[file]
    wanted = {c: side.parameters.get(_name_fully(name)) for c, name in of.parameters.items()}
    wanted |= of.rows
    runs: dict[int, Mapping[str, str]] = {}
    for row in rows:
        if all(c in row and _is_value(row[c], value) for c, value in wanted.items()):
            seed = _read_cell(row.get(settings.seed))
            if seed is None or int(seed) in runs:
                raise CannotCompareError(
                    f"{settings.file} of {side.name}: expected each seed once; found"
                    f" {row.get(settings.seed)!r} again; name in `runs` what differs"
                )
            runs[int(seed)] = row
    return runs


def _is_value(cell: str, value: object) -> bool:
    """Return whether a cell holds a value; an empty one is null, numbers are numbers."""
    number = read_number(value)
    if number is None:
        return cell.lower() == ("" if value is None else str(value).lower())
    return _read_cell(cell) == number


def _read_cell(text: str | None) -> float | None:
    try:
        return read_number(float(text or ""))
    except ValueError:
        return None


def measure_noise(runs: Runs, key: str, table: str) -> Noise | str:
    """Return how much a metric differs over the base's runs, or why that is not known."""
    if len(runs) < LEAST_RUNS:
        return (
            f"expected {LEAST_RUNS} runs or more in {table} with the base's parameters; found"
            f" {len(runs)}; add them (`calibrate`), or give an absolute margin"
        )
    values = []
    for seed, row in runs.items():
        value = _read_cell(row.get(key))
        if value is None:
            found = repr(row[key]) if key in row else "no such column"
            return f"expected a number in every run of {table}; found {found} for seed {seed}"
        values.append(value)
    return Noise(statistics.stdev(values), statistics.fmean(values), len(values))


def compare_means(
    settings: RunsSettings,
    rules: Mapping[Name, Rule],
    base: Mapping[str, Runs],
    candidate: Mapping[str, Runs],
    noise: Mapping[Name, Noise | str],
) -> list[Comparison]:
    """Compare the means over seeds of the metrics whose rule asks for it and whose runs differ.

    Student's t-test of the pairs with one seed, one-sided, against the margin, in both directions:
    that the candidate is no worse by the margin, and that it is. If neither is shown, nothing can
    be said. Holm's correction keeps all errors of a direction together to the level.
    """
    found, tested = [], []
    for name, rule in rules.items():
        before, after = base.get(name[0]), candidate.get(name[0])
        if rule.over_runs and before and after:
            texts = [{s: row.get(name[1]) for s, row in side.items()} for side in (before, after)]
            if texts[0] != texts[1]:
                comparison, worse_by = _pair_runs(name, rule, before, after, noise.get(name))
                if comparison.margin is not None and len(worse_by) < settings.pairs:
                    reason = f"expected {settings.pairs} seeds or more on both sides"
                    reason += f"; found {len(worse_by)}"
                    comparison = replace(comparison, margin=None, reason=reason)
                if comparison.margin is None:
                    found.append(comparison)
                else:
                    tested.append((comparison, worse_by))
    return [*_test_pairs(tested, settings.level), *found] if tested else found


def _pair_runs(
    name: Name, rule: Rule, before: Runs, after: Runs, noise: Noise | str | None
) -> Pairs:
    file, key = name
    seeds = sorted(before.keys() & after.keys())
    cells = [(_read_cell(before[s].get(key)), _read_cell(after[s].get(key))) for s in seeds]
    pairs = [(a, b) for a, b in cells if a is not None and b is not None]
    a, b = (statistics.fmean(side) for side in zip(*pairs, strict=True)) if pairs else (None, None)
    margin, reason = find_margin(rule.over_runs or {}, a or 0.0, noise, pairs=len(pairs) or 1)
    if len(pairs) < len(seeds):
        margin, reason = None, "expected a number for every seed; found others"
    sign = -1 if rule.better == "lower" else 1
    comparison = Comparison(
        file, f"{key}, mean of {len(seeds)} seeds", a, b, rule.better, margin, rule.blocks,
        Verdict.NOT_COMPARABLE, reason, len(seeds),
    )  # fmt: skip
    return comparison, [sign * (x - y) for x, y in pairs]


def _test_pairs(pairs: Sequence[Pairs], level: float) -> list[Comparison]:
    from scipy.stats import ttest_1samp  # seconds, and seldom needed
    from statsmodels.stats.multitest import multipletests

    def find_p(worse_by: list[float], margin: float, alternative: str) -> float:
        if len(set(worse_by)) == 1:  # without a spread t is no number
            shown = worse_by[0] < margin if alternative == "less" else worse_by[0] > margin
            return 0.0 if shown else 1.0
        return float(ttest_1samp(worse_by, margin, alternative=alternative).pvalue)

    p_no_worse, p_worse = (
        multipletests([find_p(worse_by, c.margin or 0.0, side) for c, worse_by in pairs],
                      method="holm")[1]
        for side in ("less", "greater")
    )  # fmt: skip
    found = []
    for (c, worse_by), less, greater in zip(pairs, p_no_worse, p_worse, strict=True):
        better = statistics.fmean(worse_by) < -(c.margin or 0.0)
        verdict = Verdict.BETTER if better else Verdict.WITHIN_MARGIN
        reason = f"no worse by the margin: {c.reason}, p = {less:.2g}"
        if greater <= level:
            verdict = Verdict.WORSE
            reason = f"worse by more than the margin: {c.reason}, p = {greater:.2g}"
        elif less > level:
            verdict = Verdict.NOT_COMPARABLE
            reason = f"inconclusive: neither no worse (p = {less:.2g}) nor worse is shown"
        found.append(replace(c, verdict=verdict, reason=reason))
    return found
