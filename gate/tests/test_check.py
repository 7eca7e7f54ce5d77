"""Verdicts on a repository of Git and DVC."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from gate.check import check
from gate.comparison import Verdict
from gate.errors import CannotCompareError
from gate.presentation import row
from gate.tests.conftest import GATE, Gate, Project, comparison_of


@pytest.mark.parametrize(
    ("accuracy", "status", "verdict"),
    [
        (0.9, 0, "the same"),
        (0.905, 0, "within the margin"),
        (0.895, 0, "within the margin"),
        (0.92, 0, "better"),
        (0.88, 1, "worse"),
        ("0.9", 2, "cannot be compared"),
        (True, 2, "cannot be compared"),
        (float("nan"), 2, "cannot be compared"),
        (float("inf"), 2, "cannot be compared"),
        (None, 2, "cannot be compared"),
    ],
)
def test_verdict_of_a_value(accuracy: object, status: int, verdict: str, project: Project) -> None:
    project.results(accuracy=accuracy)
    found = project.check()
    assert (found.status, comparison_of(found, "accuracy").verdict) == (status, verdict)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "the file is broken"),
        ("{", "the file is broken"),
        ("<<<<<<< HEAD\n{}\n", "the file is broken"),
        ("[1]", "deleted: the candidate has none"),
        ("{}", "deleted: the candidate has none"),
        (None, "the file is missing"),
    ],
)
def test_broken_metrics_file_cannot_be_compared(
    content: str | None, reason: str, project: Project
) -> None:
    if content is None:
        (project.folder / "metrics.json").unlink()
    else:
        project.write("metrics.json", content)
    found = project.check()
    assert found.status == 2
    assert reason in found.reasons[0]
    assert found.reasons[0].startswith("metrics.json: accuracy, loss: ")  # told once


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"code/model.R": "2"}, "train: code modified"),
        ({"code/new.ipynb": "{}"}, "train: code modified"),
        ({"results.json": "{}"}, "train: results.json modified"),
        ({"params.yaml": "rate: 0.7\n"}, "train: params.yaml: rate modified"),
        ({"dvc.yaml": ("cp results", "cp  results")}, "train: command changed"),
        ({"dvc.yaml": ("deps: [", "deps: [params.yaml, ")}, "train: params.yaml modified"),
        ({"dvc.yaml": ("stages:", "stages:\n  new: {cmd: touch x, outs: [x]}")},
         "new: not run yet, or not in dvc.lock"),
        ({"metrics.json": '{"accuracy": 0.99, "loss": 0.5}'},
         "train: metrics.json changed since the stage wrote it"),
    ],
)  # fmt: skip
def test_results_of_other_files_are_never_a_pass(
    change: dict[str, str | tuple[str, str]], told: str, project: Project
) -> None:
    for path, text in change.items():
        project.write(path, project.read(path).replace(*text) if isinstance(text, tuple) else text)
    found = project.check()
    assert (found.status, found.reasons) == (
        2,
        (f"results that do not belong to the files beside them: {told}; run `dvc repro`",),
    )
    project.write("gate.yaml", f"stale_results: inform\n{GATE}")
    found = project.check()
    assert found.status == 0
    assert f"results that do not belong to the files beside them: {told}" in found.notes


def test_what_was_not_pulled_is_compared_by_its_hash(project: Project) -> None:
    project.write("dvc.yaml", """\
stages:
  prepare: {cmd: cp code/model.R data, deps: [code/model.R], outs: [data]}
  train:
    cmd: cp results.json metrics.json
    deps: [results.json, data]
    metrics: [{metrics.json: {cache: false}}]
""")  # fmt: skip
    project.results()
    project.commit()
    (project.folder / "data").unlink()
    found = project.check("HEAD")
    assert (found.status, dict(found.after.stale)) == (0, {})
    lock = project.read("dvc.lock")
    first = lock.index("md5: ", lock.index("path: data")) + 5
    project.write("dvc.lock", lock[:first] + "f" * 32 + lock[first + 32 :])
    found = project.check("HEAD")
    assert found.status == 2
    assert dict(found.after.stale) == {"train": "data modified"}


def crlf(text: str) -> str:
    return text.replace("\n", "\r\n")


def test_lock_and_pipeline_with_the_line_ends_of_windows(project: Project) -> None:
    for path in ("dvc.yaml", "dvc.lock", "params.yaml", "gate.yaml"):
        project.write(path, crlf(project.read(path)))
    assert (project.check().status, project.check().after.stale) == (0, {})


@pytest.mark.parametrize("windows", [False, True])
def test_file_with_other_line_ends_than_in_the_lock_is_told_apart(
    windows: bool, project: Project
) -> None:
    """Checked out with those of Windows, or so when the stage ran; DVC 2 counted them as the same."""
    text = '{"accuracy": 0.9,\n "loss": 0.5}\n'
    ran, other = (crlf(text), text) if windows else (text, crlf(text))
    project.write("results.json", ran)
    project.repro()
    project.write("results.json", other)
    project.write("metrics.json", other)
    hint = "(only its line ends: mark it `-text` in .gitattributes and check it out again)"
    assert project.check().after.stale == {
        "train": f"results.json modified {hint}, metrics.json changed since the stage wrote it {hint}"
    }
    project.write("metrics.json", other.replace("0.9", "0.8"))
    assert project.check().after.stale["train"].endswith("changed since the stage wrote it")
    project.write("metrics.json", other)
    theirs, ours = (hashlib.md5(part.encode()).hexdigest() for part in (crlf(text), text))
    lock = project.read("dvc.lock").replace(theirs, ours)
    project.write("dvc.lock", re.sub(" *(hash: md5|size: .*)\n", "", lock))
    assert ".json" not in str(project.check().after.stale)


def test_stages_of_another_pipeline_do_not_count(project: Project) -> None:
    project.write("other/dvc.yaml", "stages: {one: {cmd: touch x, deps: [y], outs: [x]}}\n")
    project.write("other/y", "")
    assert project.check().status == 0


def test_regression_in_stale_results_is_a_regression(project: Project) -> None:
    project.results(accuracy=0.5)
    project.write("code/model.R", "2")
    found = project.check()
    assert (found.status, len(found.reasons)) == (1, 2)


@pytest.mark.parametrize(
    ("rule", "base", "candidate", "status", "verdict"),
    [
        ("{at_least: 0.85, blocks: true}", 0.9, 0.86, 0, "the same"),
        ("{at_least: 0.85, blocks: true}", 0.9, 0.84, 1, "out of limits"),
        ("{at_most: 0.95, blocks: true}", 0.9, 0.96, 1, "out of limits"),
        ("{better: higher, margin: {relative: 0.1}, at_least: 0.85, blocks: true}", 0.9, 0.86, 0,
         "within the margin"),
        ("{better: higher, margin: {relative: 0.1}, at_least: 0.85, blocks: true}", 0.9, 0.84, 1,
         "out of limits"),
        ("{better: higher, margin: {relative: 0.1}, at_least: 0.85, blocks: true}", 0.9, "x", 2,
         "cannot be compared"),
    ],
)  # fmt: skip
def test_limits_need_no_base(
    rule: str, base: float, candidate: object, status: int, verdict: str, project: Project
) -> None:
    project.write("gate.yaml", f"metrics: {{metrics.json: {{accuracy: {rule}}}}}\n")
    project.results(accuracy=candidate)
    found = project.check()
    assert (found.status, comparison_of(found, "accuracy").verdict) == (status, verdict)


@pytest.mark.parametrize(("first_run", "status"), [("refuse", 2), ("pass", 0)])
def test_first_run(first_run: str, status: int, project: Project) -> None:
    project.write("dvc.yaml", project.read("dvc.yaml").replace("metrics.json", "first.json"))
    gate = GATE.replace("metrics.json", "first.json")
    project.write("gate.yaml", f"first_run: {first_run}\n{gate}")
    project.results()
    found = project.check()
    assert (found.status, comparison_of(found, "accuracy").base) == (status, None)
    if first_run == "pass":
        project.write(
            "gate.yaml", f"first_run: pass\n{gate.replace('blocks', 'at_least: 1, blocks')}"
        )
        assert project.check().status == 1


@pytest.mark.parametrize(
    ("metrics", "reason"),
    [
        ({"loss": 0.5}, "deleted: the candidate has none"),
        ({"top1": 0.9, "loss": 0.5}, "it may now be metrics.json: top1: name that in gate.yaml"),
        ({"accuracy_": 0.4, "loss": 0.5}, "it may now be metrics.json: accuracy_"),
    ],
)
def test_deleted_metric_cannot_be_compared(
    metrics: dict[str, float], reason: str, project: Project
) -> None:
    project.write("results.json", json.dumps(metrics))
    project.repro()
    found = project.check()
    assert found.status == 2
    assert reason in found.reasons[0]


def test_new_and_renamed_metrics(project: Project) -> None:
    project.write(
        "gate.yaml", GATE + "    f1: {better: higher, margin: {absolute: 0}, blocks: true}\n"
    )
    project.results(f1=0.5)
    found = project.check()
    assert found.status == 2
    assert "new: the base has none; `blocks: false` until it has" in found.reasons[0]
    project.write("gate.yaml", GATE.replace("accuracy: {", "f1: {formerly: accuracy, "))
    project.write("results.json", '{"f1": 0.8, "loss": 0.5}')
    project.repro()
    found = project.check()
    assert found.status == 1
    assert comparison_of(found, "f1").reason.endswith("renamed from metrics.json: accuracy")


def test_metric_that_informs_refuses_only_if_it_is_broken(project: Project) -> None:
    project.results(loss=9)
    found = project.check()
    assert (found.status, comparison_of(found, "loss").verdict) == (0, Verdict.WORSE)
    project.results(loss="none")
    assert project.check().status == 2


def test_other_data_cannot_be_compared(project: Project) -> None:
    project.write("gate.yaml", f"same: [code, 'params.yaml: rate']\n{GATE}")
    project.results()
    assert project.check().status == 0
    project.write("code/model.R", "2")
    project.write("params.yaml", "rate: 0.7\n")
    project.repro()
    found = project.check()
    assert found.status == 2
    assert [reason.partition(" differs")[0] for reason in found.reasons] == [
        "code", "params.yaml: rate",
    ]  # fmt: skip
    assert found.differences["parameters"] == {"params.yaml: rate": (0.5, 0.7)}
    assert list(found.differences["inputs"]) == ["code"]


def test_ten_small_losses_in_a_row_are_refused_by_the_fifth(project: Project) -> None:
    """0.2 points each, with a margin of 0.7: no step is refused, unless there is an anchor."""
    gate = GATE.replace("0.01", "0.007")
    project.write("gate.yaml", gate)
    project.git("tag", "--no-sign", "anchor", "main")
    steps: list[int] = []
    for step in range(1, 11):
        project.write("gate.yaml", gate)
        project.commit(f"step {step - 1}")
        project.results(accuracy=round(0.9 - 0.002 * step, 4))
        assert project.check("HEAD").status == 0
        project.write("gate.yaml", f"anchor: anchor\n{gate}")
        steps.append(project.check("HEAD").status)
    assert steps == [0, 0, 0, 1, 1, 1, 1, 1, 1, 1]
    found = project.check("HEAD")
    assert found.reasons[0].startswith("metrics.json: accuracy: against the anchor anchor: worse")
    assert row(found, comparison_of(found, "accuracy"))[-2:] == ["-0.02", "worse than the anchor"]


def test_change_cannot_move_its_own_anchor(project: Project) -> None:
    project.git("tag", "--no-sign", "old", "main")
    project.write("gate.yaml", f"anchor: old\n{GATE}")
    project.results(accuracy=0.895)
    base = project.commit()
    project.write("gate.yaml", f"anchor: {base}\n{GATE}")
    assert project.check("HEAD").anchor.name == base  # type: ignore[union-attr]
    project.results(accuracy=0.887)
    found = project.check("HEAD")
    assert (found.status, found.anchor and found.anchor.name) == (1, "old")
    project.write("gate.yaml", f"anchor: nowhere\n{GATE}")
    project.git("commit", "--quiet", "--all", "--message", "another anchor")
    with pytest.raises(CannotCompareError, match="anchor: expected a tag or commit; there is no"):
        project.check("HEAD")


@pytest.mark.parametrize(
    ("path", "text", "error"),
    [
        ("dvc.yaml", "stages: [", "workspace: DVC says: "),
        ("dvc.yaml", "stages: {}\n", "dvc.yaml: expected metrics files; found none"),
        ("dvc.lock", "schema: 1\n", "workspace: DVC says: "),
        ("params.yaml", "a: [", "params.yaml"),
        ("gate.yaml", "metrics: [", "gate.yaml: expected YAML; "),
    ],
)
def test_broken_file_is_one_line(path: str, text: str, error: str, project: Project) -> None:
    project.write(path, text)
    with pytest.raises(CannotCompareError, match=error) as refused:
        project.check()
    assert "\n" not in str(refused.value)


def test_loosened_gate_is_said(project: Project) -> None:
    project.write("gate.yaml", GATE.replace("0.01", "0.5"))
    found = project.check()
    name = "metrics.metrics.json.accuracy.margin.absolute"
    assert found.differences["gate"] == {name: (0.01, 0.5)}
    assert found.notes == ("the gate itself is another: gate.yaml differs from the base's",)


def test_other_bytes_of_the_same_inputs_are_not_reproduced(project: Project) -> None:
    lock = project.read("dvc.lock")
    project.write("metrics.json", '{"accuracy": 0.9, "loss": 0.51}')
    project.write("gate.yaml", f"stale_results: inform\n{GATE}")
    project.commit()
    assert project.read("dvc.lock") == lock
    project.git("checkout", "--quiet", "main", "--", "gate.yaml")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project.folder)
        from dvc.repo import Repo

        Repo().commit(force=True)
    found = project.check()
    assert found.notes == ("not reproduced: nothing differs but the bytes of metrics.json",)


def test_folder_without_dvc_is_one_line(tmp_path: Path, gate: Gate) -> None:
    status, out, err = gate(tmp_path, "check")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("gate: this folder: DVC says: you are not inside of a DVC repository")


def test_current_folder_may_be_below(project: Project) -> None:
    assert check(project.folder / "code", "main").status == 0
