"""Runs with many seeds: how much the seed alone changes, and whether both sides' means differ."""

import csv
import io
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gate.comparison import Comparison, Noise, Verdict, find_margin
from gate.errors import CannotCompareError
from gate.settings import Rule, RunsSettings, no_such
from gate.snapshot import Name, Snapshot, covers, read_number

LEAST_RUNS = 5  # for a standard deviation

Rows = Sequence[Mapping[str, str]]
Runs = Mapping[int, Mapping[str, str]]  # by seed, the row


def read_rows(settings: RunsSettings, side: Snapshot) -> Rows:
    """Return the rows of a side's table of runs."""
    text = side.files.get(settings.file)
    where = f"{settings.file} of {side.name}: expected"
    if text is None:
        raise CannotCompareError(f"{where} the table of runs; found none; restore it")
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise CannotCompareError(f"{where} a CSV file; found {error}; recreate it") from None
    header = text.partition("\n")[0]
    if ";" in header and "," not in header:
        raise CannotCompareError(f"{where} commas between columns; found semicolons; replace them")
    long = (number for number, row in enumerate(rows, 2) if None in row or None in row.values())
    if wrong := next(long, None if rows else 1):
        raise CannotCompareError(
            f"{where} a row per run, as long as the header; found others (row {wrong}); recreate it"
        )
    return rows


def check_runs(settings: RunsSettings, rows: Rows, side: Snapshot) -> None:
    """Check every name in `runs`, and that they name all that the runs could differ in."""
    column = f"column of {settings.file}"
    if settings.seed not in rows[0]:
        raise no_such("runs: seed", settings.seed, rows[0].keys(), column)
    for file, of in settings.of.items():
        where = f"runs: of: {file}"
        if file not in side.metrics:
            raise no_such("runs: of", file, side.metrics.keys(), "metrics file")
        for name in (*of.rows, *of.parameters):
            if name not in rows[0]:
                raise no_such(where, name, rows[0].keys(), column)
        named = {_name_fully(name) for name in of.parameters.values()}
        for name in sorted(named - side.parameters.keys()):
            raise no_such(where, name, side.parameters.keys(), "parameter")
        for name in sorted(side.parameters.keys() - named):
            is_seed = name.rpartition(": ")[2].rpartition(".")[2] == settings.seed
            if not is_seed and any(covers(source, name) for source in side.sources.get(file, ())):
                raise CannotCompareError(
                    f"gate.yaml: {where}: parameters: expected every parameter that the file"
                    f" depends on; {name} is missing; add `COLUMN: {name}`"
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
    numbers = [_read_cell(row.get(key)) for row in runs.values()]
    values = [number for number in numbers if number is not None]
    if len(values) < len(numbers):
        seed = [*runs][numbers.index(None)]
        found = repr(runs[seed][key]) if key in runs[seed] else "no such column"
        return f"expected a number in every run of {table}; found {found} for seed {seed}"
    return Noise(statistics.stdev(values), statistics.fmean(values), len(values))


@dataclass(frozen=True)
class _Pairs:
    """The runs of both sides with the same seeds, of one metric."""

    comparison: Comparison
    worse_by: list[float]  # each pair's candidate


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
    pairs = [
        found
        for name, rule in rules.items()
        if rule.over_runs and base.get(name[0]) and candidate.get(name[0])
        for found in _pair_runs(name, rule, base[name[0]], candidate[name[0]], noise.get(name))
    ]
    enough = f"expected {settings.pairs} seeds or more on both sides; found "
    ready = [p for p in pairs if p.comparison.margin is not None]
    tested = [p for p in ready if len(p.worse_by) >= settings.pairs]
    found = _test_pairs(tested, settings.level) if tested else []
    short = [replace(p.comparison, reason=f"{enough}{len(p.worse_by)}")
             for p in ready if p not in tested]  # fmt: skip
    return [*found, *short, *(p.comparison for p in pairs if p not in ready)]


def _pair_runs(
    name: Name, rule: Rule, before: Runs, after: Runs, noise: Noise | str | None
) -> Iterator[_Pairs]:
    seeds = sorted(before.keys() & after.keys())
    cells = [(_read_cell(before[s].get(name[1])), _read_cell(after[s].get(name[1]))) for s in seeds]
    pairs = [(a, b) for a, b in cells if a is not None and b is not None]
    texts = [{seed: row.get(name[1]) for seed, row in side.items()} for side in (before, after)]
    if rule.over_runs is None or texts[0] == texts[1]:
        return
    first, second = zip(*pairs, strict=True) if pairs else ((), ())
    a, b = (statistics.fmean(side) if side else None for side in (first, second))
    margin, reason = find_margin(rule.over_runs, a or 0.0, noise, pairs=len(pairs) or 1)
    if len(pairs) < len(seeds):
        margin, reason = None, "expected a number for every seed; found others"
    key, count, sign = f"{name[1]}, mean of {len(seeds)} seeds", len(seeds), 1
    if rule.better == "lower":
        sign = -1
    unclear = Verdict.NOT_COMPARABLE
    yield _Pairs(
        Comparison(name[0], key, a, b, rule.better, margin, rule.blocks, unclear, reason, count),
        [sign * (x - y) for x, y in pairs],
    )


def _test_pairs(pairs: Sequence[_Pairs], level: float) -> list[Comparison]:
    from scipy.stats import ttest_1samp  # seconds, and seldom needed
    from statsmodels.stats.multitest import multipletests

    def find_p(pair: _Pairs, alternative: str) -> float:
        margin, first = pair.comparison.margin or 0.0, pair.worse_by[0]
        if len(set(pair.worse_by)) == 1:  # without a spread t is no number
            shown = first < margin if alternative == "less" else first > margin
            return 0.0 if shown else 1.0
        return float(ttest_1samp(pair.worse_by, margin, alternative=alternative).pvalue)

    p_no_worse, p_worse = (
        multipletests([find_p(pair, side) for pair in pairs], method="holm")[1]
        for side in ("less", "greater")
    )
    found = []
    for pair, less, greater in zip(pairs, p_no_worse, p_worse, strict=True):
        better = statistics.fmean(pair.worse_by) < -(pair.comparison.margin or 0.0)
        verdict = Verdict.BETTER if better else Verdict.WITHIN_MARGIN
        reason = f"no worse by the margin: {pair.comparison.reason}, p = {less:.2g}"
        if greater <= level:
            verdict = Verdict.WORSE
            reason = f"worse by more than the margin: {pair.comparison.reason}, p = {greater:.2g}"
        elif less > level:
            verdict = Verdict.NOT_COMPARABLE
            reason = f"inconclusive: neither no worse (p = {less:.2g}) nor worse is shown"
        found.append(replace(pair.comparison, verdict=verdict, reason=reason))
    return found
