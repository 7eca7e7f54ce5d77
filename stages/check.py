"""Stage `check`: are the parameters right?

DVC deletes the outputs of a stage before it starts the stage's command, so a check in `train`
would cost the last good model and metrics. This stage comes first, fails instead, and writes the
same bytes whenever the parameters are right, so that it makes no other stage stale.
"""

from pathlib import Path

from experiment.data.known import DatasetName
from experiment.files import replacing
from experiment.parameters import DataParameters, Parameters, read_parameters
from experiment.support.errors import one_line_errors

CHECKED = Path("data/params.checked")


class _Data(DataParameters):
    dataset: DatasetName


class _Checked(Parameters):
    """The parameters with the dataset's name checked, too.

    Only here: the stages that train would otherwise depend on the table of known datasets.
    """

    data: _Data


def main() -> None:
    """Checks `params.yaml` and writes the mark that the other stages depend on."""
    with one_line_errors("check"):
        read_parameters(Path("params.yaml"), _Checked)
        with replacing(CHECKED) as temporary:
            temporary.write_bytes(b"params.yaml was right when this was written\n")


if __name__ == "__main__":
    main()
