"""`init`: write a first gate.yaml from the metrics that the pipeline declares."""

import json
import math
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from gate.errors import CannotCompareError, write_whole
from gate.repository import Repository
from gate.settings import SETTINGS
from gate.snapshot import Name, read_number

# Words of metrics' names; the best headline comes first.
SHARES = """accuracy acc map ap ndcg auc roc auroc auprc f1 iou miou dice jaccard mrr hit hits
    precision prec recall sensitivity specificity em match true"""
SCORES = """r2 explained correlation pearson spearman kendall kappa mcc bleu rouge meteor psnr snr
    ssim silhouette likelihood score"""
LOWER = """rmse rmsle mae mse mape smape mase msle error err eer wer cer perplexity ppl fid lpips
    brier ece hamming deviance nll false fpr fnr loss logloss bouldin"""
KNOWN = f"{SHARES} {SCORES} {LOWER}".split()
TRAINING = {"train", "training"}
COUNTS = {"items", "samples", "examples", "images", "support"}
HELD_OUT = {"test", "eval", "val", "valid", "validation", "dev", "holdout"}

HEADING = """\
# Which metric may get how much worse before the gate refuses a change. Written by `init`: read it,
# correct it, commit it. One metric of each file blocks a change; the others are only reported.

# The margins are ESTIMATED, not measured: two standard errors of a result on {items} test items
# ({source}), binomial for shares, relative for the rest. They know nothing of
# the noise of training: `calibrate` measures that and replaces them.
metrics:
"""


def write_settings(folder: Path, items: int | None = None) -> str:
    """Write gate.yaml for metrics of so many test items; return a summary with what to do next."""
    repository = Repository(folder)
    target = repository.folder / SETTINGS
    if items is not None and items < 1:
        raise CannotCompareError(f"--items: expected 1 or more; found {items}")
    if target.exists():
        raise CannotCompareError(f"{SETTINGS}: expected none; found one, which is kept")
    side = repository.read()
    for path, found in side.metrics.items():
        if isinstance(found, str):
            raise CannotCompareError(f"{path}: {found}")
    items, source = items or find_items(side.values) or ask_items(), "found or given"
    if items is None:
        items, source = 100, "ASSUMED: give the number, init --items N"
    entries = "\n".join(format_entries(side.values, items))
    if "blocks: true" not in entries:
        names = ", ".join(key for _, key in list(side.values)[:8]) or "none"
        raise CannotCompareError(
            f"dvc.yaml: expected a metric whose name tells which side is better; found {names};"
            f" declare one, or write {SETTINGS} by hand"
        )
    write_whole(target, f"{HEADING.format(items=items, source=source)}{entries}\n")
    return (
        f"{SETTINGS}: written, with margins for {items} test items ({source})\n"
        "Next: read it and commit it. It judges the changes after that commit."
    )


def find_items(values: Mapping[Name, object]) -> int | None:
    """Return the largest count of test items among the metrics, such as `test_samples`."""
    names = [n for n in values if (words := split_name(n[1])) & COUNTS and not words & TRAINING]
    numbers = [int(read_number(values[name]) or 0) for name in names]
    return max((number for number in numbers if number >= 2), default=None)


def ask_items() -> int | None:
    """Ask at a terminal for the number of test items; None where nobody knows."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    question = "How many test items are the metrics computed on? (Enter: unknown) "
    print(question, end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline().strip()
    return int(answer) if answer.isdecimal() and int(answer) > 0 else None


def format_entries(values: Mapping[Name, object], items: int) -> Iterator[str]:
    """Yield the lines below `metrics:`, with one headline metric of each file that blocks."""
    numbers = {n: number for n, v in values.items() if (number := read_number(v)) is not None}
    for file in dict.fromkeys(file for file, _ in numbers):
        keys = [key for path, key in numbers if path == file]
        headline = min(filter(guess_better, keys), key=_rank, default=None)
        yield f"  {'' if headline else '# '}{quote_pattern(file)}:"
        for key in keys:
            better = guess_better(key)
            margin, kind = estimate_margin(key, numbers[file, key], items)
            blocks = ", blocks: true" if key == headline else ""
            rule = f"{{better: {better}, margin: {margin}{blocks}}}  # {kind}, {items} items"
            unknown = f"# {quote_pattern(key)}: {{better: }}  # higher or lower?"
            yield f"    {quote_pattern(key)}: {rule}" if better else f"    {unknown}"


def guess_better(key: str) -> str | None:
    """Return `higher` or `lower`, by the words of a metric's name; None if they do not tell."""
    words = split_name(key)
    if not words & {*KNOWN}:
        return None
    negated = bool(words & {"neg", "negative"} and not words & {"true", "false"})
    return "lower" if bool(words & {*LOWER.split()}) != negated else "higher"


def estimate_margin(key: str, value: float, items: int) -> tuple[str, str]:
    """Return a margin of two standard errors, which one test item does not exceed, and their kind.

    Shares, and scores up to 1, have the binomial error with two successes and two failures added
    (Agresti and Coull), so a share of 1 has one. Others are taken to vary by item as much as their
    mean.
    """
    full, words = (1 if value <= 1 else 100), split_name(key)
    is_share = words & {*SHARES.split()} or (full == 1 and guess_better(key) == "higher")
    if is_share and not words & {*LOWER.split()} and 0 <= value <= full:
        share = (value / full * items + 2) / (items + 4)
        error = full * math.sqrt(share * (1 - share) / (items + 4))
        return f"{{absolute: {2 * error:.2g}}}", "binomial"
    return f"{{relative: {2 / math.sqrt(items):.2g}}}", "estimated"


def split_name(key: str) -> set[str]:
    """Return the words of `val/box_loss`, `mAP50(B)` or `testAccuracy` in lower case."""
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", key)
    return {word.lower() for word in words} | {*re.findall("[a-z]+[0-9]?", key.lower())}


def _rank(key: str) -> tuple[bool, int, bool, str]:
    """Sort training data last, then the better known metric first, then held-out data."""
    words = split_name(key)
    known = min(KNOWN.index(word) for word in words if word in KNOWN)
    return bool(words & TRAINING), known, not words & HELD_OUT, key


def quote_pattern(text: str) -> str:
    """Return a YAML string in double quotes, in which the patterns' signs stand for themselves."""
    return json.dumps(re.sub(r"[*?[]", r"[\g<0>]", text), ensure_ascii=False)
