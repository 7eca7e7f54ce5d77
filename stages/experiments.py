"""`python -m stages.experiments`: a table of what `dvc exp run` tried."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import dvc.api
import pandas as pd
from dvc.exceptions import DvcException

from experiment.parameters import load_parameters
from experiment.support.errors import InputError, one_line_errors
from experiment.variants import VARIANTS
from stages.surroundings import make_environment

ALWAYS = ["train.dropout_rate", "train.epochs"]


def main() -> None:
    """Print the table."""
    with one_line_errors("experiments"):
        os.environ.update(make_environment())
        load_parameters()  # names a mistake in params.yaml better than DVC
        try:
            print(format_experiments(dvc.api.exp_show()))
        except DvcException as error:
            raise InputError(" ".join(str(error).split())) from None


def format_experiments(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the rate first, then the epochs, what else differs, and accuracy on test images."""
    table = pd.DataFrame(rows)
    parameters = [f"{section}.{name}" for section, model in load_parameters() for name, _ in model]
    differ = [name for name in parameters if name in table and len({*table[name]}) > 1]
    chosen = [*ALWAYS, *(name for name in differ if name not in ALWAYS)]
    shown = table.reindex(columns=chosen).rename(columns=lambda name: name.split(".")[1])
    for name, variant in VARIANTS.items():
        column = f"metrics/{name}.json:test_accuracy"  # none before the first training
        accuracy = pd.to_numeric(table.reindex(columns=[column])[column], errors="coerce")
        shown[variant.label] = (100 * accuracy).map("{:.2f} %".format, na_action="ignore")
    shown["experiment"] = table["Experiment"].fillna(table["rev"])
    return str(shown.to_string(index=False, na_rep="-", float_format="{:.10g}".format))


if __name__ == "__main__":
    main()
