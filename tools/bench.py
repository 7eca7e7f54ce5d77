"""`python -m tools.bench`: time the pipeline beside a plain Keras script, in turn.

Both start from the processed images and end with two trained model files. docs/speed.md says more.
"""

import argparse
import json
import os
import platform
import re
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any, get_args

from experiment.files import replacing
from experiment.parameters import Instructions
from experiment.splits import read_split
from experiment.support.errors import InputError, one_line_errors
from experiment.variants import VARIANTS
from gate.git import git
from tools.clones import open_clone, run, set_parameters

RESULTS = Path("metrics/bench.json")

# The numbers in the text of tools/plain.py.
PLAIN: dict[str, Any] = {
    "data__dataset": "mnist", "model__filters": 32, "model__dense_units": 128,
    "train__dropout_rate": 0.5, "train__batch_size": 32, "train__learning_rate": 0.001,
}  # fmt: skip


def main() -> None:
    """Time pairs of plain script and pipeline; print ratios and write them to a JSON file."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=main.__doc__)
    parser.add_argument("--pairs", type=int, default=3, help="default: 3")
    parser.add_argument("--epochs", type=int, default=20, help="of each training; default: 20")
    parser.add_argument("--output", type=Path, default=RESULTS, help=f"default: {RESULTS}")
    given = parser.parse_args()
    if min(given.pairs, given.epochs) < 1:
        parser.error("expected 1 pair and 1 epoch or more")
    with one_line_errors("bench", then="nothing was written"), open_clone(Path.cwd()) as clone:
        results = measure_pairs(clone, given.pairs, given.epochs)
        with replacing(given.output) as temporary:
            temporary.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        print(format_results(results))


def measure_pairs(clone: Path, pairs: int, epochs: int) -> dict[str, Any]:
    """Run the plain script, then the pipeline with each set of instructions, again and again.

    Raises:
        InputError: one of them fails.
    """
    plain = clone.parent / "plain"
    plain.mkdir()
    script = ("tools/plain.py", "data/processed", str(plain), "--epochs", str(epochs))
    measured: list[dict[str, Any]] = []
    for pair in range(1, pairs + 1):
        # Each pair has its own seed, so that DVC trains again.
        set_parameters(clone, **PLAIN, train__epochs=epochs, train__seed=100 + pair)
        measure(("-m", "dvc", "repro", "preprocess"), clone)
        costs = {"plain": measure(script, clone)}
        for instructions in get_args(Instructions):
            set_parameters(clone, train__instructions=instructions)
            measure(("-m", "dvc", "repro", "preprocess"), clone)  # `check`, before the time counts
            costs[instructions] = measure(("-m", "stages"), clone)
        print(f"pair {pair}: {costs}", flush=True)
        measured.append(costs)
    environment = clone / f"metrics/{next(iter(VARIANTS))}.environment.json"
    return {
        "commit": git(clone, "rev-parse", "HEAD"),
        "cores": os.cpu_count(),
        "environment": json.loads(environment.read_text()),
        "epochs": epochs,
        "pairs": measured,
        "processor": read_processor(),
        "training_images": len(read_split(clone / "data/processed/train.npz").labels),
    }


def measure(command: tuple[str, ...], clone: Path) -> dict[str, float]:
    """Run this Python with arguments and return its seconds and the bytes of its largest process.

    Raises:
        InputError: it fails; its last lines are in the message.
    """
    log, started = clone.parent / "log", time.perf_counter()
    with log.open("w") as output:
        status, usage = run(command, clone, output)
    seconds = time.perf_counter() - started
    if status != 0:
        said = " / ".join(log.read_text(errors="replace").splitlines()[-3:])
        raise InputError(f"{' '.join(command)}: expected status 0; found {status}: {said}")
    unit = 1 if sys.platform == "darwin" else 1024
    return {"seconds": round(seconds, 2), "largest_process": usage.ru_maxrss * unit}


def read_processor() -> str:
    """Return the processor's name as Linux has it, else its kind."""
    info = Path("/proc/cpuinfo")
    found = re.search("^model name\\s*: (.+)", info.read_text(), re.M) if info.is_file() else None
    return found[1] if found else platform.machine()


def format_results(results: dict[str, Any]) -> str:
    """Return a line for each ratio of costs and each rate, and one for the conditions."""
    pairs, lines = results["pairs"], []
    images = results["epochs"] * results["training_images"]
    for name in get_args(Instructions):
        for cost in ("seconds", "largest_process"):
            found = [pair["plain"][cost] / pair[name][cost] for pair in pairs]
            shown = f"{median(found):.2f} times ({min(found):.2f} to {max(found):.2f})"
            lines.append(f"{name}: {cost} of the plain script: {shown}")
        rate = images / median(pair[name]["seconds"] for pair in pairs)
        lines.append(f"{name}: one training sees {rate:,.0f} images a second")
    conditions = "{epochs} epochs, {cores} cores, {processor}".format(**results)
    return "\n".join([*lines, f"{len(pairs)} pairs, {conditions}"])


if __name__ == "__main__":
    main()
