"""What is seen of a training while it goes on: a bar or lines, and two files for who watches."""

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from tqdm import tqdm

from experiment.common.files import write_json
from experiment.common.status import Status


class TrainingProgress:
    """Shows on stderr how far a training is, the last epoch's metrics and the time left.

    A bar in a terminal, else a line per epoch.

    Args:
        name: what is trained, such as `dropout`.
        status: for `make watch`.
        epochs: how many there will be.
        finished: how many an earlier process has done; they do not count for the time left.
    """

    def __init__(self, name: str, status: Status, *, epochs: int, finished: int = 0) -> None:
        self._name, self._epochs, self._finished = name, epochs, finished
        self._status, self._signal = status, _step_signal()
        self._started = time.monotonic()
        self._bar = tqdm(
            desc=name,
            total=epochs,
            initial=finished,
            disable=not sys.stderr.isatty(),
            dynamic_ncols=True,
            bar_format="{desc}  {n}/{total} epochs |{bar}| {elapsed}, {remaining} left{postfix}",
        )
        status.write(finished)

    def epoch(self, row: Mapping[str, float]) -> None:
        """An epoch is done; `row` is its row of the curve."""
        epoch = int(row["epoch"])
        metrics = "  ".join(f"{key} {row[key]:.4f}" for key in row if key != "epoch")
        pace = (time.monotonic() - self._started) / (epoch - self._finished)
        left = pace * (self._epochs - epoch)
        self._status.write(epoch, left=left)
        if self._signal:
            write_json(self._signal, {"pid": os.getpid(), "step": epoch})
        if self._bar.disable:
            number, time_left = f"{epoch:{len(str(self._epochs))}}", tqdm.format_interval(left)
            line = f"{self._name}  epoch {number}/{self._epochs}  {metrics}  {time_left} left"
            print(line, file=sys.stderr, flush=True)
        else:
            self._bar.set_postfix_str(metrics, refresh=False)
            self._bar.update()

    def close(self) -> None:
        """Leaves the bar as it is, ends its line, and removes the files."""
        self._bar.close()
        self._status.remove()
        if self._signal:
            self._signal.unlink(missing_ok=True)


def _step_signal() -> Path | None:
    """The file that tells of an epoch in an experiment of DVC's, as DVCLive writes it.

    `dvc exp run` trains in a copy of the repository where it is queued. VS Code's extension for DVC
    watches this file, in the repository itself, to see that the copy's curves have grown
    (https://github.com/iterative/vscode-dvc/issues/4528).
    """
    # DVC sets the former in an experiment alone, the latter always: to the repository itself.
    if "DVC_EXP_BASELINE_REV" in os.environ and "DVC_ROOT" in os.environ:
        return Path(os.environ["DVC_ROOT"], ".dvc/tmp/exps/run/DVCLIVE_STEP_COMPLETED")
    return None
