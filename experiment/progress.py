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

    def __init__(self, name: str, epochs: int, updates: int, stream: TextIO | None = None) -> None:
        self._name = name
        self._epochs = epochs
        self._stream = stream or sys.stderr
        self._bar = tqdm(
            total=epochs * updates,
            file=self._stream,
            disable=not self._stream.isatty(),
            dynamic_ncols=True,
            bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed}, {remaining} left {postfix}",
        )
        self._bar.set_description_str(f"{name}  epoch 1/{epochs}")
        self._started = time.monotonic()

    def advance(self, updates: int) -> None:
        """More updates of the weights are done."""
        self._bar.update(updates)

    def epoch(self, row: Mapping[str, float]) -> None:
        """An epoch is done; `row` is its row of the curve."""
        epoch = int(row["epoch"])
        metrics = "  ".join(f"{key} {row[key]:.4f}" for key in row if key != "epoch")
        if self._bar.disable:
            elapsed = time.monotonic() - self._started
            left = tqdm.format_interval(elapsed / epoch * (self._epochs - epoch))
            width = len(str(self._epochs))
            line = f"{self._name}  epoch {epoch:{width}}/{self._epochs}  {metrics}  {left} left"
            print(line, file=self._stream, flush=True)
        else:
            following = min(epoch + 1, self._epochs)
            self._bar.set_description_str(f"{self._name}  epoch {following}/{self._epochs}")
            self._bar.set_postfix_str(metrics)

    def close(self) -> None:
        """Leaves the bar as it is and ends its line."""
        self._bar.close()
