"""Progress of a study: a bar in a terminal, one line per run in a log."""

import sys
import time
from typing import TextIO

from tqdm import tqdm

from experiment.common.status import Status


class StudyProgress:
    """Shows how many runs are done and failed, and the time left.

    Args:
        runs: how many there will be.
        work: of all of them, in any unit that the time of a run is about proportional to.
        status: for `make watch`.
        stream: where to write; a bar if it is a terminal, else lines.
    """

    def __init__(
        self, *, runs: int, work: float, status: Status, stream: TextIO | None = None
    ) -> None:
        self._status, self._runs, self._work = status, runs, work
        self._done = self._failed = 0
        self._finished = 0.0
        self._stream = stream or sys.stderr
        self._started = time.monotonic()
        self._bar = tqdm(
            total=work,
            file=self._stream,
            disable=not self._stream.isatty(),
            dynamic_ncols=True,
            bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed}, {remaining} left",
        )
        self._bar.set_description_str(f"study  {self._counts()}")
        status.write(0)

    def _counts(self) -> str:
        return f"{self._done} of {self._runs} runs done, {self._failed} failed"

    def _say(self, line: str) -> None:
        tqdm.write(f"study: {line}", file=self._stream)

    def finished(self, run: str, work: float, error: str | None = None) -> None:
        """A run has ended, well or with an error."""
        self._finished += work
        self._done += error is None
        self._failed += error is not None
        self._bar.update(work)
        self._bar.set_description_str(f"study  {self._counts()}")
        pace = (time.monotonic() - self._started) / self._finished
        left = pace * (self._work - self._finished)
        self._status.write(self._done, failed=self._failed, left=left)
        if error is not None:
            self._say(f"failed: {run}: {error}")
        elif self._bar.disable:
            self._say(f"{self._counts()}, {tqdm.format_interval(left)} left: {run}")

    def close(self) -> None:
        """Ends the bar's line and says how fast it went."""
        self._bar.close()
        self._status.remove()
        seconds = time.monotonic() - self._started
        rate = 3600 * self._done / seconds
        taken = tqdm.format_interval(seconds)
        self._say(f"{self._counts()}, in {taken}: {rate:.1f} runs per hour")
