"""Verdicts on a repository of Git and DVC."""

import shutil
from pathlib import Path
from textwrap import indent

import pytest
from dvc.repo import Repo

from gate.check import Check
from gate.presentation import as_markdown
from gate.tests.conftest import GATE, PIPELINE, Files, Gate, Project

STALE = "results that do not belong to the files beside them: "
CODE: Files = {"code/model.R": "2"}
RUN: Files = {"run": {}}
LOSS: Files = {"run": {"accuracy": 0.5}}

# YAML whose anchors make billions of values.
ANCHORS = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)


@pytest.mark.parametrize(
    ("path", "content", "said"),
    [
        ("code/model.R", "2", STALE + "train: code modified"),
        ("code/new.ipynb", "{}", STALE + "train: code modified"),
        ("params.yaml", ("0.5", "0.7"), STALE + "train: params.yaml: rate modified"),
        ("dvc.yaml", ("cp results", "cp  results"), STALE + "train: command changed"),
        ("dvc.yaml", ("deps: [", "deps: [params.yaml, "), STALE + "train: params.yaml modified"),
        ("dvc.yaml", ("stages:", "stages:\n  n: {cmd: touch x, outs: [x]}"), "n: not run yet"),
        ("metrics.json", ("0.9", "0.99"), STALE + "train: metrics.json changed since"),
        ("metrics.json", "<<<< HEAD", "accuracy, loss: candidate: the file is broken: Expecting value"),
        ("metrics.json", "[1]", "accuracy, loss: candidate: expected numbers by name; found a list"),
        ("metrics.json", "null", "accuracy, loss: deleted: the candidate has none"),
        ("metrics.json", None, "accuracy, loss: candidate: the file is missing; run `dvc repro`"),
        ("dvc.yaml", "stages: [", "workspace: DVC says: "),
        ("dvc.yaml", "stages: {}\n", "dvc.yaml: expected metrics files; found none"),
        ("dvc.lock", "schema: 1\n", "dvc.lock: invalid schema version"),
        ("params.yaml", f"{ANCHORS}rate: 0.5\n", "expected at most 20000 values; found more"),
        ("gate.yaml", ANCHORS + GATE, "workspace: gate.yaml: expected YAML; expected at most 20000"),
    ],
)  # fmt: skip
def test_state_that_never_passes(path: str, content: object, said: str, project: Project) -> None:
    """Stale results, broken files: status 2, and why, in lines that no path outside is in."""
    project.change({path: content})
    status, text = project.judge()
    assert (status, said in text, "../" in text) == (2, True, False), text


DEFINITION = "the pipeline's definition changed: "
LATE: Files = RUN | {
    "dvc.yaml": (
        "stages:",
        "stages:\n  late: {cmd: cp params.yaml code/late, deps: [params.yaml], outs: [code/late]}",
    )
}
PREPARED = """\
stages:
  fit: {cmd: cat results.json code/model.R > data, deps: [results.json, code/model.R], outs: [data]}
  train:
    cmd: cp results.json metrics.json
    deps: [results.json, data]
    metrics: [{metrics.json: {cache: false}}]
"""
MODEL = PREPARED.replace("outs: [data]", "outs: [{data: {cache: false}}]")
PARTS: Files = RUN | {
    ".gitignore": "/parts/\n",  # so DVC writes no .gitignore there
    "dvc.yaml": """\
stages:
  split: {cmd: mkdir -p parts && cp params.yaml parts/a, deps: [params.yaml], outs: [parts/a]}
  train:
    cmd: cp results.json metrics.json
    deps: [parts, results.json]
    metrics: [{metrics.json: {cache: false}}]
""",
}
LINES: Files = RUN | {
    "dvc.yaml": PIPELINE.replace("cp results", "sed 's/,/,\\n/' results")
    .replace("json metrics", "json > metrics").replace("[results", "[x.csv, results")
}  # fmt: skip
BROKEN: Files = {"metrics.json": (",\n", ",\r\n")}
COMPILED: Files = RUN | {".gitignore": "*.pyc\n", "code/a.pyc": "1"}
OTHER_OUTPUT = tuple(
    f"    outs:\n    - path: data\n      hash: md5\n      md5: {x}" for x in ("", "f")
)
ADDRESS = "http://nowhere.invalid/data"
READS_ADDRESS: Files = {
    "dvc.yaml": ("deps: [", f"deps: ['{ADDRESS}', "),
    "dvc.lock": (
        "    deps:\n", f"    deps:\n    - {{path: '{ADDRESS}', checksum: abc-1}}\n"
    ),
}  # fmt: skip
OLD_LOCK: Files = {"dvc.lock": "train:\n  cmd: cp results.json metrics.json\n"}
OLD_STAGE: Files = {"old.dvc": "cmd: cp a b\nouts: [{path: b, metric: {type: json}}]\n"}
RULE = "{better: higher, margin: {absolute: 0.1}, blocks: true}"
ANCHORED = f"anchor: ANCHOR\n{GATE}"
UNRUN: Files = {"metrics.json": None, "dvc.lock": None}
PASSING: Files = UNRUN | {"gate.yaml": f"first_run: pass\n{GATE}"}

# What the base commits, what the change does, and what it edits after its run; then the status, and
# phrases of what is said.
STORIES: dict[str, tuple[Files, Files, Files, int, str]] = {
    "better": ({}, {"run": {"accuracy": 0.92}}, {}, 0, "accuracy: better"),
    "NaN": ({}, {"run": {"accuracy": float("nan")}}, {}, 2, "accuracy: cannot be compared"),
    "worse and stale": ({}, LOSS, CODE, 1, f"worse by 0.4 ... {STALE}train: code modified"),
    "stale informs": ({"gate.yaml": f"stale_results: inform\n{GATE}"}, {}, CODE, 0,
                      f"{STALE}train: code modified; run `dvc repro`"),
    "ignored": ({"metrics.json": None, ".gitignore": "metrics.json\n"}, {}, {}, 2,
                "the file is missing; Git ignores it: take it out of .gitignore"),
    "of no stage": ({"dvc.yaml": "metrics: [metrics.json]\n"}, {}, {"metrics.json": None}, 2,
                    "the file is missing; run what writes it, then commit it"),
    # The workspace's rules judge where the base has none that can be used.
    "no rules": ({"gate.yaml": None}, LOSS | {"gate.yaml": GATE}, {}, 1,
                 "judged by the workspace's own rules: main has no gate.yaml"),
    "broken rules": ({"gate.yaml": "metrics: ["}, LOSS | {"gate.yaml": GATE}, {}, 1,
                     "judged by the workspace's own rules: main has none that can be used"),
    "indented rules": ({"gate.yaml": indent(f"stale_results: refuse\n{GATE}", "  ")},
                       LOSS | {"gate.yaml": GATE.replace("0.01", "0.9")}, {}, 1,
                       "gate.yaml loosens metrics.json: accuracy ... accuracy: worse by 0.4"),
    "lower limit": ({"gate.yaml": GATE.replace("bl", "at_least: 0.8, bl")},
                    {"gate.yaml": GATE.replace("bl", "at_least: 0.7, bl")}, {}, 0,
                    "gate.yaml loosens metrics.json: accuracy, from"),
    "fewer conditions": ({"gate.yaml": f"same: [code]\n{GATE}"}, {"gate.yaml": GATE}, {}, 0,
                         "gate.yaml loosens same, from"),
    # Nothing is unrun without a note, also where DVC itself finds all up to date.
    "dependency removed": ({}, RUN | {"dvc.yaml": (", code]", "]")}, CODE, 2,
                           f"{DEFINITION}metrics.json no longer depends on code, which differs"),
    "parameter removed": ({}, RUN | {"dvc.yaml": ("    params: [rate]\n", "")}, {}, 0,
                          f"{DEFINITION}metrics.json no longer depends on params.yaml: rate"),
    "frozen": ({}, {"dvc.yaml": ("    cmd: cp", "    frozen: true\n    cmd: cp")}, CODE, 2,
               f"{DEFINITION}stage train is now frozen ... {STALE}train: code modified"),
    "hidden": ({}, RUN | {".dvcignore": "code/model.R\n"}, CODE, 2,
               f"{DEFINITION}.dvcignore hides code/model.R"),
    "stage removed": ({}, {"dvc.yaml": "metrics: [metrics.json]\n"}, CODE, 2,
                      f"{DEFINITION}no stage writes metrics.json any more"),
    "misspelt same": ({"gate.yaml": f"same: [dta]\n{GATE}"}, {}, {}, 2,
                      "same: dta: expected a file or parameter of the pipeline"),
    "misspelt environment": ({"gate.yaml": f"environment: [metrics.jsn]\n{GATE}"}, {}, {}, 2,
                             "environment: metrics.jsn: ... did you mean metrics.json?"),
    "misspelt predictions": ({"gate.yaml": f"predictions: {{metrics.jsn: params.yaml}}\n{GATE}"},
                             {}, {}, 2, "predictions: metrics.jsn: ... you mean metrics.json?"),
    # A base with rules and no results yet; limits hold all the same.
    "first run passes": (PASSING, RUN, {}, 0, "main has no results yet ... accuracy: new"),
    "first run below": (PASSING | {"gate.yaml": "first_run: pass\n" + GATE.replace("bl", "at_least: 1, bl")},
                        RUN, {}, 1, "0.9, below at_least 1"),
    # What was not pulled is compared by its hash in the lock.
    "not pulled": (RUN | {"dvc.yaml": PREPARED}, {}, {"data": None}, 0, "accuracy: the same"),
    "not pulled, other": (RUN | {"dvc.yaml": PREPARED}, {}, {"dvc.lock": OTHER_OUTPUT, "data": None},
                          2, f"{STALE}train: data modified"),
    "ignored by Git": (RUN | {"dvc.yaml": MODEL, ".gitignore": "/data\n"}, {}, {"data": None}, 0,
                       "accuracy: the same"),
    "tracked by Git": (RUN | {"dvc.yaml": MODEL}, {}, {"data": None}, 2,
                       f"{STALE}train: data deleted"),
    "other address": (READS_ADDRESS, {}, {"dvc.lock": ("abc-1", "abc-2")}, 0,
                      f"inputs differ: {ADDRESS}"),
    # A dependency folder that outputs of other stages lie in.
    "outputs not pulled": (LATE, {}, {"code/late": None}, 0, "accuracy: the same"),
    "code beside outputs": (LATE, {}, CODE, 2, f"{STALE}train: code modified (code/model.R)"),
    "folder of outputs not pulled": (PARTS, {}, {"parts": None}, 0, "accuracy: the same"),
    "folder of outputs new": (PARTS | {"dvc.yaml": PARTS["dvc.yaml"].replace("parts, ", "")}, {},
                              {"dvc.yaml": ("[results", "[parts, results")}, 2,
                              "train: parts modified"),
    # What Git ignores and DVC does not, such as __pycache__, is in no other clone.
    "ignored by Git alone": (COMPILED, {}, {"code/a.pyc": None}, 2,
                             f"{STALE}train: code modified (1 of 2 files; hide what Git ignores"),
    "other line ends": (LINES | {"x.csv": "1\n2\n"}, {}, {"x.csv": "1\r\n2\r\n"} | BROKEN, 0,
                        "accuracy: the same"),
    "line ends of Windows": (LINES | {"x.csv": "1\r\n2\r\n"}, {}, {"x.csv": "1\n2\n"}, 0, ""),
    "other line": (LINES | {"x.csv": "1\n2\n"}, {}, {"x.csv": "1\r\n3\r\n"}, 2, "x.csv modified"),
    "ignored by both": (COMPILED | {".dvcignore": "*.pyc\n"}, {}, {"code/a.pyc": None}, 0,
                        "accuracy: the same"),
    # Files of old versions of DVC, by name and side.
    "old lock": ({}, {}, OLD_LOCK, 2,
                 "workspace: DVC says: ./dvc.lock: ... of DVC 2 or later; indent its stages below"),
    "live": ({}, {}, {"dvc.yaml": ("    params", "    live: {x: {}}\n    params")}, 2,
             "workspace: DVC says: ./dvc.yaml: ... DVC 3 has no `live`; declare what it writes"),
    "old stage of base": (OLD_STAGE, {"old.dvc": None}, {}, 2,
                          "main: DVC says: ... old.dvc: ... a stage in dvc.yaml, not of DVC 0"),
    "same": ({"gate.yaml": f"same: [code, 'params.yaml: rate']\n{GATE}"},
             CODE | {"params.yaml": "rate: 0.7\n"} | LOSS, {}, 2,
             "code differs: ... params.yaml: rate differs: 0.5 -> 0.7 ... inputs differ: code"),
    # ANCHOR is the commit before, of which the base has lost some, or has other data.
    "losses in a row": ({"gate.yaml": ANCHORED, "run": {"accuracy": 0.895}},
                        {"run": {"accuracy": 0.889}}, {}, 1,
                        "metrics.json: accuracy: against the anchor ANCHOR: worse by 0.011"),
    "losses without anchor": ({"run": {"accuracy": 0.895}}, {"run": {"accuracy": 0.889}}, {}, 0, ""),
    "other data at anchor": (CODE | {"gate.yaml": f"same: [code]\n{ANCHORED}",
                                     "run": {"accuracy": 0.895}},
                             {"run": {"accuracy": 0.889}}, {}, 2,
                             "code differs from the anchor ANCHOR: "),
    "newer than anchor": ({"gate.yaml": f"{ANCHORED}    f1: {RULE}\n", "run": {"f1": 0.5}}, {}, {}, 0,
                          "not compared with the anchor, which is older: metrics.json: f1"),
    "anchor of no name": ({"gate.yaml": f"anchor: nowhere\n{GATE}"}, {}, {}, 2,
                          "anchor: expected a tag or commit; there is no 'nowhere' here"),
    "anchor on a branch": ({"gate.yaml": f"anchor: main\n{GATE}"}, {}, {}, 2,
                           "anchor: expected a tag or commit; 'main' moves by itself"),
}  # fmt: skip


@pytest.mark.parametrize("story", STORIES)
def test_story(story: str, project: Project) -> None:
    base, change, after, status, phrases = STORIES[story]
    anchor, rules = project.commit_of("main"), base.get("gate.yaml")
    project.change(base | ({"gate.yaml": rules.replace("ANCHOR", anchor)} if rules else {}))
    project.commit(main=True)
    project.change(change)
    project.change(after)
    project.expect(status, phrases.replace("ANCHOR", anchor))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("absolute: 0.01", "absolute: 0.5", "gate.yaml loosens metrics.json: accuracy, from"),
        ("absolute: 0.01", "relative: 0.01", "gate.yaml loosens metrics.json: accuracy, from"),
        ("blocks: true", "blocks: true, at_least: 0.1", "gate.yaml changes metrics.json: accuracy"),
        ("better: higher", "better: lower", "gate.yaml turns metrics.json: accuracy, from"),
        (", blocks: true", "", "workspace: gate.yaml: expected a metric with `blocks: true`"),
        ("accuracy: {", "x: {", "workspace: gate.yaml: metrics: metrics.json: x: expected a metric"),
        ("accuracy: {", "m1?: {", "gate.yaml removes metrics.json: accuracy, from"),
        ("metrics:", "stale_results: inform\nmetrics:", "gate.yaml loosens stale_results, from"),
        (GATE, "", "workspace: gate.yaml: "),
    ],
)  # fmt: skip
def test_change_is_judged_by_the_bases_rules(
    old: str, new: str, said: str, project: Project
) -> None:
    """With a loss of 0.4; the looser rule is named among many harmless entries."""
    many = {f"m{n}": 1 for n in range(14)}
    project.run(**many)
    project.commit(main=True)
    rules = [f"    {name}: {{better: higher, margin: {{absolute: 1}}}}\n" for name in many]
    project.change({"gate.yaml": (old, new), "run": many | {"accuracy": 0.5}})
    project.write("gate.yaml", project.read("gate.yaml") + "".join(rules))
    project.expect(1, f"accuracy: worse by 0.4 ... {said}")
    assert ("loosens" in project.judge()[1]) == ("loosens" in said)


def test_base_without_results(project: Project) -> None:
    """One line says so and what to do; not that its stages or its environment differ."""
    project.change(UNRUN | {"gate.yaml": f"environment: [metrics.json]\n{GATE}"})
    project.commit(main=True)
    project.run()
    found = project.check()
    (reason,) = found.reasons
    assert reason.startswith("main has no results yet; commit these, which the next change is")
    assert (found.status, found.notes, found.differences["environment"]) == (2, [], {})


def test_line_ends_of_windows(project: Project) -> None:
    """In a folder below, beside a pipeline that does not count."""
    project.write("other/dvc.yaml", "stages: {one: {cmd: touch x, deps: [y], outs: [x]}}\n")
    project.write("other/y", "")
    project.change(
        dict.fromkeys(("dvc.yaml", "dvc.lock", "params.yaml", "gate.yaml"), ("\n", "\r\n"))
    )
    found = Check(project.folder / "code", "main")
    assert (found.status, found.after.stale, found.changes) == (0, {}, [])


def test_change_cannot_move_its_own_anchor(project: Project, gate: Gate) -> None:
    """Unless it changes no result; `accept` writes it and says what was lost."""
    project.git("tag", "--no-sign", "old", "main")
    rules = f"# rules\nanchor: old  # the first\n{GATE}"
    project.change({"gate.yaml": rules, "run": {"accuracy": 0.895}})
    base = project.commit()
    (project.folder / "gate.yaml.tmp").mkdir()  # in the way of writing: the old file stays
    assert (gate(project.folder, "accept")[0], project.read("gate.yaml")) == (2, rules)
    (project.folder / "gate.yaml.tmp").rmdir()
    status, out, err = gate(project.folder, "accept")
    assert (status, err, "metrics.json: accuracy: -0.005" in out) == (0, "", True)
    assert project.read("gate.yaml") == rules.replace("anchor: old", f"anchor: {base}")
    for accuracy, status, name in ((0.895, 0, base), (0.887, 1, "old")):
        project.run(accuracy=accuracy)
        found = project.check("HEAD")
        assert (found.status, found.anchor and found.anchor.name) == (status, name)
        assert ("**worse than the anchor**" in as_markdown(found)) == (status == 1)


@pytest.mark.parametrize("there", ["{}", "<<<<", '{"accuracy": "0.9", "loss": 1}'])
def test_anchor_that_cannot_be_read(there: str, project: Project) -> None:
    project.change({"metrics.json": there})
    project.change({"gate.yaml": f"anchor: {project.commit()}\n{GATE}", "run": {}})
    project.commit(main=True)
    project.expect(2, "against the anchor")


def test_not_reproduced(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.change({"metrics.json": ("0.5", "0.51")})
    monkeypatch.chdir(project.folder)
    Repo().commit(force=True)
    note = "not reproduced: nothing differs but the bytes of metrics.json"
    assert project.check().notes == [note]


def test_missing_metrics_behind_a_link(project: Project) -> None:
    """They are just not there, though Git refuses to say whether it ignores them."""
    (project.folder / "link").symlink_to("code")
    project.change({"dvc.yaml": ("stages:", "metrics: [link/late.json]\nstages:")})
    project.expect(0, "")


def test_folder_without_git_or_dvc(project: Project, gate: Gate, tmp_path: Path) -> None:
    """As a ZIP of a repository."""
    shutil.rmtree(project.folder / ".git")
    status, out, err = gate(project.folder, "check")
    assert (status, out, err.count("\n"), "not a git repository" in err) == (2, "", 1, True)
    Project(tmp_path).git("init", "--quiet")
    assert "you are not inside of a DVC repository" in gate(tmp_path, "check")[2]
