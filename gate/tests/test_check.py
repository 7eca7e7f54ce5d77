"""Verdicts on a repository of Git and DVC."""

import json
from pathlib import Path

import pytest
from dvc.repo import Repo

from gate.check import Check
from gate.errors import CannotCompareError
from gate.tests.conftest import GATE, PIPELINE, Gate, Project, comparison_of

STALE = "results that do not belong to the files beside them: "
DEFINITION = "the pipeline's definition changed: "


def test_verdict_of_a_value(project: Project) -> None:
    for accuracy, status, verdict in (
        (0.895, 0, "within the margin"),
        (0.92, 0, "better"),
        (0.88, 1, "worse"),
        (float("nan"), 2, "cannot be compared"),
        (None, 2, "cannot be compared"),
        ([0.9], 2, "cannot be compared"),
    ):
        project.results(accuracy=accuracy)
        found = project.check()
        assert (found.status, comparison_of(found, "accuracy").verdict) == (status, verdict)
    assert "expected a finite number; found a list" in found.reasons[0]
    project.results(accuracy=0.5)
    project.write("code/model.R", "2")
    found = project.check()  # in stale results a regression is one, too
    assert (found.status, len(found.reasons)) == (1, 2)


def test_broken_metrics_file(project: Project) -> None:
    for content, reason in (
        ("", "the file is broken: Expecting value: line 1"),
        ("<<<<<<< HEAD\n{}\n", "the file is broken"),
        ("[1]", "the file is broken: expected metrics, found a list"),
        ("null", "deleted: the candidate has none"),
        ("{}", "deleted: the candidate has none"),
        (None, "the file is missing; run `dvc repro`"),
    ):
        path = project.folder / "metrics.json"
        path.unlink() if content is None else path.write_text(content)
        found = project.check()
        assert found.status == 2
        assert found.reasons[0].startswith("metrics.json: accuracy, loss: ")  # said once
        assert reason in found.reasons[0]
        assert "../" not in found.reasons[0]


@pytest.mark.parametrize(
    ("path", "old", "new", "expected"),
    [
        ("code/model.R", "1", "2", "train: code modified"),
        ("code/new.ipynb", None, "{}", "train: code modified"),
        ("results.json", "0.5", "0.4", "train: results.json modified"),
        ("params.yaml", "0.5", "0.7", "train: params.yaml: rate modified"),
        ("dvc.yaml", "cp results", "cp  results", "train: command changed"),
        ("dvc.yaml", "deps: [", "deps: [params.yaml, ", "train: params.yaml modified"),
        ("dvc.yaml", "stages:", "stages:\n  new: {cmd: touch x, outs: [x]}", "new: not run yet"),
        ("metrics.json", "0.9", "0.99", "train: metrics.json changed since"),
    ],
)
def test_stale_results_never_pass(
    path: str, old: str | None, new: str, expected: str, project: Project
) -> None:
    """Unless the base's gate.yaml says that they only inform."""
    project.replace(path, old, new) if old else project.write(path, new)
    found = project.check()
    assert (found.status, len(found.reasons)) == (2, 1)
    assert found.reasons[0].startswith(STALE + expected)
    if path == "code/model.R":
        project.replace(path, new, "1")
        project.write("gate.yaml", f"stale_results: inform\n{GATE}")
        project.commit_main()
        project.write(path, new)
        found = project.check()
        assert (found.status, found.notes[0]) == (0, f"{STALE}{expected}; run `dvc repro`")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("absolute: 0.01", "absolute: 0.5", "loosens metrics.json: accuracy"),
        ("absolute: 0.01", "relative: 0.01", "loosens metrics.json: accuracy"),
        ("blocks: true", "blocks: true, at_least: 0.1", None),
        ("better: higher", "better: lower", "turns metrics.json: accuracy"),
        (", blocks: true", "", None),
        ("accuracy: {", "x: {", None),
        ("accuracy: {", "m1?: {", "removes metrics.json: accuracy"),
        ("metrics:", "stale_results: inform\nmetrics:", "loosens stale_results"),
        (GATE, "", None),
        (GATE, "metrics: [", None),
    ],
)
def test_change_is_judged_by_the_bases_rules(
    old: str, new: str, expected: str | None, project: Project
) -> None:
    """With a loss of 0.4; the looser rule is named among many harmless ones."""
    many = {f"m{n}": 1 for n in range(14)}
    project.results(**many)
    project.commit_main()
    project.results(accuracy=0.5, **many)
    project.replace("gate.yaml", old, new)
    if expected:
        rule = "{better: higher, margin: {absolute: 1}}"
        rules = "".join(f"    {name}: {rule}\n" for name in many)
        project.write("gate.yaml", project.read("gate.yaml") + rules)
    found = project.check()
    assert found.status == 1
    assert any("accuracy: worse by 0.4" in reason for reason in found.reasons)
    if expected:
        assert f"gate.yaml {expected}, from the next change on" in found.changes
    elif "at_least" in new:
        assert (found.changes, found.notes[0]) == ([], "gate.yaml changes metrics.json: accuracy")
    else:
        assert any(reason.startswith("workspace: gate.yaml: ") for reason in found.reasons)


@pytest.mark.parametrize("text", [None, "metrics: ["])
def test_first_rules_judge_themselves(text: str | None, project: Project) -> None:
    """Where the base has none that can be used, which is said first."""
    path = project.folder / "gate.yaml"
    path.unlink() if text is None else path.write_text(text)
    base = project.commit()
    project.write("gate.yaml", GATE)
    project.results(accuracy=0.5)
    found = project.check(base)
    assert (found.status, found.changes[0][:33]) == (1, "judged by the workspace's own rul")


UNRUN = [
    ("dvc.yaml", "deps: [results.json, code]", "deps: [results.json]", 2, "no longer depends on code"),
    ("dvc.yaml", "    params: [rate]\n", "", 0, "no longer depends on params.yaml: rate"),
    ("dvc.yaml", "    cmd: cp", "    frozen: true\n    cmd: cp", 2, "stage train is now frozen"),
    (".dvcignore", "", "code/model.R\n", 2, ".dvcignore hides code/model.R"),
    ("dvc.yaml", PIPELINE, "metrics: [metrics.json]\n", 2, "no stage writes metrics.json any more"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "old", "new", "status", "expected"), UNRUN)
def test_nothing_is_unrun_without_a_note(
    path: str, old: str, new: str, status: int, expected: str, project: Project
) -> None:
    """With another code, and where DVC itself finds all up to date."""
    project.replace(path, old, new) if old else project.write(path, new)
    if "frozen" not in new:
        project.repro()
    if status:
        project.write("code/model.R", "2")
    found = project.check()
    stale = any(STALE in reason for reason in found.reasons)
    assert (found.status, stale) == (status, "frozen" in new)
    said = [*found.changes, *found.reasons]
    assert any(text.startswith(DEFINITION) and expected in text for text in said), said


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


def test_line_ends_of_windows(project: Project) -> None:
    """In a folder below, beside a pipeline that does not count."""
    project.write("other/dvc.yaml", "stages: {one: {cmd: touch x, deps: [y], outs: [x]}}\n")
    project.write("other/y", "")
    for path in ("dvc.yaml", "dvc.lock", "params.yaml", "gate.yaml"):
        project.write(path, project.read(path).replace("\n", "\r\n"))
    found = Check(project.folder / "code", "main")
    assert (found.status, found.after.stale, found.changes) == (0, {}, [])


@pytest.mark.parametrize(
    ("start", "rule", "status"),
    [("refuse", "blocks", 2), ("pass", "blocks", 0), ("pass", "at_least: 1, blocks", 1)],
)
def test_first_run(start: str, rule: str, status: int, project: Project) -> None:
    """A base with rules and no metrics yet; limits hold all the same."""
    project.replace("dvc.yaml", "metrics.json", "first.json")
    rules = GATE.replace("metrics.json", "first.json").replace("blocks", rule)
    project.write("gate.yaml", f"first_run: {start}\n{rules}")
    base = project.commit()
    project.results()
    found = project.check(base)
    assert (found.status, comparison_of(found, "accuracy").base) == (status, None)


def test_other_data_cannot_be_compared(project: Project) -> None:
    """Nor with an anchor whose data were others, the same in base and candidate."""
    old = project.commit_of("main")
    project.write("gate.yaml", f"same: [code, 'params.yaml: rate']\n{GATE}")
    project.results()
    assert project.check().notes[0] == "gate.yaml changes same"
    project.commit_main()
    assert project.check().status == 0
    project.write("code/model.R", "2")
    project.write("params.yaml", "rate: 0.7\n")
    project.repro()
    found = project.check()
    names = [reason.partition(" differs:")[0] for reason in found.reasons]
    assert (found.status, names) == (2, ["code", "params.yaml: rate"])
    assert found.differences["parameters"] == {"params.yaml: rate": (0.5, 0.7)}
    assert list(found.differences["inputs"]) == ["code"]
    project.write("gate.yaml", f"anchor: {old}\nsame: [code]\n{GATE}")
    project.commit_main()
    project.results(accuracy=0.901)
    found = project.check()
    assert (found.status, len(found.reasons)) == (2, 1)
    assert found.reasons[0].startswith(f"code differs from the anchor {old}: ")


def test_small_losses_in_a_row(project: Project) -> None:
    """0.2 points each, with a margin of 0.7: no step is refused, unless there is an anchor."""
    gate = GATE.replace("0.01", "0.007")
    anchor = project.commit_of("main")
    project.write("gate.yaml", f"anchor: {anchor}\n{gate}")
    steps = []
    for step in range(1, 6):
        project.commit(f"step {step - 1}")
        project.results(accuracy=round(0.9 - 0.002 * step, 4))
        steps.append(project.check("HEAD").status)
    assert steps == [0, 0, 0, 1, 1]
    reason = project.check("HEAD").reasons[0]
    assert reason.startswith(f"metrics.json: accuracy: against the anchor {anchor}: worse by 0.01")
    project.write("gate.yaml", gate)
    project.commit("no anchor")
    project.results(accuracy=0.888)
    assert project.check("HEAD").status == 0


def test_change_cannot_move_its_own_anchor(project: Project, gate: Gate) -> None:
    """Unless it changes no result; `accept` writes it and says what was lost."""
    project.git("tag", "--no-sign", "old", "main")
    project.write("gate.yaml", f"# rules\nanchor: old  # the first\n{GATE}")
    project.results(accuracy=0.895)
    base = project.commit()
    (project.folder / "gate.yaml.tmp").mkdir()  # in the way of writing: the old file stays
    assert gate(project.folder, "accept")[0] == 2
    assert project.read("gate.yaml").startswith("# rules\nanchor: old ")
    (project.folder / "gate.yaml.tmp").rmdir()
    status, out, err = gate(project.folder, "accept")
    assert (status, err) == (0, "")
    assert "metrics.json: accuracy: -0.005" in out
    assert project.read("gate.yaml") == f"# rules\nanchor: {base}  # the first\n{GATE}"
    for accuracy, status, name in ((0.895, 0, base), (0.887, 1, "old")):
        project.results(accuracy=accuracy)
        found = project.check("HEAD")
        assert (found.status, found.anchor and found.anchor.name) == (status, name)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("nowhere", "there is no 'nowhere' here"),
        ("main", "'main' moves by itself"),
        ("HEAD", "'HEAD' moves by itself"),
        ("HEAD~0", "'HEAD~0' moves by itself"),
    ],
)
def test_what_is_no_anchor(name: str, error: str, project: Project) -> None:
    project.write("gate.yaml", f"anchor: {name}\n{GATE}")
    project.commit_main()
    with pytest.raises(CannotCompareError, match=f"anchor: expected a tag or commit; {error}"):
        project.check()


@pytest.mark.parametrize("at_anchor", ["{}", "<<<<", '{"accuracy": "0.9", "loss": 1}', None])
def test_anchor_is_never_off_without_a_word(at_anchor: str | None, project: Project) -> None:
    """Where its metrics cannot be read; a metric that is newer (None) is a note."""
    if at_anchor:
        project.write("metrics.json", at_anchor)
    anchor = project.commit()
    rule = "    f1: {better: higher, margin: {absolute: 0.1}, blocks: true}\n"
    project.write("gate.yaml", f"anchor: {anchor}\n{GATE}{'' if at_anchor else rule}")
    project.results(f1=0.5)
    project.commit_main()
    project.results(f1=0.5, accuracy=0.9)
    found = project.check()
    if at_anchor:
        assert (found.status, "against the anchor" in found.reasons[0]) == (2, True)
    else:
        note = "not compared with the anchor, which is older: metrics.json: f1"
        assert (found.status, found.notes) == (0, [note])


@pytest.mark.parametrize(
    ("path", "text", "error"),
    [
        ("dvc.yaml", "stages: [", "workspace: DVC says: "),
        ("dvc.yaml", "stages: {}\n", "dvc.yaml: expected metrics files; found none"),
        ("dvc.lock", "schema: 1\n", "dvc.lock: invalid schema version"),
        ("params.yaml", "a: [", "params.yaml"),
    ],
)
def test_broken_file_is_one_line(path: str, text: str, error: str, project: Project) -> None:
    project.write(path, text)
    with pytest.raises(CannotCompareError, match=error) as refused:
        project.check()
    assert "\n" not in str(refused.value)


def test_not_reproduced(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write("metrics.json", json.dumps({"accuracy": 0.9, "loss": 0.51}))
    monkeypatch.chdir(project.folder)
    Repo().commit(force=True)
    note = "not reproduced: nothing differs but the bytes of metrics.json"
    assert project.check().notes == [note]


def test_folder_without_git_or_dvc(tmp_path: Path, gate: Gate) -> None:
    """As a ZIP of a repository."""
    status, out, err = gate(tmp_path, "check")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "not a git repository" in err
    Project(tmp_path).git("init", "--quiet")
    assert "you are not inside of a DVC repository" in gate(tmp_path, "check")[2]
