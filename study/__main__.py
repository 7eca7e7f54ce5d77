"""`python -m study`: trains what is new in study/params.yaml, remakes all that is made from runs.

No DVC pipeline: a run that is stored is never trained again, and the rest takes a minute.
"""

from collections.abc import Sequence

import pandas as pd

from experiment.common.errors import InputError, one_line_errors
from experiment.common.files import write_json
from experiment.common.parameters import Parameters, load_parameters
from experiment.data.known import KNOWN_DATASETS
from experiment.presentation.markdown import fill_blocks
from study import coverage, gate_errors, pages, paths
from study.contrasts import judge_all
from study.grid import Run, runs_of
from study.parameters import load_study_parameters
from study.pictures import write_pictures
from study.store import Entry, read_entries
from study.summarise import bands, summary, verdicts
from study.table import table_of, write_csv, write_runs
from study.training import replicate
from study.training.download import download, file_of


def main() -> None:
    """Trains what is new in study/params.yaml and remakes all that is made from the runs."""
    parser = replicate.parser_of("study", main.__doc__)
    parser.add_argument(
        "--no-training", action="store_true", help="remake it from the runs that are stored"
    )
    arguments = parser.parse_args()
    with one_line_errors("study"):
        params = load_parameters()
        if arguments.no_training:
            entries = stored(params)
        else:
            for name in dict.fromkeys(block.dataset for block in load_study_parameters().grid):
                if name in KNOWN_DATASETS and not file_of(name).exists():
                    download(name)
            entries = replicate.run(arguments.workers)
        remake(entries, params)


def stored(params: Parameters) -> list[Entry]:
    """The stored runs of the grid, by whatever software they were trained.

    Raises:
        InputError: there are none, or two of the same run.
    """
    study = load_study_parameters()
    found: dict[Run, Entry] = {}
    for path, entry in read_entries(paths.STORE):
        if entry.run in found:
            raise InputError(
                f"{path}: expected each run once; found another file of {entry.run}, of other"
                " software, data or settings; leave out --no-training, or delete one"
            )
        found[entry.run] = entry
    sizes = [(run.dataset, run.train_samples) for run in found]
    sizes += [(block.dataset, block.train_samples or 0) for block in study.grid]
    images = dict(sorted(sizes))  # the largest of each
    planned = runs_of(study, params, images)
    if not (entries := [found[run] for run in planned if run in found]):
        raise InputError(f"{paths.STORE}: expected runs of the grid; found none; run `make study`")
    return entries


def remake(entries: Sequence[Entry], params: Parameters) -> None:
    """Writes every table, picture and page that is made from the runs."""
    table, curves = table_of(entries), bands(entries)
    results = judge_all(table)
    write_runs(entries)
    write_csv(paths.BANDS, curves)
    write_json(paths.SUMMARY, summary(table, params))
    write_json(paths.CLAIMS, verdicts(results))
    write_pictures(table, curves)
    tables = {
        "figures": pages.figures_block(entries, table),
        "primary": pages.primary_block(results),
        "secondary": pages.secondary_block(results),
        "claims": pages.claims_block(results),
        "inference": pages.inference_block(pd.read_csv(paths.INFERENCE)),
        "single-run": pages.single_run_block(table),
        "settings": pages.settings_block(table),
        "runs": pages.runs_block(table, params.train.batch_size),
    }
    fill_blocks(paths.RESULTS, pages.PROGRAM, tables)
    fill_blocks(paths.STUDY_PAGE, pages.PROGRAM, {"coverage": coverage.block(table)})
    fill_blocks(paths.GATE_PAGE, pages.PROGRAM, gate_errors.blocks(table, params))


if __name__ == "__main__":
    main()
