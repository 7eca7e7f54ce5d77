"""What one waits for from day to day, in words and tables."""

from collections.abc import Callable
from statistics import median
from typing import Any

from bench.intervals import median_of
from bench.markdown import between
from bench.side_by_side import LOADS
from experiment.presentation.markdown import paragraph, table

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
    return "\n\n".join(
        [
            f"## The study, with runs of {part['epochs']} epochs on all of MNIST",
            _workers_table(part["rounds"], part["runs"]),
            _second_worker(part["rounds"]),
            _loads_table(part["loads"]),
        ]
    )


def _workers_table(rounds: list[Part], runs: int) -> str:
    """Medians over the rounds."""
    columns: dict[str, tuple[str, Callable[[Part, str], float]]] = {
        "runs per hour": (".0f", lambda found, workers: found[workers]["runs_per_hour"]),
        f"seconds for {runs} runs": (".1f", lambda found, workers: found[workers]["seconds"]),
        "of these, starting": (".1f", lambda found, workers: _starting(found[workers], runs)),
        "CPU seconds": (".1f", lambda found, workers: found[workers]["cpu_seconds"]),
        "a worker's core was at work": (".0%", _in_use),
    }
    rows = [
        [
            workers,
            *(
                format(median(figure(found, workers) for found in rounds), form)
                for form, figure in columns.values()
            ),
        ]
        for workers in sorted(rounds[0])
    ]
    return table(["workers", *columns], rows)


def _second_worker(rounds: list[Part]) -> str:
    """Its gain, as the product of one half and two losses."""
    seconds, cpu = (
        median_of([found["2"][key] / found["1"][key] for found in rounds])
        for key in ("seconds", "cpu_seconds")
    )
    waiting = median_of([_in_use(found, "1") / _in_use(found, "2") for found in rounds])
    largest = "waiting" if waiting.value > cpu.value else "what they share"
    return paragraph(
        f"Two workers take **{seconds.value:.2f}** of the time of one: the median of {len(rounds)}"
        f" rounds, {between(seconds)}. In each round that is one half, times the ratio of the CPU"
        f" seconds ({cpu.value:.2f}, {between(cpu)}), which is what two trainings at once lose by"
        " what they share, times the ratio of the shares in which the cores were at work"
        f" ({waiting.value:.2f}, {between(waiting)}), which is what they lose by waiting: for the"
        " start of the cluster and of TensorFlow, for the last run, and for a hypervisor that gives"
        f" its cores to others. The larger loss is {largest}."
    )


def _loads_table(loads: Part) -> str:
    """What two processes at once lose by what they share, where nothing else is in the way."""
    rows = []
    for name, load in LOADS.items():
        slower = median_of([found["alone"] / found["together"] for found in loads[name]])
        rows.append([load.description, load.shared, f"{slower.value:.2f}", between(slower)])
    return table(["two processes at once", "share", "times as long as alone", "interval"], rows)


def _starting(row: Part, runs: int) -> float:
    """Seconds before the first run and after the last one."""
    return float(row["seconds"] - 3600 * runs / row["runs_per_hour"])


def _in_use(found: Part, workers: str) -> float:
    """CPU seconds over those that the workers' cores had."""
    row = found[workers]
    return float(row["cpu_seconds"] / (int(workers) * row["seconds"]))


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
