"""What one waits for from day to day, in words and tables."""

from statistics import median
from typing import Any

from bench.intervals import median_of
from bench.markdown import between
from bench.side_by_side import LOADS
from experiment.markdown import paragraph, table

Part = dict[str, Any]


def idle_section(part: Part) -> str:
    """With nothing to do."""
    rounds = part["rounds"]
    names = {"dvc_status": "`dvc status`", "dvc_repro": "`dvc repro`", "make_repro": "`make repro`"}
    rows = []
    for key, name in names.items():
        ratio = median_of([r[key]["seconds"] / r["dvc_status"]["seconds"] for r in rounds])
        seconds = median(r[key]["seconds"] for r in rounds)
        compared = "" if key == "dvc_status" else f"{ratio.value:.2f}"
        rows.append([name, f"{seconds:.2f}", compared, between(ratio) if compared else ""])
    header = [f"median of {len(rounds)}, in turn", "seconds", "times `dvc status`", "interval"]
    return f"## With nothing to do\n\n{table(header, rows)}"


def rate_section(part: Part) -> str:
    """A changed rate: time and disk."""
    disk = part["disk"]
    text = (
        f"With another rate ({part['rate']}), `make repro` takes"
        f" {part['measured']['seconds']:.1f} s to the new curves, for"
        f" {part['conditions']['epochs']} epochs. It runs {', '.join(part['stages'])}. One more"
        f" revision takes {disk['dvc'] / 1e6:.1f} MB in DVC's cache and {disk['git'] / 1e3:.0f} kB"
        " among Git's objects."
    )
    return f"## A changed rate\n\n{paragraph(text)}"


def stages_section(part: Part) -> str:
    """CPU time of each stage."""
    rows = [
        [
            stage["name"],
            f"{stage['cpu_seconds']:.1f}",
            f"{stage['seconds']:.1f}",
            f"{stage['largest_process'] / 1e6:.0f}",
        ]
        for stage in part["stages"]
    ]
    header = [f"stage, {part['conditions']['epochs']} epochs", "CPU seconds", "seconds", "MB"]
    return f"## Stages, one after the other, without DVC\n\n{table(header, rows)}"


def study_section(part: Part) -> str:
    """Runs per hour, what a second worker gains, and what keeps it from gaining more."""
    rounds, loads = part["rounds"], part["loads"]
    rows = [
        [
            workers,
            f"{median(r[workers]['runs_per_hour'] for r in rounds):.0f}",
            f"{median(r[workers]['seconds'] for r in rounds):.1f}",
            f"{median(_starting(r[workers], part['runs']) for r in rounds):.1f}",
        ]
        for workers in sorted(rounds[0])
    ]
    header = ["workers", "runs per hour", f"seconds for {part['runs']} runs", "of these, starting"]
    gained = median_of([r["2"]["seconds"] / r["1"]["seconds"] for r in rounds])
    trainings = median_of([2 * r["1"]["runs_per_hour"] / r["2"]["runs_per_hour"] for r in rounds])
    slower = {
        name: median_of([r["alone"] / r["together"] for r in found])
        for name, found in loads.items()
    }
    limit = max(slower, key=lambda name: slower[name].value)
    text = (
        f"Two workers take **{gained.value:.2f}** of the time of one: the median of"
        f" {len(rounds)} rounds, {between(gained)}. Each of two trainings at once takes"
        f" {trainings.value:.2f} times as long as one alone."
    )
    return "\n\n".join(
        [
            f"## The study, with runs of {part['epochs']} epochs on all of MNIST",
            table(header, rows),
            paragraph(text),
            table(
                ["two at once, on two cores", "share", "times as long as alone", "interval"],
                [
                    [
                        LOADS[name].description,
                        LOADS[name].shared,
                        f"{one.value:.2f}",
                        between(one),
                    ]
                    for name, one in slower.items()
                ],
            ),
            paragraph(f"What slows two at once the most is {LOADS[limit].shared}."),
        ]
    )


def _starting(row: Part, runs: int) -> float:
    """Seconds before the first run and after the last one."""
    return float(row["seconds"] - 3600 * runs / row["runs_per_hour"])


def study_sentence(part: Part) -> str:
    """The same as a sentence, for a page about the study."""
    machine, rounds = part["conditions"], part["rounds"]
    rates = " and ".join(
        f"{median(r[workers]['runs_per_hour'] for r in rounds):.0f} with {workers}"
        f" worker{'s' * (workers != '1')}"
        for workers in sorted(rounds[0])
    )
    return (
        f"Runs per hour, for runs of {part['epochs']} epochs on all of MNIST, on"
        f" {machine['processor']}, {machine['cores']} cores: {rates}"
        " ([measured](../bench/README.md) apart from the study)."
    )


def tests_section(part: Part) -> str:
    """How long `make test` takes."""
    measured = part["measured"]
    return (
        f"## The tests\n\n`make test`: {part['passed']} tests in {measured['seconds']:.0f} s"
        f" ({measured['cpu_seconds']:.0f} s of CPU)."
    )
