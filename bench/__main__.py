"""`python -m bench`: how long does the pipeline take, beside a plain Keras script?

Results are saved after each pair and part, so an interrupted sitting goes on where it stopped.
`bench/README.md` says what is measured and how.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from bench.machine import describe_machine
from bench.report import fill_pages, page
from bench.sitting import has_torch, open_sitting, run_idle, run_pair, run_rate
from experiment.common.errors import InputError, one_line_errors
from experiment.common.files import replacing
from experiment.common.parameters import load_parameters
from gate.errors import CannotCompareError
from gate.git import git

RESULTS, PAGE = Path("bench/results.json"), Path("bench/results.md")

Results = dict[str, Any]


def main() -> None:
    """Measures what bench/results.json lacks; writes it and bench/results.md."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=main.__doc__)
    parser.add_argument("--pairs", type=positive, default=5, help="repetitions (default: 5)")
    parser.add_argument("--epochs", type=positive, help="of each training (default: params.yaml's)")
    parser.add_argument(
        "--readme", action="store_true", help="measure nothing; put the headline into the READMEs"
    )
    given = parser.parse_args()
    with one_line_errors("bench"):
        results = read_results()
        if given.readme:
            fill_pages(results)
        else:
            epochs = given.epochs or load_parameters().train.epochs
            conditions = conditions_of(Path.cwd(), epochs)
            if results.get("conditions") != conditions:
                results = {"conditions": conditions}
            measure_missing(results, epochs=epochs, pairs=given.pairs)
            print(page(results))
        write(PAGE, page(results))


def positive(text: str) -> int:
    """A whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, found {text!r}")
    return int(text)


def conditions_of(repository: Path, epochs: int) -> Results:
    """What must be the same for results to belong to one sitting.

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


def measure_missing(results: Results, *, epochs: int, pairs: int) -> None:
    """Adds what is missing to `results`; saves after each pair and part.

    Raises:
        InputError: something that is measured fails.
    """
    found = results.setdefault("pairs", [])
    parts = [name for name in ("idle", "rate") if name not in results]
    if len(found) >= pairs and not parts:
        print(f"bench: measured already; delete {RESULTS} to measure again")
        return
    torch = has_torch()
    with open_sitting(Path.cwd(), epochs) as sitting:
        for number in range(len(found) + 1, pairs + 1):
            print(f"bench: pair {number} of {pairs}", flush=True)
            found.append(run_pair(sitting, number, torch=torch))
            save(results)
        for name in parts:
            print(f"bench: {name}", flush=True)
            results[name] = run_idle(sitting, pairs) if name == "idle" else run_rate(sitting)
            save(results)


def save(results: Results) -> None:
    """Writes `bench/results.json`."""
    write(RESULTS, json.dumps(results, indent=1, sort_keys=True, allow_nan=False) + "\n")


def write(path: Path, text: str) -> None:
    """Replaces a file."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def read_results() -> Results:
    """What was measured before; nothing where there is no file.

    Raises:
        InputError: the file is not what this program writes.
    """
    if not RESULTS.is_file():
        return {}
    try:
        content = json.loads(RESULTS.read_text(encoding="utf-8"))
    except ValueError:
        content = None
    if not isinstance(content, dict) or not {"conditions", "pairs"} <= content.keys():
        raise InputError(f"{RESULTS}: expected JSON as `make bench` writes it; delete it")
    return content


if __name__ == "__main__":
    main()
