"""The sign of life of a training that DVC runs as an experiment."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from experiment.common.files import replacing


@contextmanager
def step_signal() -> Iterator[Callable[[int], None]]:
    """Tells whoever watches an experiment of DVC's that an epoch is done, as DVCLive does.

    `dvc exp run` trains in a copy of the repository where it is queued. VS Code's extension for DVC
    watches this file, in the repository itself, to see that the copy's curves have grown
    (https://github.com/iterative/vscode-dvc/issues/4528).

    Yields:
        What to call with the number of epochs that are done; it does nothing but in such a run.
    """
    # DVC sets the former in an experiment alone, the latter always: to the repository itself.
    asked = "DVC_EXP_BASELINE_REV" in os.environ and "DVC_ROOT" in os.environ
    file = Path(os.environ.get("DVC_ROOT", ""), ".dvc/tmp/exps/run/DVCLIVE_STEP_COMPLETED")

    def write(step: int) -> None:
        if asked:
            with replacing(file) as temporary:
                temporary.write_text(json.dumps({"pid": os.getpid(), "step": step}))

    try:
        yield write
    finally:
        if asked:
            file.unlink(missing_ok=True)
