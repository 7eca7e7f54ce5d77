"""`python -m bench`: how long does the pipeline take, beside a plain Keras script?

`bench/README.md` says what is measured and how.
"""

import argparse
import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench.machine import describe_machine
from bench.report import headlines, page
from bench.sitting import open_clone, run_idle, run_pair, run_rate
from experiment.files import replacing
from experiment.parameters import load_parameters
from experiment.support.errors import InputError, one_line_errors
from experiment.support.markdown import fill_blocks
from gate.errors import CannotCompareError
from gate.git import git

RESULTS, PAGE = Path("bench/results.json"), Path("bench/results.md")

Results = dict[str, Any]


def main() -> None:
    """Measures, and writes bench/results.json and bench/results.md."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=main.__doc__)
    parser.add_argument("--pairs", type=positive, default=5, help="repetitions (default: 5)")
    parser.add_argument("--epochs", type=positive, help="of each training (default: params.yaml's)")
    parser.add_argument(
        "--readme", action="store_true", help="measure nothing; put the headline into the READMEs"
    )
    given = parser.parse_args()
    with one_line_errors("bench"):
        if given.readme:
            results = read_results()
            for readme, text in headlines(results).items():
                fill_blocks(Path(readme), "speed", {"headline": text})
        else:
            epochs = given.epochs or load_parameters().train.epochs
            results = measure_all(conditions_of(Path.cwd(), epochs), pairs=given.pairs)
            print(page(results))
        write(PAGE, page(results))


def positive(text: str) -> int:
    """A whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, found {text!r}")
    return int(text)


def conditions_of(repository: Path, epochs: int) -> Results:
    """What the results depend on: the machine, the revision, and the epochs of each training.

    Raises:
        InputError: this is not Linux, or the workspace has changes, which no clone has.
    """
    if sys.platform != "linux":
        raise InputError("expected Linux, whose kernel tells memory as measured here; use another")
    try:
        changed = git(repository, "status", "--porcelain", "--", "*.py", "*.yaml")
        revision = git(repository, "rev-parse", "HEAD")
    except CannotCompareError as error:
        raise InputError(f"expected a clone of this repository; found {error}") from None
    if changed:
        raise InputError("expected all code committed, since a clone is measured; commit it")
    return {**describe_machine(), "epochs": epochs, "revision": revision}


def measure_all(conditions: Results, *, pairs: int) -> Results:
    """Measures everything; writes `bench/results.json` after each pair, so that none is lost.

    Raises:
        InputError: something that is measured fails.
    """
    torch = find_spec("torch") is not None
    if not torch:
        print("bench: PyTorch is not installed: bench/plain_torch.py is skipped")
    results: Results = {"conditions": conditions, "pairs": []}
    with open_clone(Path.cwd(), conditions["epochs"]) as clone:
        for number in range(1, pairs + 1):
            print(f"bench: pair {number} of {pairs}", flush=True)
            results["pairs"].append(run_pair(clone, conditions["epochs"], number, torch=torch))
            save(results)
        print("bench: nothing to do, and a changed rate", flush=True)
        results |= {"idle": run_idle(clone, pairs), "rate": run_rate(clone)}
        save(results)
    return results


def save(results: Results) -> None:
    """Writes `bench/results.json`."""
    write(RESULTS, json.dumps(results, indent=1, allow_nan=False) + "\n")


def write(path: Path, text: str) -> None:
    """Replaces a file."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def read_results() -> Results:
    """What was measured before.

    Raises:
        InputError: there is no such file, or not what this program writes.
    """
    try:
        content = json.loads(RESULTS.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        content = None
    if not isinstance(content, dict) or not {"conditions", "pairs", "idle", "rate"} <= {*content}:
        raise InputError(f"{RESULTS}: expected JSON as `make bench` writes it; run that first")
    return content


if __name__ == "__main__":
    main()
