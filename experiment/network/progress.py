"""Progress of a training: a bar in a terminal, one line per epoch in a log."""

import sys
import time
from collections.abc import Mapping
from typing import TextIO

from tqdm import tqdm

from experiment.common.status import Status


class TrainingProgress:
    """Shows how far a training is, the last epoch's metrics and the time left.

    Args:
        name: what is trained, such as `dropout`.
        status: for `make watch`.
        epochs: how many there will be.
        finished: how many an earlier process has done; they do not count for the time left.
        stream: where to write; a bar if it is a terminal, else lines.
    """

    def __init__(
        self,
        name: str,
        status: Status,
        *,
        epochs: int,
        finished: int = 0,
        stream: TextIO | None = None,
    ) -> None:
        self._name, self._epochs, self._finished = name, epochs, finished
        self._status = status
        self._stream = stream or sys.stderr
        self._started = time.monotonic()
        self._bar = tqdm(
            desc=name,
            total=epochs,
            initial=finished,
            file=self._stream,
            disable=not self._stream.isatty(),
            dynamic_ncols=True,
            bar_format="{desc}  {n}/{total} epochs |{bar}| {elapsed}, {remaining} left{postfix}",
        )
        status.write(finished)

    def say(self, line: str) -> None:
        """Prints a line of its own."""
        tqdm.write(f"{self._name}  {line}", file=self._stream)

    def epoch(self, row: Mapping[str, float]) -> None:
        """An epoch is done; `row` is its row of the curve."""
        epoch = int(row["epoch"])
        metrics = "  ".join(f"{key} {row[key]:.4f}" for key in row if key != "epoch")
        pace = (time.monotonic() - self._started) / (epoch - self._finished)
        left = pace * (self._epochs - epoch)
        self._status.write(epoch, left=left)
        if self._bar.disable:
            width, time_left = len(str(self._epochs)), tqdm.format_interval(left)
            self.say(f"epoch {epoch:{width}}/{self._epochs}  {metrics}  {time_left} left")
        else:
            self._bar.set_postfix_str(metrics, refresh=False)
            self._bar.update()

    def close(self) -> None:
        """Leaves the bar as it is and ends its line."""
        self._bar.close()
        self._status.remove()
