"""Runs with many seeds: how much the seed alone changes, and whether both sides' means differ."""

import csv
import io
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from gate.comparison import Comparison, Noise, Verdict, find_margin
from gate.errors import CannotCompareError
from gate.settings import Rule, RunsSettings, no_such
from gate.snapshot import Name, Snapshot, covers, last_part, read_number

LEAST_RUNS = 5  # for a standard deviation

Rows = Sequence[Mapping[str, str]]
Runs = Mapping[int, Mapping[str, str]]  # by seed, the row


def read_runs(settings: RunsSettings, side: Snapshot, *, check: bool = False) -> dict[str, Runs]:
    """Return the runs in a side's table that repeat each metrics file: all parameters are theirs.

    With `check`, every name in `runs` is looked up, and they must name all that the runs could
    differ in.
    """
    rows = _read_rows(settings, side)
    if check:
        _check_names(settings, rows, side)
    return {file: _select_runs(settings, rows, file, side) for file in settings.of}


def _read_rows(settings: RunsSettings, side: Snapshot) -> Rows:
    text, found = side.files.get(settings.file), "others"
    header = (text or "").partition("\n")[0]
    if text is None:
        found = "none"
    elif ";" in header and "," not in header:
        found = "semicolons"
    else:
        try:
            rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
            if rows and not any(None in row or None in row.values() for row in rows):
                return rows
        except csv.Error as error:
            found = str(error)
    raise CannotCompareError(
        f"{settings.file} of {side.name}: expected the table of runs: a CSV file with commas, a row"
        f" per run, as long as the header; found {found}; recreate it"
    )


def _check_names(settings: RunsSettings, rows: Rows, side: Snapshot) -> None:
    columns, column = rows[0].keys(), f"column of {settings.file} of {side.name}"
    asked = [("seed", settings.seed, columns, column)]
    for file, of in settings.of.items():
        names = [_name_fully(name) for name in of.parameters.values()]
        asked += [("of", file, side.metrics.keys(), "metrics file")]
        asked += [(f"of: {file}", name, columns, column) for name in (*of.rows, *of.parameters)]
        asked += [(f"of: {file}", name, side.parameters.keys(), "parameter") for name in names]
    for where, name, known, what in asked:
        if name not in known:
            raise no_such(f"runs: {where}", name, known, what)
    for file, of in settings.of.items():
        named = {_name_fully(name) for name in of.parameters.values()}
        for name in sorted(side.parameters.keys() - named):
            is_seed = last_part(name) == settings.seed
            if not is_seed and any(covers(source, name) for source in side.sources.get(file, ())):
                raise CannotCompareError(
                    f"gate.yaml: runs: of: {file}: parameters: expected every parameter that the"
                    f" file depends on; {name} is missing; add `COLUMN: {name}`"
                )


def _name_fully(parameter: str) -> str:
    return parameter if ": " in parameter else f"params.yaml: {parameter}"


def _select_runs(settings: RunsSettings, rows: Rows, file: str, side: Snapshot) -> Runs:
    of = settings.of[file]
    wanted = {c: side.parameters.get(_name_fully(name)) for c, name in of.parameters.items()}
    wanted |= of.rows
    runs: dict[int, Mapping[str, str]] = {}
    for row in rows:
        if all(c in row and _is_value(row[c], value) for c, value in wanted.items()):
            seed = _read_cell(row.get(settings.seed))
            where, shown = f"{settings.file} of {side.name}", repr(row.get(settings.seed))
            if seed is None or seed != int(seed):
                expected = "a whole number as seed of each run"
                raise CannotCompareError(f"{where}: expected {expected}; found {shown}; correct it")
            if int(seed) in runs:
                raise CannotCompareError(
                    f"{where}: expected each seed once; found {shown} again; name in `runs` what"
                    " differs"
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


def _read_column(runs: Runs, key: str) -> dict[int, float | str | None]:
    """Return a metric by seed: as a number, or the text of what is none."""
    cells = {seed: row.get(key) for seed, row in runs.items()}
    return {s: x if (number := _read_cell(x)) is None else number for s, x in cells.items()}


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
    level: float,
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
        old, new = (_read_column(side.get(name[0], {}), name[1]) for side in (base, candidate))
        if not (rule.over_runs and old and new) or old == new:
            continue
        seeds = old.keys() & new.keys()
        if not seeds and not rule.blocks:
            continue  # without a number of the candidate's it would refuse
        pairs = [(old[seed], new[seed]) for seed in sorted(seeds)]
        numbers = [(x, y) for x, y in pairs if isinstance(x, float) and isinstance(y, float)]
        before, after = zip(*numbers, strict=True) if numbers else ((), ())
        a, b = (statistics.fmean(side) if side else None for side in (before, after))
        margin = None
        if len(numbers) < len(pairs):
            reason = "expected a number for every seed; found others"
        elif len(pairs) < LEAST_RUNS:
            reason = f"expected {LEAST_RUNS} seeds or more on both sides; found {len(pairs)}"
        else:
            margin, reason = find_margin(rule.over_runs, a or 0, noise.get(name), pairs=len(pairs))
        key = f"{name[1]}, mean of {len(pairs)} seeds"
        c = Comparison(name[0], key, a, b, rule.better, margin, rule.blocks,
                       Verdict.NOT_COMPARABLE, reason, len(pairs))  # fmt: skip
        sign = -1 if rule.better == "lower" else 1
        if margin is None:
            found.append(c)
        else:
            tested.append((c, [sign * (x - y) for x, y in numbers]))
    return [*_test_pairs(tested, level), *found] if tested else found


def _test_pairs(
    tested: Sequence[tuple[Comparison, list[float]]], level: float
) -> Iterator[Comparison]:
    """Yield the verdict on each metric and how much worse its runs are, by pair."""
    from scipy.stats import ttest_1samp  # seconds, and seldom needed
    from statsmodels.stats.multitest import multipletests

    def find_p(c: Comparison, worse_by: list[float], alternative: str) -> float:
        if len(set(worse_by)) == 1:  # without a spread t is no number
            beyond = worse_by[0] - (c.margin or 0.0)
            return 0.0 if beyond and (beyond < 0) == (alternative == "less") else 1.0
        return float(ttest_1samp(worse_by, c.margin, alternative=alternative).pvalue)

    p_no_worse, p_worse = (
        multipletests([find_p(*each, side) for each in tested], method="holm")[1]
        for side in ("less", "greater")
    )
    for (c, worse_by), less, greater in zip(tested, p_no_worse, p_worse, strict=True):
        better = statistics.fmean(worse_by) < -(c.margin or 0.0)
        verdict = Verdict.BETTER if better else Verdict.WITHIN_MARGIN
        reason = f"no worse by the margin: {c.reason}, p = {less:.2g}"
        if greater <= level:
            verdict = Verdict.WORSE
            reason = f"worse by more than the margin: {c.reason}, p = {greater:.2g}"
        elif less > level:
            verdict = Verdict.NOT_COMPARABLE
            reason = f"inconclusive: neither no worse (p = {less:.2g}) nor worse is shown"
        yield replace(c, verdict=verdict, reason=reason)
