import io
import re

from experiment.network.progress import TrainingProgress

ROW = {"epoch": 2, "accuracy": 0.98765, "loss": 0.04, "val_accuracy": 0.97, "val_loss": 0.09}


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def show(stream: io.StringIO) -> str:
    progress = TrainingProgress("dropout", epochs=10, updates=100, stream=stream)
    progress.advance(100)
    progress.epoch(ROW)
    progress.close()
    return stream.getvalue()


def test_log_has_one_line_per_epoch() -> None:
    assert re.fullmatch(
        r"dropout  epoch  2/10  accuracy 0\.9877  loss 0\.0400  val_accuracy 0\.9700"
        r"  val_loss 0\.0900  00:00 left\n",
        show(io.StringIO()),
    )


def test_terminal_has_a_bar_with_metrics_and_time_left() -> None:
    shown = show(_Terminal())
    assert "dropout  epoch 3/10" in shown
    assert "10%" in shown
    assert "left" in shown
    assert "val_loss 0.0900" in shown


def test_resumed_training_counts_its_own_epochs_for_the_time_left() -> None:
    stream = _Terminal()
    progress = TrainingProgress("dropout", epochs=10, updates=100, stream=stream)
    progress.skip(5)
    progress.say("resumed after epoch 5")
    progress.advance(100)
    progress.epoch({**ROW, "epoch": 6})
    progress.close()
    assert "dropout  resumed after epoch 5\n" in stream.getvalue()
    assert "dropout  epoch 7/10" in stream.getvalue()
    assert " 60%" in stream.getvalue()
