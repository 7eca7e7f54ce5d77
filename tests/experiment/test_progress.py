import io
import re
import time

import pytest

from experiment.common.status import Status
from experiment.network.progress import TrainingProgress

ROW = {"accuracy": 0.98765, "loss": 0.04, "val_accuracy": 0.97, "val_loss": 0.09}


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def show(stream: io.StringIO, finished: int = 0) -> str:
    progress = TrainingProgress(
        "dropout", Status(None, 10), epochs=10, finished=finished, stream=stream
    )
    for epoch in (finished + 1, finished + 2):
        progress.epoch({**ROW, "epoch": epoch})
    progress.close()
    return stream.getvalue()


def test_log_has_one_line_per_epoch() -> None:
    metrics = r"accuracy 0\.9877  loss 0\.0400  val_accuracy 0\.9700  val_loss 0\.0900"
    assert re.fullmatch(
        rf"dropout  epoch  1/10  {metrics}  00:00 left\n"
        rf"dropout  epoch  2/10  {metrics}  00:00 left\n",
        show(io.StringIO()),
    )


def test_terminal_has_a_bar_with_metrics_and_time_left() -> None:
    shown = show(_Terminal())
    assert "dropout  2/10 epochs |" in shown
    assert "left" in shown
    assert "val_loss 0.0900" in shown


def test_bar_of_a_resumed_training_starts_where_that_stood() -> None:
    assert "dropout  7/10 epochs |" in show(_Terminal(), finished=5)


def test_resumed_training_counts_its_own_epochs_for_the_time_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of ten epochs five are done; two more took 8 seconds, so three take 12."""
    clock = iter([100.0, 104.0, 108.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    lines = show(io.StringIO(), finished=5).splitlines()
    assert [line.split("  ")[-1] for line in lines] == ["00:16 left", "00:12 left"]
