"""How far a long run is: a small file that `make watch` reads."""

from pathlib import Path

from experiment.common.files import write_json

# Of each training's checkpoint, too. No output of DVC's, which deletes those before it starts.
FOLDER = Path(".checkpoints")


class Status:
    """The file of one run; it is there while the run is.

    Args:
        file: such as `.checkpoints/dropout.json`; None to write none.
        total: epochs of a training, or runs of a study.
    """

    def __init__(self, file: Path | None, total: int) -> None:
        self._file, self._total = file, total

    def write(self, done: int, *, failed: int = 0, left: float | None = None) -> None:
        """Says how many are done and failed, and the seconds left where they are known."""
        if self._file:
            known = {} if left is None else {"left": left}
            numbers = {"done": done, "failed": failed, "total": self._total}
            write_json(self._file, numbers | known)

    def remove(self) -> None:
        """The run has ended."""
        if self._file:
            self._file.unlink(missing_ok=True)
