import io
import re
import sys
import time
from pathlib import Path

import pytest
from experiment.support.status import Status

from experiment.support.progress import TrainingProgress

ROW = {"accuracy": 0.98765, "loss": 0.04, "val_accuracy": 0.97, "val_loss": 0.09}


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("terminal", [False, True])
def test_resumed_training_is_a_bar_in_a_terminal_and_else_a_line_per_epoch(
    terminal: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of ten epochs five are done; two more took 8 seconds, so three take 12."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))  # asks for no signal: this is no experiment
    monkeypatch.delenv("DVC_EXP_BASELINE_REV", raising=False)
    clock = iter([100.0, 104.0, 108.0])
    stderr = _Terminal() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    progress = TrainingProgress("dropout", Status(None, 10), epochs=10, finished=5)
    for epoch in (6, 7):
        progress.epoch({**ROW, "epoch": epoch})
    assert list(tmp_path.rglob("*")) == []
    progress.close()
    shown = stderr.getvalue()
    metrics = "accuracy 0.9877  loss 0.0400  val_accuracy 0.9700  val_loss 0.0900"
    if terminal:
        assert re.search(rf"dropout  7/10 epochs \|.*\| \S+, \S+ left, {metrics}", shown)
    else:
        assert shown == (
            f"dropout  epoch  6/10  {metrics}  00:16 left\n"
            f"dropout  epoch  7/10  {metrics}  00:12 left\n"
        )
