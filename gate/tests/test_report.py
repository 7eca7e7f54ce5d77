"""The report: DVC's plots with the verdict on top."""

import html
import json
import re
from pathlib import Path

import pytest

from gate.errors import CannotCompareError
from gate.report.writing import MARK, describe_flips, write_report
from gate.snapshot import Snapshot
from gate.tests.conftest import GATE, Gate, Project
from gate.tests.test_foreign import PIXEL

PLOTS = """\
plots:
  - curve.csv: {x: step, y: acc}
  - wrong: {x: step, y: {curve.csv: [gone]}}
  - p.png
  - <b>.svg
"""
CURVE = "step,acc\n1,{}\n2,</script><b>\n"
PAGES = ("report/index.html", "report/index.html.tmp")


@pytest.fixture
def drawn(project: Project) -> Project:
    project.change({"dvc.yaml": project.read("dvc.yaml") + PLOTS, "curve.csv": CURVE.format(1),
                    "p.png": PIXEL, "<b>.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
                    "gate.yaml": f"{GATE}predictions: {{metrics.json: p.csv}}\n",
                    "p.csv": "label,prediction\n1,1\n2,2\n", "run": {}})  # fmt: skip
    project.commit(main=True)
    project.git("branch", "--move", "change", "<i>{plot_divs}")
    project.change({"curve.csv": CURVE.format(3), "p.csv": ("2,2", "2,1"), "run": {"accuracy": 0}})
    return project


def report(project: Project) -> str:
    """Write the report against main; return its Markdown."""
    write_report(project.folder, "main", None)
    return project.read("report/report.md")


def test_page(drawn: Project, gate: Gate) -> None:
    """The verdict and every plot, and no script but its own; or why nothing can be compared."""
    status, out, err = gate(drawn.folder, "report", "--base", "main")
    assert (status, err, out.splitlines()[0][:25]) == (0, "", "Worse: accuracy of metric")
    side, wrong = r"\<i\>{plot\_divs}", "Could not find provided field ('gone') in data fields"
    assert drawn.read("report/report.md").endswith(
        f"- candidate: {side} ({drawn.commit_of('HEAD')[:10]}), with changes that are not committed\n"
        "- metrics.json: 1 test images newly wrong, 0 newly right (McNemar: p = 1)\n"
        f"- not drawn: {side}: wrong: {wrong} ('step, acc').\n"
        f"- not drawn: main: wrong: {wrong} ('step, acc').\n"
    )
    page = drawn.read("report/index.html")
    assert '<section class="verdict status-1">' in page
    assert "<td><strong>worse by 0.9, more than the margin of 0.01</strong></td>" in page
    (specification,) = re.findall(r'vegaEmbed\("#plot-\d+", (.*?)\);</script>', page)
    points = [(p["rev"], p["acc"]) for p in json.loads(specification)["data"]["values"]]
    sides = (("main", "1"), ("<i>{plot_divs}", "3"))
    assert points == [(side, y) for side, acc in sides for y in (acc, "</script><b>")]
    assert "$schema" not in specification  # of an older version, which would be a warning
    captions = re.findall("<figcaption>(.*?)</figcaption>", page)
    names = [html.escape(f"{name}: {side}") for name in ("p.png", "<b>.svg") for side, _ in sides]
    assert captions == names
    body = page[page.rindex("<body>") :]
    starts = ('src="data:image/png;base64,', 'src="data:image/svg+xml;base64,', "<script>")
    assert [body.count(text) for text in (*starts, "</script>", "<b>", "<i>")] == [2, 2, 1, 1, 0, 0]
    assert not re.search(r'(src|href)="(?!data:)', body)
    status, out, err = gate(drawn.folder, "report", "--base", "<nowhere>")
    assert (status, err, out[:20]) == (2, "", "Cannot be compared: ")
    page = drawn.read("report/index.html")
    assert '<section class="verdict status-2">' in page
    assert ("there is no '&lt;nowhere&gt;' here" in page, "<nowhere>" in page) == (True, False)


def test_committed_pictures_are_linked(drawn: Project, gate: Gate) -> None:
    output = "    outs: [q.png, {p x.png: {cache: false}}]\n    metrics:"
    drawn.change({"dvc.yaml": ("    metrics:", output)})
    command = "cmd: cp p.png q.png && cp p.png 'p x.png' && cp"
    drawn.change({"dvc.yaml": ("cmd: cp", command), "run": {}})
    address = f"https://example.org/o/n/{drawn.commit()}/p%20x.png"
    options = ("--base", "main", "--files-of-commits", "https://example.org/o/n")
    assert gate(drawn.folder, "report", *options)[0] == 0
    assert drawn.read("report/report.md").endswith(
        "|  | `main` | `<i>{plot_divs}` |\n| --- | --- | --- |\n"
        f"| `p x.png` | none | ![p x.png]({address}) |\n"
    )


def test_files(drawn: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same sides give the same bytes; the report before is no input, and Git ignores it.

    A report that fails keeps the one before. None is written through a link, or over other files.
    """
    drawn.commit()
    elsewhere, page = drawn.folder.with_name("elsewhere"), drawn.folder / "report/index.html"
    elsewhere.write_text("kept")
    drawn.change({"report/.gitignore": MARK, **dict.fromkeys(PAGES, elsewhere)})
    first = [report(drawn), page.read_text()]
    assert drawn.git("status", "--porcelain") == ""
    assert first == [report(drawn), page.read_text()]
    drawn.write("note", "new")
    state = ", with changes that are not committed"
    assert (state in first[0], state in report(drawn)) == (False, True)
    before = page.read_text()
    monkeypatch.setattr("gate.report.writing.HTML.embed", lambda _: "x\ud800")  # cannot be encoded
    with pytest.raises(UnicodeEncodeError):
        report(drawn)
    assert (page.read_text(), elsewhere.read_text()) == (before, "kept")
    refused = pytest.raises(CannotCompareError, match="expected no folder, or the gate's own")
    theirs = drawn.folder.with_name("theirs")
    page.parent.rename(theirs)
    page.parent.symlink_to(theirs)
    with refused:
        report(drawn)
    page.parent.unlink()
    drawn.write("report/.gitignore", "mine")
    with refused:
        report(drawn)
    assert (drawn.read("report/.gitignore"), (theirs / page.name).read_text()) == ("mine", before)


def test_what_is_not_drawn(drawn: Project) -> None:
    """A link out of the repository, a large file, a file that is missing: the report says why."""
    secret = drawn.folder.with_name("secret.png")
    secret.write_bytes(b"secret")
    large = "step,acc\n" + "1,1\n" * 2_600_000
    drawn.change({"p.png": secret, "curve.csv": large, "<b>.svg": None,
                  "metrics.json": Path("/etc/hostname")})  # fmt: skip
    text, link = report(drawn), "expected a file of this repository; found a link out of it"
    for path, why in (
        ("p.png", link), ("curve.csv", "expected at most 10000000 bytes; found 10400009"),
        (".svg", "the file is missing"), ("metrics.json", "accuracy, loss: candidate"),
    ):  # fmt: skip
        assert f"{path}: {why}" in text
    assert text.count(link) == 2
    assert "c2VjcmV0" not in drawn.read("report/index.html")
    # A part of a folder that was not pulled: DVC draws nothing of that side.
    folder = f"outs: [{{path: o, hash: md5, md5: {'f' * 32}.dir}}]\n"
    drawn.change({"o.dvc": folder, "dvc.yaml": ("plots:", "plots:\n  - o/part")})
    assert "{plot\\_divs}: failed to load directory ('o',)\n" in report(drawn)


def test_flips_of_predictions() -> None:
    def side(*predictions: int) -> Snapshot:
        rows = [f"{n % 3},{p}" for n, p in enumerate(predictions)]
        return Snapshot(files={"p.csv": "\n".join(["label,prediction", *rows])})

    none = "no predictions with the columns label and prediction"
    base, right = side(0, 1, 2, 0, 0), side(*[n % 3 for n in range(9)])
    for before, after, expected in (
        (base, side(0, 0, 0, 0, 1), "2 test images newly wrong, 1 newly right (McNemar: p = 1)"),
        (right, side(*[9] * 9), "9 test images newly wrong, 0 newly right (McNemar: p = 0.0039)"),
        (base, side(0, 1), "the two sides were tested on other images"),
        (base, Snapshot(), f"the candidate has {none}"),
        (Snapshot(files={"p.csv": "label\n0"}), base, f"the base has {none}"),
    ):
        found = list(describe_flips({"m.json": "p.csv"}, before, after))
        assert found == [f"m.json: {expected}"]
