import io
import re
import time

import pytest

from experiment.support.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_resumed_work(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ten steps five are done; two more take 8 seconds, so three take 12."""
    clock = iter([100.0, 104.0, 108.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    progress = Progress("dropout", total=10, finished=5, stream=stream)
    for epoch in (6, 7):
        progress.step(1, f"epoch {epoch:2}/10", "loss 0.0400")
    progress.close()
    shown = (
        "dropout  epoch  6/10  loss 0.0400  00:16 left\n"
        "dropout  epoch  7/10  loss 0.0400  00:12 left\n"
    )
    if stream.isatty():
        shown = r".*\rdropout  epoch  7/10   70 % \|.*\| \S+, \S+ left, loss 0.0400.*"
    assert re.fullmatch(shown, stream.getvalue(), re.DOTALL)
