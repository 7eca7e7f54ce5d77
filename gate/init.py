"""`init`: a first gate.yaml from the metrics that there are."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from gate.errors import CannotCompareError
from gate.repository import Repository
from gate.settings import SETTINGS
from gate.snapshot import MetricsFile, read_number

# Parts of names, the best headline first.
HIGHER = ("accuracy", "acc", "f1", "auc", "roc", "precision", "recall", "score", "r2", "iou",
          "dice", "map", "bleu", "rouge", "psnr", "ssim", "ndcg", "mrr", "kappa",
          "correlation")  # fmt: skip
LOWER = ("loss", "rmse", "mse", "mae", "mape", "error", "err", "perplexity", "wer", "cer",
         "fid", "deviance", "logloss", "hamming", "brier")  # fmt: skip
HELD_OUT = ("test", "eval", "val", "valid", "validation", "dev", "holdout")

HEADING = """\
# Which metric may get how much worse before the gate refuses a change.
# Written by `init`: read it, correct it, commit it.

# One metric of each file blocks a change; the others are only reported.
# The margin below is NOT MEASURED. Train with five seeds or more, put the runs in a CSV file, name
# it under `runs`, and use `{deviations: 5}` instead. (Differences between commits are no measure of
# noise: they are the changes that the gate is to judge.)
defaults: {margin: {relative: 0.01}}

# What a change means whose base has no metrics yet: refuse or pass.
first_run: refuse

metrics:
"""


def write_settings(folder: Path) -> str:
    """Writes gate.yaml beside .dvc.

    Returns:
        What was written, in words.

    Raises:
        CannotCompareError: there is one already, or there are no metrics that can be read.
    """
    repository = Repository(folder)
    target = repository.folder / SETTINGS
    if target.exists():
        raise CannotCompareError(f"{SETTINGS}: expected none; found one, which is kept")
    metrics = repository.read().metrics
    for path, file in metrics.items():
        if file.problem:
            raise CannotCompareError(f"{path}: {file.problem}")
    if not metrics:
        raise CannotCompareError("dvc.yaml: expected metrics files; found none; declare them")
    text = HEADING + "\n".join(entries(metrics)) + "\n"
    if "blocks: true" not in text:
        names = ", ".join(key for file in metrics.values() for key in list(file.values)[:4])
        raise CannotCompareError(
            f"expected a metric whose name tells which side is better; found {names}; write"
            f" {SETTINGS} by hand"
        )
    target.write_text(text, encoding="utf-8", newline="\n")
    return f"{SETTINGS}: written, for {len(metrics)} metrics files; read it before you commit it"


def entries(metrics: Mapping[str, MetricsFile]) -> Iterator[str]:
    """The lines below `metrics:`, with one headline metric of each file that blocks."""
    for path, file in metrics.items():
        keys = [key for key, value in file.values.items() if read_number(value) is not None]
        headline = min((key for key in keys if direction(key)), key=_rank, default=None)
        prefix = "" if headline else "# "
        yield f"  {prefix}{_quoted(path)}:"
        for key in keys:
            better = direction(key)
            if better is None:
                yield f"    # {_quoted(key)}: {{better: }}  # higher or lower?"
            elif key == headline:
                yield f"    {_quoted(key)}: {{better: {better}, blocks: true}}"
            else:
                yield f"    {_quoted(key)}: {{better: {better}}}"


def direction(key: str) -> str | None:
    """`higher` or `lower`, by the parts of a metric's name; None if they do not tell."""
    parts = _parts(key)
    if {*parts} & {*LOWER}:
        return "lower"
    return "higher" if {*parts} & {*HIGHER} else None


def _rank(key: str) -> tuple[bool, int, str]:
    """Held-out data first, then the better known metric."""
    parts = _parts(key)
    known = [*HIGHER, *LOWER]
    return not {*parts} & {*HELD_OUT}, min(known.index(p) for p in parts if p in known), key


def _parts(key: str) -> list[str]:
    for separator in "._-/@":
        key = key.replace(separator, " ")
    return key.lower().split()


def _quoted(text: str) -> str:
    """A YAML string in double quotes, in which the patterns' own signs stand for themselves."""
    plain = "".join(f"[{c}]" if c in "*?[" else c for c in text)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'
