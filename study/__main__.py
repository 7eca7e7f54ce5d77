"""`python -m study`: trains what is new in study/params.yaml, remakes all that is made from runs.

No DVC pipeline: a run that is stored is never trained again, and the rest takes a minute.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial

from experiment.files import write_json
from experiment.parameters import Parameters, load_parameters, read_parameters
from experiment.support.errors import one_line_errors, wrong
from experiment.support.markdown import fill_blocks
from study import results
from study.grid import PARAMETERS, StudyParameters, plan_runs, plan_seeds
from study.pictures import write_pictures
from study.runs import Entry, Store, choose_runs
from study.table import RUNS, write_table
from study.training.replicate import count_images, load_datasets, train_missing


def parse_positive(text: str) -> int:
    """Parse a number of 1 or more, for argparse."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"expected 1 or more; found {text!r}")
    return int(text)


def main() -> None:
    """Train what is new in study/params.yaml and remake all that is made from the runs."""
    parser = argparse.ArgumentParser(prog="python -m study", description=main.__doc__)
    instead = parser.add_mutually_exclusive_group()
    text = "train nothing"
    instead.add_argument("--no-training", action="store_true", help=text)
    text = "train params.yaml instead, with the first N seeds besides its own"
    instead.add_argument("--seeds", type=parse_positive, metavar="N", help=text)
    text = "train these stored runs again instead (the first digits of their keys will do)"
    instead.add_argument("--again", nargs="+", metavar="KEY", help=text)
    text = "of the local cluster; one per core if not set"
    parser.add_argument("--workers", type=parse_positive, metavar="N", help=text)
    arguments = parser.parse_args()
    with one_line_errors("study"):
        params = load_parameters()
        if arguments.again:
            train_again(arguments.again, params, arguments.workers)
        elif not arguments.no_training:
            train_new(params, arguments.seeds, arguments.workers)
        remake()


def train_new(params: Parameters, seeds: int | None, workers: int | None) -> None:
    """Train what is new in study/params.yaml, or params.yaml with so many more seeds."""
    if seeds:
        names, plan = [params.data.dataset], partial(plan_seeds, seeds, params)
    else:
        study = read_parameters(PARAMETERS, StudyParameters)
        names, plan = [block.dataset for block in study.grid], partial(plan_runs, study, params)
    # Runs on known data, of whatever environment, are found without a data set and TensorFlow. A
    # file of the user's may have other images than when it was trained on.
    stored = [e for e in Store().entries.values() if not e.setting.is_own]
    sizes = {entry.setting.dataset: entry.available for entry in stored}
    if sizes.keys() >= {*names} and not {*plan(sizes)} - {(e.setting, e.seed) for e in stored}:
        print(f"study: all {len(plan(sizes))} runs are there: nothing to train", file=sys.stderr)
        return
    datasets = load_datasets(names)
    sizes = {name: count_images(dataset, params) for name, dataset in datasets.items()}
    train_missing(plan(sizes), datasets, params, workers)


def train_again(starts: Sequence[str], params: Parameters, workers: int | None) -> None:
    """Train the stored runs whose keys start so again, in place of what is stored."""
    stored, again = Store().entries, dict[str, Entry]()
    for start in starts:
        found = {key: entry for key, entry in stored.items() if key.startswith(start)}
        if len(found) != 1:
            expected, number = f"the key of one run for {start!r}", f"{len(found)} runs"
            raise wrong("--again", expected, number, "copy more digits of one in study/runs.jsonl")
        again |= found
    datasets = load_datasets(entry.setting.dataset for entry in again.values())
    runs = [(entry.setting, entry.seed) for entry in again.values()]
    train_missing(runs, datasets, params, workers, again=again.values())


def remake() -> None:
    """Write every table, picture and page that is made from the runs.

    That is the table of runs alone where the page or the runs that it is about are not there, as
    in a repository that is made from this one.
    """
    store = Store()
    for problem in store.problems:
        print(f"study: {problem}", file=sys.stderr)
    entries = choose_runs(store)
    if left := len(store.entries) - len(entries):
        text = "were trained on another machine or with other software than most and are left out"
        print(f"study: {left} of {len(store.entries)} runs {text}", file=sys.stderr)
    write_table(entries)
    if not results.can_fill_page(entries):
        print(f"study: no runs of the protocols: {RUNS} alone is written", file=sys.stderr)
        return
    content = results.summarise(entries)
    write_json(results.FILE, content)
    write_pictures(entries)
    fill_blocks(results.PAGE, results.PROGRAM, results.make_blocks(content))


if __name__ == "__main__":
    main()
