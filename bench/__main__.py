"""`python -m bench`: is the pipeline faster than a plain Keras script, and what does one wait for?

Each part is kept in `bench/results.json` as soon as it is done, so that a sitting that was
interrupted goes on. `bench/README.md` says what is measured and how.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markdown import Markdown

from bench.machine import describe_machine
from bench.pairs import run_pairs
from bench.picture import draw
from bench.report import fill_pages, page
from bench.sitting import Sitting, opened
from bench.waiting import run_idle, run_rate, run_stages, run_study, run_tests
from experiment.common.errors import InputError, one_line_errors
from experiment.common.files import replacing, write_figure
from experiment.common.parameters import load_parameters
from experiment.presentation.style import plain_style
from gate.errors import CannotCompareError
from gate.git import git

RESULTS, PAGE, PICTURE = (Path("bench/results").with_suffix(s) for s in (".json", ".md", ".png"))
DOTS_PER_INCH = 150

Results = dict[str, Any]

# In the order in which they are run: the first leaves up to date what the next ones need.
PARTS: dict[str, Callable[[Sitting], Results]] = {
    "idle": run_idle,
    "rate": run_rate,
    "stages": run_stages,
    "study": run_study,
    "tests": run_tests,
}


def main() -> None:
    """Measures what is missing in bench/results.json; writes it, its page and its picture."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=main.__doc__)
    names = ("pairs", *PARTS)
    parser.add_argument("--only", help=f"parts, with commas between them: {','.join(names)}")
    parser.add_argument("--pairs", type=int, default=5, help="repetitions of what is compared")
    parser.add_argument("--epochs", type=int, help="of each training; as in params.yaml if not set")
    parser.add_argument("--study-epochs", type=int, default=2, help="of each run of the study")
    parser.add_argument("--with-tests", action="store_true", help="time `make test`, too")
    parser.add_argument("--again", action="store_true", help="measure anew what is there already")
    parser.add_argument(
        "--readme", action="store_true", help="measure nothing; put the result into the READMEs"
    )
    given = parser.parse_args()
    with one_line_errors("bench"):
        results = read_results()
        if given.readme:
            fill_pages(results)
        else:
            wanted = parts_of(given.only, with_tests=given.with_tests)
            epochs = given.epochs or load_parameters().train.epochs
            measure_missing(
                {} if given.again else results,
                results,
                wanted,
                epochs=epochs,
                pairs=given.pairs,
                study_epochs=given.study_epochs,
            )
            show(results)
        write_reports(results)


def parts_of(only: str | None, *, with_tests: bool) -> list[str]:
    """The parts to measure, in their order.

    Raises:
        InputError: one is not known.
    """
    names = ["pairs", *PARTS]
    if only is None:
        return names if with_tests else [name for name in names if name != "tests"]
    wanted = {name.strip() for name in only.split(",")}
    unknown = sorted(wanted - set(names))
    if unknown:
        raise InputError(f"--only: expected parts out of {','.join(names)}; found {unknown[0]}")
    return [name for name in names if name in wanted or (with_tests and name == "tests")]


def measure_missing(stored: Results, results: Results, wanted: list[str], **settings: int) -> None:
    """Measures the wanted parts that were not measured alike already; saves each.

    Args:
        stored: results to go on from.
        results: to which new ones are added.
        wanted: names of parts.
        settings: of `Sitting`.

    Raises:
        InputError: this is no clone, or no Linux, or something that is measured fails.
    """
    conditions = {name: conditions_of(name, settings) for name in wanted}
    alike = {n: stored[n] for n in wanted if stored.get(n, {}).get("conditions") == conditions[n]}
    done = [name for name, part in alike.items() if is_whole(name, part, settings["pairs"])]
    missing = [name for name in wanted if name not in done]
    if done:
        print(f"bench: measured already: {', '.join(done)}; --again measures anew")
    if not missing:
        return
    with opened(Path.cwd(), **settings) as sitting:
        for name in missing:
            print(f"bench: {name}", flush=True)
            save = partial(keep, results, name, conditions[name])
            if name == "pairs":
                found = alike.get("pairs", {}).get("pairs", [])
                run_pairs(sitting, found, save)
            else:
                save(PARTS[name](sitting))


def is_whole(name: str, part: Results, pairs: int) -> bool:
    """Whether nothing of a part is missing."""
    repeated = {"pairs": "pairs", "idle": "rounds"}
    return name not in repeated or len(part[repeated[name]]) >= pairs


def conditions_of(name: str, settings: dict[str, int]) -> Results:
    """What must be alike for results to be of one sitting."""
    if not Path("/proc/self/smaps_rollup").exists():
        raise InputError("expected Linux 4.14 or newer, whose /proc tells the memory of processes")
    try:
        revision = git(Path.cwd(), "rev-parse", "HEAD")
        changed = git(Path.cwd(), "status", "--porcelain", "--", "*.py", "*.yaml")
    except CannotCompareError as error:
        raise InputError(f"expected a clone of this repository with a commit; {error}") from None
    if changed:
        print(f"bench: {name}: what is not committed is not measured", file=sys.stderr)
    epochs = "study_epochs" if name == "study" else "epochs"
    return {**describe_machine(), "epochs": settings[epochs], "revision": revision}


def keep(results: Results, name: str, conditions: Results, part: Results) -> None:
    """Adds a part and writes all at once."""
    results[name] = {"conditions": conditions, **part}
    with replacing(RESULTS) as temporary:
        text = json.dumps(results, indent=1, sort_keys=True, allow_nan=False) + "\n"
        temporary.write_text(text, encoding="utf-8", newline="\n")


def read_results(path: Path = RESULTS) -> Results:
    """What was measured before; nothing where there is no file.

    Raises:
        InputError: the file is not what this program writes.
    """
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected JSON as `make bench` writes it; delete it, run again")
    return content


def show(results: Results) -> None:
    """Prints the page; its picture stands for itself."""
    console = Console()
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = 100  # a file has no edge
    text = "\n".join(line for line in page(results).splitlines() if not line.startswith("!["))
    console.print(Markdown(text))


def write_reports(results: Results) -> None:
    """The page and, once there are pairs, the picture."""
    with replacing(PAGE) as temporary:
        temporary.write_text(page(results), encoding="utf-8", newline="\n")
    if "pairs" in results:
        with plain_style(font_size=11):
            write_figure(PICTURE, draw(results["pairs"]["pairs"]), DOTS_PER_INCH)
    print(f"bench: {PAGE} is up to date")


if __name__ == "__main__":
    main()
