"""`init`: the first gate.yaml."""

import io
import json
import re
import sys
from itertools import product
from math import sqrt

import pytest

from gate.calibrate import add_runs
from gate.init import ask_items, find_items, format_entries, guess_better
from gate.tests.conftest import Gate, Project

NAMES = {
    "higher": """metrics/mAP50(B) metrics/mAP50-95(B) map@0.5 IoU R2Score explained_variance ndcg@10
        neg_mean_squared_error true_negative_rate recall_at_5 hits@1 MRR top5_acc avg.f1-score
        avg_prec""",
    "lower": """val/box_loss RMSE mean_absolute_error negative_log_likelihood false_negative_rate
        valLoss brier_score""",
    None: "epochs confusion.tn 0",
}


def test_better() -> None:
    """The words of a metric's name tell which side is better, or nothing does."""
    expected = {name: better for better, names in NAMES.items() for name in names.split()}
    assert {name: guess_better(name) for name in expected} == expected


def entries(items: int, **values: object) -> str:
    """Return the entries of a metrics file, below those of one without any known name."""
    metrics = {("n.json", "step"): 3} | {("m.json", key): v for key, v in values.items()}
    return "\n".join(format_entries(metrics, items))


def test_headline() -> None:
    """The best known metric of held-out data blocks, and no other one."""
    words = ("test", "eval", "val", "valid", "validation", "dev", "holdout")
    for keys, headline in (
        ("train/box_loss val/box_loss precision(B) mAP50(B)", "mAP50(B)"),
        ("recall@10 ndcg@10 rmse", "ndcg@10"),
        ("training_accuracy val_loss", "val_loss"),
        *((f"accuracy {word}_accuracy loss", f"{word}_accuracy") for word in words),
    ):
        lines = entries(100, **dict.fromkeys(keys.split(), 0.5)).splitlines()
        assert [line.split('"')[1] for line in lines if "blocks: true" in line] == [headline]


def test_entries() -> None:
    """What has no number or no known name is a comment, and signs of patterns are quoted."""
    assert entries(100, **{"step": 3, "a*[é": 1, "mse": 0.5, "name": "x"}) == (
        '  # "n.json":\n    # "step": {better: }  # higher or lower?\n'
        '  "m.json":\n'
        '    # "step": {better: }  # higher or lower?\n'
        '    # "a[*][[]é": {better: }  # higher or lower?\n'
        '    "mse": {better: lower, margin: {relative: 0.2}, blocks: true}  # estimated, 100 items'
    )


# Two standard errors of a share, by Agresti and Coull.
SHARE = 2 * sqrt(60 / 64 * (4 / 64) / 64)


def test_margin() -> None:
    """One test item that flips is within it, in shares and in per cent; a fourth is not."""
    for key, value, items, margin in (
        ("accuracy", 58 / 60, 60, f"{{absolute: {SHARE:.2g}}}, blocks: true}}  # binomial"),
        ("score", 0.5, 96, "{absolute: 0.1}, blocks: true}  # binomial"),
        ("psnr", 31.0, 200, "{relative: 0.14}, blocks: true}  # estimated"),
        ("error_accuracy", 0.5, 100, "{relative: 0.2}, blocks: true}  # estimated"),
        ("r2", -0.5, 100, "{relative: 0.2}, blocks: true}  # estimated"),
    ):
        assert f"margin: {margin}, {items} items" in entries(items, **{key: value})
    for items, value in product((20, 60, 1000), (1.0, 0.5, 0.0, 100, 50, 1.5)):
        (size,) = re.findall(r"absolute: ([\d.]+)}", entries(items, accuracy=value))
        assert 1 / items < float(size) / (1 if value <= 1 else 100) < 0.25


def test_number_of_items(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is known where a metric tells it, or is asked for at a terminal; Enter means unknown."""
    for word in ("items", "samples", "examples", "images", "support"):
        assert find_items({("m.json", f"{word}_0"): 9}) == 9
    for values, items in (
        ({"a.support": 20.0, "weighted avg.support": 60.0, "train_samples": 900}, 60),
        ({"accuracy": 9, "support": 0.5, "samples": float("nan"), "images": "x", "items": 1}, None),
    ):
        assert find_items({("m.json", key): value for key, value in values.items()}) == items
    both = ("stdin", "stderr")
    for answer, terminals, items in (
        ("60\n", both, 60), ("\n", both, None), ("many\n", both, None), ("0\n", both, None),
        ("60\n", both[:1], None), ("60\n", both[1:], None),
    ):  # fmt: skip
        for name in both:
            stream = io.StringIO(answer if name == "stdin" else "")
            monkeypatch.setattr(stream, "isatty", lambda found=name in terminals: found)
            monkeypatch.setattr(sys, name, stream)
        asked = "How many test items" if terminals == both else ""
        assert (ask_items(), stream.getvalue()[:19]) == (items, asked)


def test_init_then_check(project: Project, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """`init` marks its margins and says what is next; a flip passes, a loss does not.

    It replaces no file, and makes none where no name tells which side is better.
    """
    kept = project.read("gate.yaml")
    assert (gate(project.folder, "init")[0], project.read("gate.yaml")) == (2, kept)
    assert "expected 1 or more; found 0" in gate(project.folder, "init", "--items", "0")[2]
    project.change({"gate.yaml": None, "metrics.json": '{"epochs": 3, "x": 0.1}'})
    status, _, err = gate(project.folder, "init")
    assert (status, "found epochs, x" in err) == (2, True)
    assert not (project.folder / "gate.yaml").exists()
    project.write("gate.yaml", kept)
    for options, asked, metrics, source in (
        ("", None, {}, "100 test items (ASSUMED"), ("", 70, {}, "70 test items (f"),
        ("", 70, {"samples": 80}, "80 test items (f"), ("--items 60", 70, {"samples": 80}, "60 t"),
    ):  # fmt: skip
        monkeypatch.setattr("gate.init.ask_items", lambda asked=asked: asked)
        values = {"accuracy": 0.9, "loss": 0.5} | metrics
        project.change({"gate.yaml": None, "metrics.json": json.dumps(values)})
        status, out, err = gate(project.folder, "init", *options.split())
        assert (status, err, source in out, "Next: read" in out) == (0, "", True, True)
        assert source in project.read("gate.yaml").replace("\n#", "")
    text = project.read("gate.yaml")
    assert "ESTIMATED, not measured" in text
    for count, deviations in ((7, 7), (8, 6), (9, 6), (10, 5)):  # `calibrate` replaces all of it
        measured = add_runs(text, {}, {("metrics.json", "accuracy")}, count)
        entry = f'"accuracy": {{better: higher, margin: {{deviations: {deviations}}}, blocks: true'
        assert (f"{entry}}}\n" in measured, f"over the {count} seeds" in measured) == (True, True)
        assert not re.search("(?i)estimated|binomial", measured)
    project.commit("gate")
    for accuracy, expected in ((0.9 - 1 / 60, 0), (0.7, 1)):
        project.run(accuracy=accuracy)
        assert project.judge("HEAD")[0] == expected
