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
        finished: how many an earlier process has done; they do not count for the time left.
        stream: where to write; a bar if it is a terminal, else lines.
    """

    def __init__(
        self, name: str, *, epochs: int, finished: int = 0, stream: TextIO | None = None
    ) -> None:
        self._name, self._epochs, self._finished = name, epochs, finished
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

    def say(self, line: str) -> None:
        """Prints a line of its own."""
        tqdm.write(f"{self._name}  {line}", file=self._stream)

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
            self._bar.set_postfix_str(metrics, refresh=False)
            self._bar.update()

    def close(self) -> None:
        """Leaves the bar as it is and ends its line."""
        self._bar.close()
