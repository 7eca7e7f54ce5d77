"""Verdicts on a repository of Git and DVC."""

import hashlib
import json
import re
from pathlib import Path

import pytest
from dvc.repo import Repo

from gate.check import check
from gate.errors import CannotCompareError
from gate.presentation import row
from gate.tests.conftest import GATE, Gate, Project, comparison_of

STALE = "results that do not belong to the files beside them: "


def test_verdict_of_a_value(project: Project) -> None:
    for accuracy, status, verdict in (
        (0.895, 0, "within the margin"),
        (0.92, 0, "better"),
        (0.88, 1, "worse"),
        (float("nan"), 2, "cannot be compared"),
    ):
        project.results(accuracy=accuracy)
        found = project.check()
        assert (found.status, comparison_of(found, "accuracy").verdict) == (status, verdict)
    project.results(accuracy=0.5)
    project.write("code/model.R", "2")
    found = project.check()  # in stale results a regression is one, too
    assert (found.status, len(found.reasons)) == (1, 2)


def test_broken_metrics_file_cannot_be_compared(project: Project) -> None:
    for content, reason in (
        ("", "the file is broken"),
        ("<<<<<<< HEAD\n{}\n", "the file is broken"),
        ("[1]", "deleted: the candidate has none"),
        ("{}", "deleted: the candidate has none"),
        (None, "the file is missing"),
    ):
        path = project.folder / "metrics.json"
        path.unlink() if content is None else path.write_text(content)
        found = project.check()
        assert found.status == 2
        assert found.reasons[0].startswith("metrics.json: accuracy, loss: ")  # told once
        assert reason in found.reasons[0]


@pytest.mark.parametrize(
    ("path", "text", "told"),
    [
        ("code/model.R", "2", "train: code modified"),
        ("code/new.ipynb", "{}", "train: code modified"),
        ("results.json", "{}", "train: results.json modified"),
        ("params.yaml", "rate: 0.7\n", "train: params.yaml: rate modified"),
        ("dvc.yaml", ("cp results", "cp  results"), "train: command changed"),
        ("dvc.yaml", ("deps: [", "deps: [params.yaml, "), "train: params.yaml modified"),
        ("dvc.yaml", ("stages:", "stages:\n  new: {cmd: touch x, outs: [x]}"),
         "new: not run yet, or not in dvc.lock"),
        ("metrics.json", '{"accuracy": 0.99, "loss": 0.5}',
         "train: metrics.json changed since the stage wrote it"),
    ],
)  # fmt: skip
def test_results_of_other_files_are_never_a_pass(
    path: str, text: str | tuple[str, str], told: str, project: Project
) -> None:
    project.write(path, project.read(path).replace(*text) if isinstance(text, tuple) else text)
    found = project.check()
    assert (found.status, found.reasons) == (2, (f"{STALE}{told}; run `dvc repro`",))
    if path == "results.json":
        project.write("gate.yaml", f"stale_results: inform\n{GATE}")
        found = project.check()
        assert (found.status, STALE + told in found.notes) == (0, True)


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
    assert (found.status, dict(found.after.stale)) == (2, {"train": "data modified"})


def crlf(text: str) -> str:
    return text.replace("\n", "\r\n")


def test_lock_and_pipeline_with_the_line_ends_of_windows(project: Project) -> None:
    """In a folder below, beside a pipeline that does not count."""
    project.write("other/dvc.yaml", "stages: {one: {cmd: touch x, deps: [y], outs: [x]}}\n")
    project.write("other/y", "")
    for path in ("dvc.yaml", "dvc.lock", "params.yaml", "gate.yaml"):
        project.write(path, crlf(project.read(path)))
    found = check(project.folder / "code", "main")
    assert (found.status, found.after.stale) == (0, {})


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


def test_first_run(project: Project) -> None:
    project.write("dvc.yaml", project.read("dvc.yaml").replace("metrics.json", "first.json"))
    gate = GATE.replace("metrics.json", "first.json")
    project.write("gate.yaml", gate)
    project.results()
    for start, status in (("refuse", 2), ("pass", 0), ("pass # and a limit", 1)):
        limited = gate.replace("blocks", "at_least: 1, blocks") if status == 1 else gate
        project.write("gate.yaml", f"first_run: {start}\n{limited}")
        found = project.check()
        assert (found.status, comparison_of(found, "accuracy").base) == (status, None)


def test_other_data_cannot_be_compared(project: Project) -> None:
    project.write("gate.yaml", f"same: [code, 'params.yaml: rate']\n{GATE}")
    project.results()
    found = project.check()
    assert (found.status, found.notes) == (
        0,
        ("the gate itself is another: gate.yaml differs from the base's",),
    )
    assert found.differences["gate"] == {"same": (None, ["code", "params.yaml: rate"])}
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


def test_small_losses_in_a_row_are_refused_by_the_fifth(project: Project) -> None:
    """0.2 points each, with a margin of 0.7: no step is refused, unless there is an anchor."""
    gate = GATE.replace("0.01", "0.007")
    project.git("tag", "--no-sign", "anchor", "main")
    steps = []
    for step in range(1, 6):
        project.write("gate.yaml", gate)
        project.commit(f"step {step - 1}")
        project.results(accuracy=round(0.9 - 0.002 * step, 4))
        project.write("gate.yaml", f"anchor: anchor\n{gate}")
        steps.append(project.check("HEAD").status)
    assert steps == [0, 0, 0, 1, 1]
    found = project.check("HEAD")
    assert found.reasons[0].startswith("metrics.json: accuracy: against the anchor anchor: worse")
    assert row(found, comparison_of(found, "accuracy"))[-2:] == ["-0.01", "worse than the anchor"]
    project.write("gate.yaml", gate)
    assert project.check("HEAD").status == 0


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


def test_other_bytes_of_the_same_inputs_are_not_reproduced(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("metrics.json", json.dumps({"accuracy": 0.9, "loss": 0.51}))
    monkeypatch.chdir(project.folder)
    Repo().commit(force=True)
    assert project.check().notes == (
        "not reproduced: nothing differs but the bytes of metrics.json",
    )


def test_folder_without_dvc_is_one_line(tmp_path: Path, gate: Gate) -> None:
    status, out, err = gate(tmp_path, "check")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("gate: this folder: DVC says: you are not inside of a DVC repository")
