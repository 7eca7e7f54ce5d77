"""Progress of a training or a study: a bar in a terminal, a line per step in a log."""

import sys
import time

from tqdm import tqdm


class Progress:
    """Show how much is done and how long the rest takes.

    `total` is all the work, in any unit that time is about proportional to; `finished` what an
    earlier process has done of it, which does not count for the time left.
    """

    def __init__(self, name: str, *, total: float, finished: float = 0) -> None:
        self._name, self._rest, self._new = name, total - finished, 0.0
        self._started = time.monotonic()
        self._bar = tqdm(
            desc=name,
            total=total,
            initial=finished,
            disable=not sys.stderr.isatty(),
            dynamic_ncols=True,
            bar_format="{desc}  {percentage:3.0f} % |{bar}| {elapsed}, {remaining} left{postfix}",
        )

    def step(self, work: float, counts: str, text: str) -> None:
        """Add work that is done: `counts` says how much there is in all, `text` what it was."""
        self._new += work
        self._rest -= work
        self._bar.set_description_str(f"{self._name}  {counts}", refresh=False)
        self._bar.set_postfix_str(text, refresh=False)
        self._bar.update(work)
        if self._bar.disable:
            left = tqdm.format_interval(self.seconds() / self._new * self._rest)
            self.say(f"{counts}  {text}  {left} left")

    def say(self, text: str) -> None:
        """Write a line, above the bar."""
        tqdm.write(f"{self._name}  {text}", file=sys.stderr)
        sys.stderr.flush()

    def seconds(self) -> float:
        """Return the time since the start."""
        return time.monotonic() - self._started

    def close(self) -> None:
        """Leave the bar as it is and end its line."""
        self._bar.close()
