"""`python -m study.gate_errors_page`: how often the gate is wrong, as page, table and picture."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from experiment.common.errors import InputError, one_line_errors
from experiment.common.files import replacing
from gate.comparison import Name
from gate.errors import CannotCompareError
from gate.runs import is_value, read_runs
from gate.settings import SETTINGS, Rule, RunsOfFile, RunsSettings, Settings, load_settings
from gate.snapshot import Snapshot
from study.gate_errors import (
    LEAST_RUNS,
    Rate,
    World,
    paired_rates,
    seeds_of,
    single_run_rates,
)

PAGE, TABLE = "docs/gate-calibration.md", "metrics/gate_calibration.csv"
PICTURE = "plots/gate_calibration.png"

# Okabe and Ito's, told apart by colour-blind readers, as in the pictures of the curves.
COLOURS, MARKERS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7"), ("o", "s", "^", "D")

COLUMNS = (
    "test", "runs", "planted (points)", "refused", "95 % interval", "found a regression",
    "comparisons", "independent",
)  # fmt: skip

TEXT = """\
# What the gate gets wrong

Made by `make gate-calibrate` from the real runs of the study
([{runs_file}](../{runs_file})) and the margins of [gate.yaml](../gate.yaml);
[{table_file}](../{table_file}) has it for programs.

Two runs that differ in nothing but the seed are compared (planted: 0): whatever is refused there is
a false alarm. Then the candidate's test accuracy is made worse by so many percentage points, and
what is refused is a detection.

{table}
![Share of changes refused, against what was taken off the test accuracy](../{picture_file})

- *one run*: every ordered pair of seeds, one as the base and one as the candidate. The standard
  deviations of the margins are over all runs but the candidate.
- *pairs of seeds*: the test over seeds, on pairs drawn at random; `refused` are inconclusive
  findings and regressions. *Scaled*: deviations of runs from their setting's mean, in its standard
  deviations, times those of the two variants.
- Comparisons share runs, so they are not independent. The interval (Clopper and Pearson, 95 %) is
  for as many as share none, which is in the column `independent`: it is wide, and honest.
- Planted in `test_accuracy` alone. A real regression shows in losses too, and is found sooner.
"""


def main() -> None:
    """Measures on the runs of the workspace, and writes."""
    with one_line_errors("gate-calibrate"):
        try:
            write(Path.cwd())
        except CannotCompareError as error:
            raise InputError(str(error)) from None


def write(folder: Path) -> None:
    """Measures and writes the page, the table and the picture.

    Raises:
        CannotCompareError: there are no runs, or too few.
    """
    settings = load_settings(_text(folder / SETTINGS))
    if settings.runs is None:
        raise CannotCompareError(f"{SETTINGS}: expected `runs`; found none; name their table")
    table = settings.runs.file
    snapshot = Snapshot("workspace", files={table: _text(folder / table)})
    rates = list(measure(settings, settings.runs, snapshot))
    for path, content in (
        (TABLE, _as_csv(rates)),
        (PAGE, _as_page(rates, settings.runs.file)),
        (PICTURE, _as_picture(rates)),
    ):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        with replacing(folder / path) as temporary:
            temporary.write_bytes(content)


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def measure(settings: Settings, runs: RunsSettings, snapshot: Snapshot) -> Iterator[Rate]:
    """All rates.

    Raises:
        CannotCompareError: the pipeline's settings have too few runs.
    """
    pipeline = read_runs(runs, snapshot)
    if pipeline is None:
        raise CannotCompareError(f"{runs.file}: no such file; run the study")
    if (found := len(seeds_of(pipeline))) < LEAST_RUNS:
        raise CannotCompareError(
            f"{runs.file}: expected {LEAST_RUNS} seeds or more of {' and '.join(pipeline)}; found"
            f" {found}; run more of the study"
        )
    rules = settings.rules(
        {
            (file, key)
            for file, by_seed in pipeline.items()
            for run in by_seed.values()
            for key in run
        }
    )
    others = list(_other_worlds(runs, snapshot))
    for world in (pipeline, *others):
        _check_complete(world, rules, runs.file)
    yield from single_run_rates([pipeline], rules, "the two variants together")
    if others:
        label = f"{len(others)} other settings, one by one"
        yield from single_run_rates(others, rules, label)
    yield from paired_rates(pipeline, others, rules, runs)


def _other_worlds(runs: RunsSettings, snapshot: Snapshot) -> Iterator[World]:
    """Each other setting of the study, judged by the rules of the file that it is most like."""
    wanted = {file: of.rows for file, of in runs.of.items()}
    columns = sorted({column for by_column in wanted.values() for column in by_column})
    rows = list(csv.DictReader(io.StringIO(snapshot.files[runs.file] or "")))
    for values in sorted({tuple(row[column] for column in columns) for row in rows}):
        setting = dict(zip(columns, values, strict=True))
        alike = {
            file: sum(is_value(setting[column], value) for column, value in by_column.items())
            for file, by_column in wanted.items()
        }
        file = max(alike, key=lambda name: alike[name])
        of = {file: RunsOfFile(rows=setting)}
        world = read_runs(runs.model_copy(update={"of": of}), snapshot) or {}
        if alike[file] < len(wanted[file]) and len(world[file]) >= LEAST_RUNS:
            yield world


def _check_complete(world: World, rules: Mapping[Name, Rule], table: str) -> None:
    for file, key in rules:
        for seed, run in world.get(file, {}).items():
            if key not in run:
                raise CannotCompareError(
                    f"{table}: expected a finite number for {key} in every run; seed {seed} of a"
                    " setting has none; run it again"
                )


def _as_csv(rates: list[Rate]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, [f.name for f in fields(Rate)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(rate) for rate in rates)
    return text.getvalue().encode()


def _as_page(rates: list[Rate], runs_file: str) -> bytes:
    lines = [f"| {' | '.join(COLUMNS)} |", "| --- " * len(COLUMNS) + "|"]
    lines += [
        f"| {r.test} | {r.runs} | {r.points:g} | {r.refused:.1%} | {r.low:.1%} to {r.high:.1%}"
        f" | {r.regressions:.1%} | {r.comparisons} | {r.independent} |"
        for r in rates
    ]
    page = TEXT.format(
        table="\n".join(lines) + "\n", runs_file=runs_file, table_file=TABLE, picture_file=PICTURE
    )
    return page.encode()


def _as_picture(rates: list[Rate]) -> bytes:
    with matplotlib.rc_context(matplotlib.rcParamsDefault):  # whatever the user's style is
        return _drawn(rates)


def _drawn(rates: list[Rate]) -> bytes:
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    groups = sorted({(rate.test, rate.runs) for rate in rates})
    for i, (test, runs) in enumerate(groups):
        line = [rate for rate in rates if (rate.test, rate.runs) == (test, runs)]
        beside = [rate.points + 0.008 * i for rate in line]  # so that no interval hides another
        ends = [[r.refused - r.low for r in line], [r.high - r.refused for r in line]]
        axes.errorbar(
            beside, [r.refused for r in line], ends, label=f"{test}: {runs}",
            color=COLOURS[i], marker=MARKERS[i], capsize=3, elinewidth=0.8,
        )  # fmt: skip
    axes.axhline(0.05, color="black", lw=1, ls=":", label="5 %, the most false alarms aimed at")
    axes.set_xlabel("taken off the test accuracy of the candidate (percentage points); 0 is A/A")
    axes.set_ylabel("share of changes refused")
    axes.set_ylim(-0.02, 1.02)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower left", frameon=False)
    data = io.BytesIO()
    figure.savefig(data, dpi=150, metadata={"Software": None}, format="png")
    return data.getvalue()


if __name__ == "__main__":
    main()
