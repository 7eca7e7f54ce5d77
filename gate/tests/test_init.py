"""`init`: the first gate.yaml."""

import io
import json
import sys
from math import sqrt

import pytest

from gate.init import ask_items, estimate_margin, find_items, format_entries, guess_better
from gate.tests.conftest import Gate, Project

NAMES = {
    "higher": """metrics/mAP50(B) metrics/mAP50-95(B) map@0.5 IoU R2Score explained_variance ndcg@10
        neg_mean_squared_error true_negative_rate recall_at_5 hits@1 MRR top5_acc avg.f1-score""",
    "lower": """val/box_loss RMSE mean_absolute_error negative_log_likelihood false_negative_rate
        valLoss brier_score""",
    None: "epochs confusion.tn 0",
}


@pytest.mark.parametrize("better", NAMES)
def test_better(better: str | None) -> None:
    """The words of a metric's name tell which side is better, or nothing does."""
    names = NAMES[better].split()
    assert {name: guess_better(name) for name in names} == dict.fromkeys(names, better)


@pytest.mark.parametrize(
    ("keys", "headline"),
    [
        ("train/box_loss val/box_loss precision(B) mAP50(B)", "mAP50(B)"),
        ("mae r2 rmse", "r2"),
        ("recall@10 ndcg@10 loss", "ndcg@10"),
        ("train_accuracy val_loss", "val_loss"),
        ("accuracy test_accuracy loss", "test_accuracy"),
    ],
)
def test_headline(keys: str, headline: str) -> None:
    """The best known metric of held-out data blocks, and no other one."""
    lines = list(format_entries({("m.json", key): 0.5 for key in keys.split()}, 100))
    assert [line.split('"')[1] for line in lines if "blocks: true" in line] == [headline]


def test_entries() -> None:
    """What has no number or no known name is a comment, and signs of patterns are quoted."""
    values = {"step": 3, "a*": 1, "mse": 0.5, "name": "x"}
    assert list(format_entries({("m.json", key): v for key, v in values.items()}, 100)) == [
        '  "m.json":',
        '    # "step": {better: }  # higher or lower?',
        '    # "a[*]": {better: }  # higher or lower?',
        '    "mse": {better: lower, margin: {relative: 0.2}, blocks: true}  # estimated, 100 items',
    ]


@pytest.mark.parametrize("items", [20, 60, 1000])
@pytest.mark.parametrize("right", [1.0, 0.5, 0.0])
@pytest.mark.parametrize("full", [1, 100])
def test_one_flip(items: int, right: float, full: int) -> None:
    """One test item that flips is within the margin, in shares and in per cent."""
    value = max(right * full, 1.5 if full == 100 else 0)
    margin, kind = estimate_margin("accuracy", value, items)
    assert kind == "binomial"
    assert float(margin.removeprefix("{absolute: ").removesuffix("}")) > full / items


def test_margin() -> None:
    """Two standard errors: of a share by Agresti and Coull, of others relative."""
    share = (58 + 2) / (60 + 4)
    expected = 2 * sqrt(share * (1 - share) / 64)
    assert estimate_margin("accuracy", 58 / 60, 60) == (f"{{absolute: {expected:.2g}}}", "binomial")
    assert estimate_margin("psnr", 31.0, 200) == ("{relative: 0.14}", "estimated")
    assert estimate_margin("score", 0.5, 96) == ("{absolute: 0.1}", "binomial")
    assert estimate_margin("error_accuracy", 0.5, 100) == ("{relative: 0.2}", "estimated")
    assert estimate_margin("loss", 0.3, 20_000) == ("{relative: 0.014}", "estimated")


@pytest.mark.parametrize(
    ("values", "items"),
    [
        ({"a.support": 20.0, "weighted avg.support": 60.0, "train_samples": 900}, 60),
        ({"accuracy": 1, "support": 0.5, "samples": float("nan"), "images": "many"}, None),
    ],
)
def test_find(values: dict[str, object], items: int | None) -> None:
    """The number of test items is known where a metric tells it."""
    assert find_items({("m.json", key): value for key, value in values.items()}) == items


@pytest.mark.parametrize(("answer", "items"), [("60\n", 60), ("\n", None), ("many\n", None)])
def test_ask(answer: str, items: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a terminal the number of test items is asked for; Enter means unknown."""
    for name, text in (("stdin", answer), ("stderr", "")):
        terminal = io.StringIO(text)
        monkeypatch.setattr(terminal, "isatty", lambda: True)
        monkeypatch.setattr(sys, name, terminal)
    assert ask_items() == items


def test_init_then_check(project: Project, gate: Gate) -> None:
    """`init` marks its margins and says what is next; a flip passes, a loss does not."""
    (project.folder / "gate.yaml").unlink()
    assert "100 test items (ASSUMED" in gate(project.folder, "init")[1]
    assert "100 test items\n# (ASSUMED" in project.read("gate.yaml")
    (project.folder / "gate.yaml").unlink()
    status, out, err = gate(project.folder, "init", "--items", "60")
    assert (status, err) == (0, "")
    assert "margins for 60 test items (found or given)" in out
    assert "Next: read it and commit it" in out
    text = project.read("gate.yaml")
    rule = '"accuracy": {better: higher, margin: {absolute: 0.083}, blocks: true}  # binomial, 60'
    assert "ESTIMATED, not measured" in text
    assert rule in text
    project.commit("gate")
    for accuracy, expected in ((0.9 - 1 / 60, 0), (0.7, 1)):
        project.results(accuracy=accuracy)
        assert gate(project.folder, "check", "--base", "HEAD")[0] == expected


def test_init_is_refused(project: Project, gate: Gate) -> None:
    """A gate.yaml that is there is kept; where no name tells which side is better, none is made."""
    before = project.read("gate.yaml")
    assert gate(project.folder, "init")[0] == 2
    assert project.read("gate.yaml") == before
    (project.folder / "gate.yaml").unlink()
    project.write("metrics.json", json.dumps({"epochs": 3, "x": 0.1}))
    status, _, err = gate(project.folder, "init")
    assert (status, "found epochs, x" in err) == (2, True)
    assert not (project.folder / "gate.yaml").exists()
