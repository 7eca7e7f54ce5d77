"""Progress of a training: a bar in a terminal, one line per epoch in a log."""

import sys
import time
from collections.abc import Mapping
from typing import TextIO

from tqdm import tqdm


class TrainingProgress:
    """Shows how far a training is, the last epoch's metrics and the time left.

    Args:
        name: what is trained, such as `dropout`.
        epochs: how many there will be.
        updates: updates per epoch.
        stream: where to write; a bar if it is a terminal, else lines.
    """

    def __init__(
        self, name: str, *, epochs: int, updates: int, stream: TextIO | None = None
    ) -> None:
        self._name = name
        self._epochs = epochs
        self._updates = updates
        self._stream = stream or sys.stderr
        self._bar = tqdm(
            total=epochs * updates,
            file=self._stream,
            disable=not self._stream.isatty(),
            dynamic_ncols=True,
            bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed}, {remaining} left{postfix}",
        )
        self._begin(0)

    def _begin(self, finished: int) -> None:
        self._finished = finished
        self._started = time.monotonic()
        self._describe(finished + 1)

    def _describe(self, epoch: int) -> None:
        number = min(epoch, self._epochs)
        self._bar.set_description_str(f"{self._name}  epoch {number}/{self._epochs}")

    def skip(self, epochs: int) -> None:
        """An earlier process has done these epochs; they do not count for the time left."""
        self._bar.reset()
        self._bar.n = self._bar.initial = epochs * self._updates
        self._begin(epochs)

    def say(self, line: str) -> None:
        """Prints a line of its own."""
        tqdm.write(f"{self._name}  {line}", file=self._stream)

    def advance(self, updates: int) -> None:
        """More updates of the weights are done."""
        self._bar.update(updates)

    def epoch(self, row: Mapping[str, float]) -> None:
        """An epoch is done; `row` is its row of the curve."""
        epoch = int(row["epoch"])
        metrics = "  ".join(f"{key} {row[key]:.4f}" for key in row if key != "epoch")
        if self._bar.disable:
            pace = (time.monotonic() - self._started) / (epoch - self._finished)
            left = tqdm.format_interval(pace * (self._epochs - epoch))
            width = len(str(self._epochs))
            self.say(f"epoch {epoch:{width}}/{self._epochs}  {metrics}  {left} left")
        else:
            self._describe(epoch + 1)
            self._bar.set_postfix_str(metrics)

    def close(self) -> None:
        """Leaves the bar as it is and ends its line."""
        self._bar.close()
