"""Verdicts on a repository of Git and DVC."""

from pathlib import Path
from textwrap import indent

import pytest

from gate.tests.conftest import GATE, PIPELINE, Files, Gate, Project

STALE = "results that do not belong to the files beside them: "
CODE: Files = {"code/model.R": "2"}
RUN: Files = {"run": {}}
LOSS: Files = {"run": {"accuracy": 0.5}}

LATIN_1 = b"# \xe9\n" + GATE.encode()

# YAML whose anchors make billions of values.
ANCHORS = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)


@pytest.mark.parametrize(
    ("path", "content", "said"),
    [
        ("code/model.R", "2", STALE + "train: code modified"),
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
        ("dvc.yaml", ("stages:", "stages:\n  n: {cmd: x, outs: [metrics.json]}"), "output 'metrics.json' is specified in:"),
        ("dvc.yaml", "stages: {}\n", "dvc.yaml: expected metrics files; found none"),
        ("dvc.lock", "schema: 1\n", "dvc.lock: invalid schema version"),
        ("params.yaml", f"{ANCHORS}rate: 0.5\n", "expected at most 20000 values; found more"),
        ("gate.yaml", ANCHORS + GATE, "workspace: gate.yaml: expected YAML; expected at most 20000"),
        ("gate.yaml", LATIN_1, "workspace: gate.yaml: expected text; 'utf-8' codec can't decode"),
        ("gate.yaml", ("accuracy: {", "x: {"), "workspace: gate.yaml: metrics: metrics.json: x: exp"),
        ("gate.yaml", f"same: [dta]\n{GATE}", "same: dta: expected a file or parameter of the pip"),
        ("gate.yaml", f"environment: [metrics.jsn]\n{GATE}", "metrics.jsn: expected a file that a st"),
        ("gate.yaml", f"predictions: {{metrics.jsn: x}}\n{GATE}", "metrics.jsn: expected a metrics file"),
        ("gate.yaml", f"predictions: {{metrics.json: x}}\n{GATE}", "x: expected a file of either side"),
        ("gate.yaml", f"anchor: main\n{GATE}", "expected a tag or commit; 'main' moves by itself"),
    ],
)  # fmt: skip
def test_state_that_never_passes(path: str, content: object, said: str, project: Project) -> None:
    """Stale results, broken files: status 2, and why, in lines that no path outside is in."""
    project.change({path: content})
    status, text = project.judge()
    assert (status, said in text, "../" in text) == (2, True, False), text


DEFINITION = "the pipeline's definition changed: "
PREPARED = f"""{PIPELINE.replace("code]", "data]")}\
  fit: {{cmd: cat results.json code/model.R > data, deps: [results.json, code/model.R], outs: [data]}}
"""
MODEL = PREPARED.replace("outs: [data]", "outs: [{data: {cache: false}}]")
PARTS: Files = RUN | {
    ".gitignore": "/parts/a\n*.pyc\n",  # so DVC writes no .gitignore there
    "dvc.yaml": f"""{PIPELINE.replace("code]", "parts]")}\
  split: {{cmd: mkdir -p parts && cp params.yaml parts/a, deps: [params.yaml], outs: [parts/a]}}
""",
}
OTHER_FILES = "environment: [results.json]\npredictions: {metrics.json: code/model.R}\n"
CODED: Files = PARTS | {"parts/code": "1"}
LINES: Files = RUN | {
    "dvc.yaml": PIPELINE.replace("cp results", "sed 's/,/,\\n/' results")
    .replace("json metrics", "json > metrics").replace("[results", "[x.csv, results")
}  # fmt: skip
BROKEN: Files = {"metrics.json": (",\n", ",\r\n")}
# Beside a pipeline that does not count.
BESIDE = {"b/dvc.yaml": "stages: {one: {cmd: touch x, deps: [y], outs: [x]}}\n", "b/y": ""}
CRLF = dict.fromkeys(("dvc.yaml", "dvc.lock", "params.yaml", "gate.yaml"), ("\n", "\r\n"))
COMPILED: Files = RUN | {".gitignore": "*.pyc\n", "code/a.pyc": "1"}
OTHER_OUTPUT = tuple(
    f"    outs:\n    - path: data\n      hash: md5\n      md5: {x}" for x in ("", "f")
)
REMADE = tuple(
    f"path: metrics.json\n      hash: md5\n      md5: {x}"  # with a loss of 0.5, and of 0.6
    for x in ("4a769b0e3ab208d470d9e41fb1946644", "c7d98314a8c2ab43cf1934773897e2c1")
)
ADDRESS = "http://nowhere.invalid/data"
READS_ADDRESS: Files = {
    "dvc.yaml": ("deps: [", f"deps: ['{ADDRESS}', "),
    "dvc.lock": ("    deps:\n", f"    deps:\n    - {{path: '{ADDRESS}', checksum: abc-1}}\n"),
}
IMPORT = "path: imported, hash: md5, md5: 8d777f385d3dfec8815d20f7496026dc"
IMPORTED: Files = {
    ".gitignore": "/imported\n",
    "imported": "data",
    "imported.dvc": f"frozen: true\ndeps: [{{path: ../gone, md5: {'f' * 32}}}]\nouts: [{{{IMPORT}}}]\n",
    "dvc.yaml": ("deps: [", "deps: [imported, "),
    "dvc.lock": ("    deps:\n", f"    deps:\n    - {{{IMPORT}}}\n"),
}
OLD_LOCK: Files = {"dvc.lock": "train:\n  cmd: cp results.json metrics.json\n"}
OLD_STAGE: Files = {"old.dvc": "cmd: cp a b\nouts: [{path: b, metric: {type: json}}]\n"}
NEWER = {"gate.yaml": GATE + "    f1: {better: higher, margin: {absolute: 1}, blocks: true}\n"}
ANCHORED, MOVED, NOWHERE = (f"anchor: {name}\n{GATE}" for name in ("old-results", "new", "nowhere"))
FELL = "accuracy: against the anchor old-results: worse by 0.011"
BELOW: Files = {"gate.yaml": ANCHORED, "run": {"accuracy": 0.895}}  # by half the margin
LOWER: Files = {"run": {"accuracy": 0.889}}
NEW_RATE: Files = {"params.yaml": "rate: 0.7\n"}
UNRUN: Files = {"metrics.json": None, "dvc.lock": None}
PASSING: Files = UNRUN | {"gate.yaml": f"first_run: pass\nsame: [results.json]\n{GATE}"}

# What the base commits, what the change does, and what it edits after its run; then the status, and
# phrases of what is said.
STORIES: dict[str, tuple[Files, Files, Files, int, str]] = {
    "worse and stale": ({}, LOSS, CODE, 1, f"worse by 0.4 ... {STALE}train: code modified"),
    "stale informs": ({"gate.yaml": f"stale_results: inform\n{GATE}"}, {"gate.yaml": GATE}, CODE, 0,
                      f"{STALE}train: code modified; run `dvc repro`"),
    "ignored": ({"metrics.json": None, ".gitignore": "metrics.json\n"}, {}, {}, 2,
                "the file is missing; Git ignores it: take it out of .gitignore"),
    "of no stage": ({"dvc.yaml": "metrics: [metrics.json]\n"}, {}, {"metrics.json": None}, 2,
                    "the file is missing; run what writes it, then commit it"),
    # Git refuses to say whether it ignores what is behind a link.
    "behind a link": ({}, {"link": Path("code"), "dvc.yaml": ("stages:", "metrics: [link/x.json]\nstages:")},
                      {}, 0, ""),
    # The workspace's rules judge where the base has none that can be used.
    "no rules": ({"gate.yaml": None}, NEWER | {"run": {"accuracy": 0.5, "f1": 1}}, {}, 1,
                 "judged by the workspace's own rules: main has no gate.yaml ..."
                 " loss: the same\nmetrics.json: f1: new"),
    "broken rules": (UNRUN | {"gate.yaml": "metrics: ["}, RUN | {"gate.yaml": GATE}, {}, 2,
                     "judged by the workspace's own rules: main has none that can be used ..."
                     " main has no results yet; commit these"),
    "no rules at all": ({"gate.yaml": None}, {"gate.yaml": "metrics: ["}, {}, 2, "expected YAML"),
    "rules before metrics": ({"gate.yaml": f"first_run: pass\n{NEWER['gate.yaml']}"},
                             {"run": {"f1": 1}}, {}, 2, "f1: new: the base has none; write"),
    "indented rules": ({"gate.yaml": indent(f"stale_results: refuse\n{GATE}", "  ")},
                       LOSS | {"gate.yaml": GATE.replace("0.01", "0.9")}, {}, 1,
                       "gate.yaml loosens metrics.json: accuracy ... accuracy: worse by 0.4"),
    "stale base": (CODE, {"gate.yaml": f"{OTHER_FILES}{GATE}", "run": {"loss": 0.51}}, {}, 0,
                   "gate.yaml changes environment, predictions ... environment differ: results.json: loss"
                   " ... the base's own results do not belong to its files: train"),
    "misspelt rules": ({"gate.yaml": f"same: [dta]\n{GATE}"}, {"gate.yaml": GATE}, {}, 2,
                       "gate.yaml: same: dta: expected a file or parameter of the pipeline"),
    "not reproduced": ({}, {"metrics.json": ("0.5", "0.6"), "dvc.lock": REMADE}, {}, 0,
                       "not reproduced: nothing differs but the bytes of metrics.json"),
    # Nothing is unrun without a note, also where DVC itself finds all up to date.
    "dependency removed": ({}, RUN | {"dvc.yaml": (", code]", "]")}, CODE, 2,
                           f"{DEFINITION}metrics.json no longer depends on code, which differs"),
    "both removed": ({}, RUN | {"dvc.yaml": (", code]\n    params: [rate]", "]")}, {}, 0,
                     f"{DEFINITION}metrics.json no longer depends on code\n ... {DEFINITION}"
                     "metrics.json no longer depends on params.yaml: rate\n"),
    "parameter gone": ({}, RUN | {"dvc.yaml": ("    params: [rate]\n", ""), "params.yaml": ""}, {}, 2,
                       "no longer depends on params.yaml: rate, which differs from the base's"),
    "wider dependency": (RUN | {"dvc.yaml": ("code]", "code/model.R]")},
                         RUN | CODE | {"dvc.yaml": ("code/model.R]", "code]")}, {}, 0, ""),
    "frozen": ({}, {"dvc.yaml": ("    cmd: cp", "    frozen: true\n    cmd: cp")}, CODE, 2,
               f"{DEFINITION}stage train is now frozen ... {STALE}train: code modified"),
    "hidden": ({}, RUN | {".dvcignore": "code/model.R\n"}, CODE, 2,
               f"{DEFINITION}.dvcignore hides code/model.R"),
    "hidden, but not read": ({}, RUN | CODE | {".dvcignore": "notes\n", "notes": "new"}, {}, 0,
                             f"{DEFINITION}.dvcignore differs"),
    "stage removed": ({}, {"dvc.yaml": "metrics: [metrics.json]\n"}, CODE, 2,
                      f"{DEFINITION}no stage writes metrics.json any more"),
    # A base with rules and no results yet: no word of its stages or environment; limits hold.
    "first run": (UNRUN | {"gate.yaml": f"environment: [metrics.json]\n{GATE}"}, RUN, {}, 2,
                  "main has no results yet; commit these, which the next change is"
                  " ... !base: the file ... !do not belong ... !environment differ: metrics"),
    "first run passes": (PASSING, RUN | {"gate.yaml": GATE}, {}, 0, "main has no results yet ... accuracy: new"),
    "first run NaN": (PASSING, {"run": {"accuracy": float("nan")}}, {}, 2,
                      "accuracy: candidate: expected a finite number; found nan"),
    "first run below": (PASSING | {"gate.yaml": "first_run: pass\n" + GATE.replace("bl", "at_least: 1, bl")},
                        RUN, {}, 1, "Worse: accuracy of metrics.json is 0.9, below at"),
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
    # The source of an import, which nobody froze, is not asked; a path elsewhere is compared.
    "import": ({}, IMPORTED, {"imported": None}, 0, "!frozen ... !gone"),
    "import not read": (IMPORTED, {name: IMPORTED[name][::-1] for name in ("dvc.yaml", "dvc.lock")}, {}, 0,
                        "metrics.json no longer depends on imported"),
    "elsewhere": (RUN | {"../x": "1", "dvc.yaml": ("deps: [", "deps: [../x, ")}, {}, {"../x": "2"}, 2,
                  f"{STALE}train: ../x modified ... !no longer depends ... !the base's own"),
    # A dependency folder that outputs of other stages lie in.
    "outputs not pulled": (CODED, {}, {"parts/a": None, "parts/x.pyc": "1"}, 0, "accuracy: the same"),
    "code beside outputs": (CODED, {}, {"parts/code": "2"}, 2,
                            f"{STALE}train: parts modified (parts/code)"),
    "folder of outputs not pulled": (PARTS, {}, {"parts": None}, 0, "accuracy: the same"),
    "folder of outputs new": (PARTS | {"dvc.yaml": PARTS["dvc.yaml"].replace(", parts]", "]")}, {},
                              {"dvc.yaml": ("[results.json", "[results.json, parts")}, 2,
                              "train: parts modified"),
    # What Git ignores and DVC does not, such as __pycache__, is in no other clone.
    "ignored by Git alone": (COMPILED, {}, {"code/a.pyc": None}, 2,
                             f"{STALE}train: code modified (1 of 2 files; hide what Git ignores"),
    "other line ends": (LINES | {"x.csv": "1\n2\n"}, {}, {"x.csv": "1\r\n2\r\n"} | BROKEN, 0,
                        "accuracy: the same"),
    "line ends of Windows": (LINES | {"x.csv": "1\r\n2\r\n"}, {}, {"x.csv": "1\n2\n"}, 0, ""),
    "other line": (LINES | {"x.csv": "1\n2\n"}, {}, {"x.csv": "1\r\n3\r\n"}, 2, "x.csv modified"),
    "all line ends": (BESIDE, CRLF, {}, 0, "accuracy: the same"),
    # Files of old versions of DVC, by name and side.
    "old lock": ({}, {}, OLD_LOCK, 2,
                 "workspace: DVC says: ./dvc.lock: ... of DVC 2 or later; indent its stages below"),
    "live": ({}, {}, {"dvc.yaml": ("    params", "    live: {x: {}}\n    params")}, 2,
             "workspace: DVC says: ./dvc.yaml: ... DVC 3 has no `live`; declare what it writes"),
    "old stage of base": (OLD_STAGE, {"old.dvc": None}, {}, 2,
                          "main: DVC says: ... old.dvc: ... a stage in dvc.yaml, not of DVC 0"),
    # Only the limit of `loss` is judged.
    "same": ({"gate.yaml": "same: [code, 'params.yaml: rate']\n" + GATE.replace("0.1}", "0.1}, at_most: 0")},
             CODE | NEW_RATE | {"gate.yaml": GATE} | LOSS, {}, 2,
             "code differs: ... params.yaml: rate differs: 0.5 -> 0.7 ... inputs differ: code ..."
             " accuracy: not gated ... loss: out of limits"),
    # The anchor is the commit before, of which the base, `new`, has lost some.
    "losses in a row": (BELOW, LOWER | {"gate.yaml": MOVED}, {}, 1,
                        f"{FELL} ... | **worse than the anchor** | ... Worse than the anchor old-result: accuracy"
                        " of metrics.json fell by 0.011, more than its margin (0.01)."),
    "losses that inform": ({"gate.yaml": ANCHORED, "run": {"loss": 0.55}}, {"run": {"loss": 0.62}}, {},
                           0, "loss: within the margin"),
    "first anchor": (BELOW | {"gate.yaml": GATE}, LOWER | {"gate.yaml": ANCHORED}, {}, 1, FELL),
    "anchor removed": (BELOW | LOWER, {"gate.yaml": GATE}, {}, 1, f"removes anchor ... {FELL}"),
    "anchor moved by no result": (BELOW | LOWER, {"gate.yaml": MOVED}, {}, 0, ""),
    "anchor moved by a parameter": (BELOW | LOWER, NEW_RATE | LOWER | {"gate.yaml": MOVED}, {}, 1, FELL),
    "anchor moved nowhere": ({"gate.yaml": ANCHORED}, {"gate.yaml": NOWHERE, "run": {"loss": 0.51}}, {},
                             2, "workspace: gate.yaml: anchor: expected a tag or commit; there is no"),
    "other data at anchor": (CODE | BELOW | {"gate.yaml": f"same: [code]\n{ANCHORED}"}, LOWER, {}, 2,
                             "code differs from the anchor old-results: "),
    "newer than anchor": ({"gate.yaml": f"anchor: old-results\n{NEWER['gate.yaml']}", "run": {"f1": 0.5}},
                          {}, {}, 0, "not compared with the anchor, which is older: metrics.json: f1"),
}  # fmt: skip


@pytest.mark.parametrize("story", STORIES)
def test_story(story: str, project: Project) -> None:
    base, change, after, status, phrases = STORIES[story]
    project.git("tag", "--no-sign", "old-results", "main")
    project.change(base)
    project.commit(main=True)
    project.git("tag", "--no-sign", "new", "main")
    project.change(change)
    project.change(after)
    project.expect(status, phrases)


LOST = "worse than at the old anchor: metrics.json: accuracy: "
NO_NAME = "gate.yaml: anchor: expected a tag or commit; there is no 'nowhere' here; name another"


def test_accept(project: Project, gate: Gate) -> None:
    """It writes a commit as the anchor, nothing else, and says what that blocks got worse."""
    project.git("tag", "--no-sign", "old", "main")
    for line, name, metrics, said in (
        ("", "", {"accuracy": 0.8}, []),
        ("anchor: {}  # first\r\n", "old", {"accuracy": 0.895, "loss": 0.7}, [f"{LOST}-0.005"]),
        ("anchor: {}\n", "old", {"accuracy": 0.8}, [f"{LOST}-0.1, beyond its margin"]),
        ("anchor: {}\n", "old", {}, ["no metric that blocks is worse than at the old anchor"]),
        ("anchor: {}\n", "nowhere", {}, [f"cannot be compared with the old anchor: {NO_NAME}"]),
    ):
        project.change({"gate.yaml": f"# rules\n{line.format(name)}{GATE}", "run": metrics})
        commit = project.commit()
        status, out, err = gate(project.folder / "code", "accept")
        title, *rest = " ".join(out.split()).split(" • ")
        assert (
            title == f"The anchor is now {commit[:10]}. Commit gate.yaml; it judges from then on."
        )
        assert (status, err, rest) == (0, "", said)
        start = f"# rules\n{line.format(commit)}" if line else f"anchor: {commit}\n# rules\n"
        assert (project.folder / "gate.yaml").read_bytes().decode() == start + GATE
    gate(project.folder, "accept", "old")
    assert f"anchor: {project.commit_of('old')}\n" in project.read("gate.yaml")
    (project.folder / "gate.yaml.tmp").mkdir()  # in the way: the old file stays
    for anchor, why in (("old", "a file that can be written"), ("\n  old", "cannot be replaced")):
        project.change({"gate.yaml": f"anchor: {anchor}\n{GATE}"})
        status, out, err = gate(project.folder, "accept")
        assert (status, out, why in err) == (2, "", True)
        assert project.read("gate.yaml") == f"anchor: {anchor}\n{GATE}"
    project.change({"gate.yaml": LATIN_1})
    for command in ("accept", "calibrate"):
        status, out, err = gate(project.folder, command)
        expected = "gate: gate.yaml: expected text; 'utf-8' codec can't decode"
        assert (status, out, err.count("\n"), err.startswith(expected)) == (2, "", 1, True), err


@pytest.mark.parametrize("there", ["{}", "<<<<", '{"accuracy": "0.9", "loss": 1}'])
def test_anchor_that_cannot_be_read(there: str, project: Project) -> None:
    project.change({"metrics.json": there})
    project.change({"gate.yaml": f"anchor: '{project.commit()[:9]}'\n{GATE}", "run": {}})
    project.commit(main=True)
    project.expect(2, "against the anchor")
