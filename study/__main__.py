"""`python -m study`: trains what is new in study/params.yaml, remakes all that is made from runs.

No DVC pipeline: a run that is stored is never trained again, and the rest takes a minute.
"""

import argparse
import itertools

from experiment.files import write_json
from experiment.parameters import Parameters, load_parameters
from experiment.support.errors import one_line_errors
from experiment.support.markdown import fill_blocks
from experiment.variants import VARIANTS
from study import results
from study.grid import load_study_parameters, runs_of
from study.pictures import write_pictures
from study.runs import Run, Store, load_runs, run_of, setting_of
from study.table import Table, average_curves
from study.training.replicate import count_images, load_datasets, train_missing


def parse_positive(text: str) -> int:
    """Parse a number of 1 or more, for argparse."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"expected 1 or more; found {text!r}")
    return int(text)


def main() -> None:
    """Train what is new in study/params.yaml and remake all that is made from the runs."""
    parser = argparse.ArgumentParser(prog="python -m study", description=main.__doc__)
    text = "of the local cluster; one per core if not set"
    text = "remake what is made from the stored runs"
    parser.add_argument("--no-training", action="store_true", help=text)
    text = "instead of the grid: train params.yaml with so many seeds more"
    parser.add_argument("--seeds", type=parse_positive, metavar="N", help=text)
    text = "of the local cluster; one per core if not set"
    parser.add_argument("--workers", type=parse_positive, help=text)
    arguments = parser.parse_args()
    with one_line_errors("study"):
        params = load_parameters()
        if arguments.seeds:
            train_more_seeds(params, arguments.seeds, arguments.workers)
        elif not arguments.no_training:
            train_grid(params, arguments.workers)
        remake()


def train_grid(params: Parameters, workers: int | None) -> None:
    """Train what is new in study/params.yaml."""
    study, entries = load_study_parameters(), Store().entries.values()
    names = dict.fromkeys(block.dataset for block in study.grid)
    sizes = {entry.run.dataset: entry.available for entry in entries}
    # Asked first without a data set and without TensorFlow, so whatever the environment.
    stored = {(entry.setting, entry.run.seed) for entry in entries}
    if names.keys() <= sizes.keys():
        runs = runs_of(study, params, sizes)
        if all((setting_of(run, params), run.seed) in stored for run in runs):
            print(f"study: all {len(runs)} runs of study/params.yaml are there: nothing to train")
            return
    datasets = load_datasets(names)
    sizes = {name: count_images(dataset, params)[0] for name, dataset in datasets.items()}
    train_missing(runs_of(study, params, sizes), params, workers=workers)


def train_more_seeds(params: Parameters, seeds: int, workers: int | None) -> None:
    """Train both variants of the pipeline with the next seeds that are not stored yet."""
    name = params.data.dataset
    available = count_images(load_datasets({name: None})[name], params)[0]
    images = params.preprocess.train_samples or available
    entries = Store().entries.values()
    stored = {(entry.setting, entry.run.seed) for entry in entries}
    runs: list[Run] = []
    for seed in itertools.count():
        both = [run_of(params, variant, images, seed) for variant in VARIANTS]
        if not all((setting_of(run, params), seed) in stored for run in both):
            runs += both
        if len({run.seed for run in runs}) == seeds:
            break
    train_missing(runs, params, workers=workers)


def remake() -> None:
    """Write every table, picture and page that is made from the runs."""
    entries = load_runs()
    table = Table(entries)
    table.write()
    write_json(results.FILE, results.summarise(entries, table))
    write_pictures(table, average_curves(entries))
    fill_blocks(results.PAGE, results.PROGRAM, results.make_blocks(entries, table))


if __name__ == "__main__":
    main()
