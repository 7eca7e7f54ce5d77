"""`python -m study`: trains what is new in study/params.yaml, remakes all that is made from runs.

No DVC pipeline: a run that is stored is never trained again, and the rest takes a minute.
"""

import argparse

from experiment.parameters import load_parameters
from experiment.support.errors import one_line_errors
from study.grid import load_study_parameters, runs_of
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
    parser.add_argument("--workers", type=parse_positive, help=text)
    arguments = parser.parse_args()
    with one_line_errors("study"):
        params, study = load_parameters(), load_study_parameters()
        datasets = load_datasets(dict.fromkeys(block.dataset for block in study.grid))
        sizes = {name: count_images(dataset, params)[0] for name, dataset in datasets.items()}
        train_missing(runs_of(study, params, sizes), params, workers=arguments.workers)


if __name__ == "__main__":
    main()
