"""`python -m study`: trains what is new in study/params.yaml, remakes all that is made from runs.

No DVC pipeline: a run that is stored is never trained again, and the rest takes seconds.
"""

import argparse

from experiment.common.errors import one_line_errors
from experiment.data.known import KNOWN_DATASETS
from study import inference, pages, plot_study, replicate, summarise
from study.download import download, file_of
from study.parameters import load_study_parameters


def main() -> None:
    """Trains what is new in study/params.yaml and remakes all that is made from the runs."""
    parser = argparse.ArgumentParser(prog="python -m study", description=main.__doc__)
    replicate.add_arguments(parser)
    workers = parser.parse_args().workers
    with one_line_errors("study"):
        inference.is_up_to_date()  # what it lacks is said before hours of training
        for name in dict.fromkeys(block.dataset for block in load_study_parameters().grid):
            if name in KNOWN_DATASETS and not file_of(name).exists():
                download(name)
    replicate.run(workers)
    inference.main()
    summarise.main()
    plot_study.main()
    pages.main()


if __name__ == "__main__":
    main()
