"""`python -m tools.bench`: time the pipeline beside a plain Keras script, in turn.

Both start from the processed images and end with two trained model files. docs/speed.md says more.
"""

import argparse
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any, get_args

from ruamel.yaml import YAML

from experiment.files import replacing
from experiment.parameters import Instructions
from experiment.splits import read_split
from experiment.support.errors import InputError, one_line_errors
from gate.git import git
from tools.verify import open_clone, run

RESULTS = Path("metrics/bench.json")
IMAGES = Path("data/raw/images.npz")

# The numbers in the text of tools/plain.py.
PLAIN: dict[str, dict[str, Any]] = {
    "data": {"dataset": "mnist"},
    "model": {"filters": 32, "dense_units": 128},
    "train": {"dropout_rate": 0.5, "batch_size": 32, "learning_rate": 0.001},
}
FIRST_SEED = 101  # each pair has its own, so that DVC trains again


def main() -> None:
    """Time pairs of plain script and pipeline; print ratios and write them to a JSON file."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=main.__doc__)
    parser.add_argument("--pairs", type=int, default=3, help="default: 3")
    parser.add_argument("--epochs", type=int, default=20, help="of each training; default: 20")
    parser.add_argument("--output", type=Path, default=RESULTS, help=f"default: {RESULTS}")
    given = parser.parse_args()
    with one_line_errors("bench", then="nothing was written"), ExitStack() as stack:
        if min(given.pairs, given.epochs) < 1:
            raise InputError(f"expected 1 pair and epoch or more; found {given}; give others")
        results = measure_pairs(open_clone(Path.cwd(), stack), given.pairs, given.epochs)
        with replacing(given.output) as temporary:
            temporary.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        print(format_results(results))


def measure_pairs(clone: Path, pairs: int, epochs: int) -> dict[str, Any]:
    """Run the plain script, then the pipeline with each set of instructions, again and again.

    Raises:
        InputError: one of them fails.
    """
    if IMAGES.is_file():  # else the clone downloads them
        (clone / IMAGES).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(IMAGES, clone / IMAGES)
    plain = clone.parent / "plain"
    plain.mkdir()
    script = ("tools/plain.py", "data/processed", str(plain), "--epochs", str(epochs))
    measured = []
    for number in range(pairs):
        costs: dict[str, dict[str, float]] = {}
        for instructions in get_args(Instructions):
            train = {"epochs": epochs, "seed": FIRST_SEED + number, "instructions": instructions}
            set_parameters(clone, PLAIN | {"train": PLAIN["train"] | train})
            measure(("-m", "dvc", "repro", "preprocess"), clone)
            if not costs:
                costs["plain"] = measure(script, clone)
            costs[instructions] = measure(("-m", "stages"), clone)
        print(f"pair {number + 1}: {costs}", flush=True)
        measured.append(costs)
    environment = json.loads((clone / "metrics/dropout.environment.json").read_text())
    return {
        "commit": git(clone, "rev-parse", "HEAD"),
        "cores": os.cpu_count(),
        "environment": environment,
        "epochs": epochs,
        "pairs": measured,
        "processor": read_processor(),
        "training_images": len(read_split(clone / "data/processed/train.npz").labels),
    }


def set_parameters(clone: Path, sections: dict[str, dict[str, Any]]) -> None:
    """Change values in the clone's params.yaml."""
    yaml, path = YAML(), clone / "params.yaml"
    content = yaml.load(path)
    for section, values in sections.items():
        content[section] |= values
    yaml.dump(content, path)


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
    for line in info.read_text().splitlines() if info.is_file() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def compute_ratios(pairs: Sequence[dict[str, Any]], instructions: str, cost: str) -> list[float]:
    """Return median, smallest and largest of the plain script's cost over the pipeline's."""
    found = [pair["plain"][cost] / pair[instructions][cost] for pair in pairs]
    return [median(found), min(found), max(found)]


def format_results(results: dict[str, Any]) -> str:
    """Return a line for each set of instructions."""
    pairs, lines = results["pairs"], []
    for name in (name for name in pairs[0] if name != "plain"):
        times = "{:.2f} times as long ({:.2f} to {:.2f})".format(
            *compute_ratios(pairs, name, "seconds")
        )
        memory = compute_ratios(pairs, name, "largest_process")[0]
        seconds = median(pair[name]["seconds"] for pair in pairs)
        rate = results["epochs"] * results["training_images"] / seconds
        lines.append(
            f"{name}: the plain script takes {times} and {memory:.2f} times the memory;"
            f" one training sees {rate:,.0f} images a second"
        )
    where = f"{len(pairs)} pairs, {results['epochs']} epochs, {results['cores']} cores"
    return "\n".join([*lines, f"{where}, {results['processor']}"])


if __name__ == "__main__":
    main()
