"""Stage `check`: are the parameters right, and can this processor train with them?

DVC deletes the outputs of a stage before it starts the stage's command, so a check in `train`
would cost the last good model and metrics. This stage comes first, fails instead, and writes the
same bytes whenever the parameters are right, so that it makes no other stage stale.
"""

import importlib
import platform
from pathlib import Path

from experiment.data.known import DatasetName
from experiment.files import write_text
from experiment.parameters import DataParameters, Parameters, read_parameters
from experiment.support.errors import one_line_errors, wrong

CHECKED = Path("data/params.checked")


class _Data(DataParameters):
    dataset: DatasetName


class _Checked(Parameters):
    """The parameters with the dataset's name checked, too.

    Only here: the stages that train would otherwise depend on the table of known datasets.
    """

    data: _Data


def main() -> None:
    """Check `params.yaml` and write the mark that the other stages depend on."""
    with one_line_errors("check"):
        check_parameters()
        write_text(CHECKED, "params.yaml was right when this was written\n")


def check_parameters() -> None:
    """Raise InputError if a parameter is wrong, or needs another x86-64 processor."""
    params = read_parameters(Path("params.yaml"), _Checked)
    if platform.machine().lower() not in ("amd64", "x86_64"):
        return
    # What `numpy.show_runtime` prints; TensorFlow would die where it were asked.
    features = importlib.import_module("numpy._core._multiarray_umath").__cpu_features__
    if not features["AVX"]:
        remedy = "run this on another machine (a virtual one: with the host's processor)"
        raise wrong("processor", "AVX, without which TensorFlow dies", "none", remedy)
    if params.train.instructions == "avx2" and not features["AVX2"]:
        what = "params.yaml: train.instructions: avx2"
        raise wrong(what, "a processor with AVX2", "one without", "set it to native (other bits)")


if __name__ == "__main__":
    main()
