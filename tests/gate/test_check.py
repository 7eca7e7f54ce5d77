"""Verdicts and statuses, on repositories of Git."""

import json

import pytest

from gate.check import NO_WORSE, NOT_COMPARABLE, REGRESSION
from gate.comparison import Verdict
from gate.errors import CannotCompareError
from tests.gate.conftest import GATE, PIPELINE, Repository, verdict_on


@pytest.mark.parametrize(
    ("accuracy", "status", "verdict", "reason"),
    [
        (0.9, NO_WORSE, Verdict.SAME, "unchanged"),
        (0.95, NO_WORSE, Verdict.BETTER, "better by 0.05"),
        (0.895, NO_WORSE, Verdict.WITHIN_MARGIN, "worse by 0.005, margin 0.01 (absolute)"),
        (0.85, REGRESSION, Verdict.WORSE, "worse by 0.05, more than the margin of 0.01 (absolute)"),
        (0, REGRESSION, Verdict.WORSE, "worse by 0.9, more than the margin of 0.01 (absolute)"),
    ],
)
def test_verdict_of_a_number(
    accuracy: float, status: int, verdict: Verdict, reason: str, repository: Repository
) -> None:
    repository.results(accuracy=accuracy)
    found = repository.check()
    comparison = verdict_on(found, "accuracy")
    assert (found.status, comparison.verdict, comparison.reason) == (status, verdict, reason)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (float("-inf"), "-inf"),
        ("0.95", "'0.95'"),
        (True, "True"),
        (None, "None"),
        ([0.95], "[0.95]"),
        (10**400, "1000"),
    ],
)
@pytest.mark.parametrize("key", ["accuracy", "loss"])
def test_what_is_no_number_never_passes(
    key: str, value: object, shown: str, repository: Repository
) -> None:
    """Not even where the metric only informs: the candidate's results are broken."""
    repository.metrics(**{key: value})
    found = repository.check()
    assert found.status == NOT_COMPARABLE
    assert verdict_on(found, key).verdict is Verdict.NOT_COMPARABLE
    assert f"candidate: expected a finite number; found {shown}" in found.reasons[0]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "the file is missing"),
        ("", "the file is empty"),
        (" \n", "the file is empty"),
        ("{", "the file is broken: expected a JSON object; "),
        ("[0.9]", "the file is broken: expected a JSON object; found list"),
        ('{"accuracy": 0.1, "accuracy": 0.9, "loss": 0.5}', "found a key twice"),
        ('{"a.b": 1, "a": {"b": 2}}', "found a key twice"),
        (b"\xff\xfe", "the file is broken: "),
        ("[" * 100_000, "the file is broken: "),
        ('{"accuracy": ' + "9" * 5000 + "}", "the file is broken: "),
    ],
)
def test_broken_metrics_file_cannot_be_compared(
    content: str | bytes | None, reason: str, repository: Repository
) -> None:
    if content is None:
        (repository.folder / "metrics/a.json").unlink()
    else:
        repository.write("metrics/a.json", content)
    found = repository.check()
    assert found.status == NOT_COMPARABLE
    assert reason in found.reasons[0]


def test_broken_metrics_file_of_the_base_cannot_be_compared(repository: Repository) -> None:
    repository.write("metrics/a.json", "{")
    repository.commit()
    repository.results()
    found = repository.check("HEAD")
    assert found.status == NOT_COMPARABLE
    assert "base: metrics/a.json: the file is broken" in found.reasons[0]


def test_number_of_a_metric_that_informs_does_not_refuse(repository: Repository) -> None:
    repository.results(metrics={"loss": 5.0})
    found = repository.check()
    assert (found.status, verdict_on(found, "loss").verdict) == (NO_WORSE, Verdict.WORSE)


def test_regression_is_one_whatever_else_cannot_be_compared(repository: Repository) -> None:
    repository.results(accuracy=0.5, metrics={"loss": float("nan")})
    found = repository.check()
    assert found.status == REGRESSION
    assert ["accuracy" in reason for reason in found.reasons] == [True, False]


def test_all_reasons_are_given(repository: Repository) -> None:
    rule = "    KEY: {better: higher, margin: {absolute: 0}, blocks: true}\n"
    more = "".join(rule.replace("KEY", key) for key in ("f1", "recall", "speed", "time"))
    repository.write("gate.yaml", GATE.replace("seeds:", more + "seeds:", 1))
    repository.results(metrics={"f1": 0.5, "recall": 0.5, "speed": 1, "time": 1})
    base = repository.commit()
    broken = {"speed": "fast", "time": None}
    repository.results(metrics=broken | {"f1": 0.4, "recall": 0.3})
    found = repository.check(base)
    assert found.status == REGRESSION
    keys = [reason.split(": ")[1] for reason in found.reasons]
    assert keys == ["f1", "recall", "speed", "time"]
    repository.results(metrics=broken | {"f1": 0.5, "recall": 0.5})
    found = repository.check(base)
    assert found.status == NOT_COMPARABLE
    assert [reason.split(": ")[1] for reason in found.reasons] == ["speed", "time"]


def test_new_metric_that_blocks_cannot_be_compared(repository: Repository) -> None:
    rule = "    f1: {better: higher, margin: {absolute: 0}, blocks: BLOCKS}\n  metrics/a.json"
    text = GATE.replace("  metrics/a.json", "  metrics/a.json", 1)
    blocking = text.replace("seeds:", rule.split("\n")[0].replace("BLOCKS", "true") + "\nseeds:")
    repository.results(metrics={"f1": 0.7})
    repository.write("gate.yaml", blocking)
    found = repository.check()
    assert found.status == NOT_COMPARABLE
    assert "new: the base has none; `blocks: false` until it has" in found.reasons[0]
    repository.write(
        "gate.yaml", blocking.replace("{absolute: 0}, blocks: true", "{absolute: 0}, blocks: false")
    )
    assert repository.check().status == NO_WORSE


def test_deleted_metric_cannot_be_compared(repository: Repository) -> None:
    repository.write("metrics/a.json", '{"loss": 0.5}')
    found = repository.check()
    assert found.status == NOT_COMPARABLE
    assert found.reasons[0] == "metrics/a.json: accuracy: deleted: the candidate has none"


def test_metrics_file_that_is_no_longer_declared_is_deleted(repository: Repository) -> None:
    repository.write(
        "dvc.yaml", PIPELINE.replace("metrics: [{metrics/a.json: {cache: false}}]", "")
    )
    found = repository.check()
    assert found.status == NOT_COMPARABLE
    assert found.reasons[0] == "metrics/a.json: accuracy: deleted: the candidate has none"


@pytest.mark.parametrize(
    ("content", "now"),
    [
        ('{"test_acc": 0.9, "loss": 0.5}', "metrics/a.json: test_acc"),  # the same value
        ('{"accuracies": 0.8, "loss": 0.5}', "metrics/a.json: accuracies"),  # a like name
    ],
)
def test_renamed_metric_is_said_and_can_be_declared(
    content: str, now: str, repository: Repository
) -> None:
    repository.write("metrics/a.json", content)
    found = repository.check()
    assert found.status == NOT_COMPARABLE
    assert f"deleted: the candidate has none; it may now be {now}" in found.reasons[0]

    key = now.split()[1]
    renamed = GATE.replace("accuracy: {", f"{key}: {{formerly: accuracy, ")
    repository.write("gate.yaml", renamed.replace("formerly: accuracy, ", ""))
    found = repository.check()
    assert found.status == NOT_COMPARABLE
    assert "say so: `formerly: metrics/a.json:accuracy`" in found.reasons[0]

    repository.write("gate.yaml", renamed)
    found = repository.check()
    assert found.status == (NO_WORSE if "0.9" in content else REGRESSION)
    assert "renamed from metrics/a.json: accuracy" in verdict_on(found, key).reason


def test_renamed_metrics_file_is_said_and_can_be_declared(repository: Repository) -> None:
    repository.git("mv", "metrics/a.json", "metrics/b.json")
    repository.write("dvc.yaml", PIPELINE.replace("metrics/a.json", "metrics/b.json"))
    found = repository.check()
    assert "it may now be metrics/b.json: accuracy" in found.reasons[0]
    gate = GATE.replace("  metrics/a.json:\n", "  metrics/b.json:\n", 1)
    for key in ("accuracy", "loss"):
        gate = gate.replace(f"{key}: {{", f"{key}: {{formerly: 'metrics/a.json:{key}', ")
    repository.write("gate.yaml", gate)
    assert repository.check().status == NO_WORSE


def test_metric_without_a_rule_is_reported(repository: Repository) -> None:
    repository.results(metrics={"epoch": 3, "nested": {"f1": 0.5}})
    found = repository.check()
    assert found.status == NO_WORSE
    assert verdict_on(found, "epoch").verdict is Verdict.NOT_GATED
    assert verdict_on(found, "nested.f1").reason == "not in gate.yaml; new"


def test_rule_for_a_metric_that_is_nowhere_is_an_error(repository: Repository) -> None:
    repository.write("gate.yaml", GATE.replace("accuracy:", "acuracy:"))
    with pytest.raises(CannotCompareError, match=r"did you mean metrics/a.json: accuracy?"):
        repository.check()


def test_metrics_of_the_study_are_found(repository: Repository) -> None:
    stage = "{stages: {study: {cmd: x, wdir: .., metrics: [metrics/study.json]}}}"
    repository.write("study/dvc.yaml", stage)
    repository.write("metrics/study.json", json.dumps({"settings": {"a,b": {"mean": 1.0}}}))
    found = repository.check()
    assert verdict_on(found, "settings.a,b.mean").verdict is Verdict.NOT_GATED
    assert found.status == NO_WORSE


def study(deviation: object, seeds: int = 5) -> str:
    return json.dumps({"noise": {"seeds": seeds, "metrics/a.json": {"accuracy": deviation}}})


DEVIATIONS = GATE.replace("{absolute: 0.01}", "{deviations: 2}")


@pytest.mark.parametrize(
    ("deviation", "status"),
    [(0.01, NO_WORSE), (0.001, REGRESSION), (0, REGRESSION), (None, NOT_COMPARABLE)]
    + [(bad, NOT_COMPARABLE) for bad in (float("nan"), -0.01, "0.01", True)],
)
def test_margin_in_deviations_over_seeds(
    deviation: object, status: int, repository: Repository
) -> None:
    repository.write("gate.yaml", DEVIATIONS)
    repository.write("metrics/study.json", study(deviation))
    repository.results(accuracy=0.89)
    assert repository.check().status == status


def test_change_cannot_widen_its_own_margin(repository: Repository) -> None:
    repository.write("gate.yaml", DEVIATIONS)
    repository.write("metrics/study.json", study(0.001))
    base = repository.commit()
    repository.write("metrics/study.json", study(1.0))
    repository.results(accuracy=0.89)
    found = repository.check(base)
    assert found.status == REGRESSION
    assert (
        f"2 standard deviations of 0.001, over 5 seeds (metrics/study.json of {base})"
        in (found.reasons[0])
    )


def test_margin_without_a_study_is_that_which_is_documented(repository: Repository) -> None:
    repository.results(accuracy=0.89)
    repository.write("gate.yaml", DEVIATIONS)
    assert repository.check().status == NOT_COMPARABLE
    for absolute, status in ((0.02, NO_WORSE), (0.005, REGRESSION)):
        margin = f"{{deviations: 2, without_study: {absolute}}}"
        repository.write("gate.yaml", DEVIATIONS.replace("{deviations: 2}", margin))
        assert repository.check().status == status


def test_base_that_is_the_workspace_is_the_same(repository: Repository) -> None:
    found = repository.check("HEAD")
    assert found.status == NO_WORSE
    assert {c.verdict for c in found.comparisons} == {Verdict.SAME}
    assert found.notes == ()
