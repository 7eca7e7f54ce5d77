"""The report as files; `test_browser.py` looks at it as people do."""

import csv
import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from gate.errors import CannotCompareError
from gate.report.changes import MOST_LINES
from gate.report.content import gather
from gate.report.writing import as_html, write_report
from gate.revisions import Revision, Workspace
from tests.gate.conftest import Repository, md5
from tests.gate.report.conftest import CURVES, write_curves
from tests.gate.test_main import call


def page(clone: Repository) -> str:
    """The report's page without its scripts and styles."""
    text = as_html(gather(clone.folder, clone.check("main")), "")
    return re.sub(r"<(script|style)>.*?</\1>", "", text, flags=re.DOTALL)


def text_of(clone: Repository) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", page(clone)).split())


class Tags(HTMLParser):
    """Every start tag with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_verdict_comes_first_then_all_that_differs(clone: Repository) -> None:
    text = text_of(clone)
    assert "✘ Regression change (" in text
    parts = [
        "metrics/a.json: accuracy: worse by 0.1, more than the margin of 0.01",
        "metric base candidate change margin verdict why",
        "train.rate 0.5 0.2",
        "train.py +1 \N{MINUS SIGN}1",
        "plots/loss.png main",
        "metrics/a: libc 1 2",
        "Files that differ",
    ]
    assert sorted(parts, key=text.index) == parts


def test_each_value_is_on_its_own_side(clone: Repository) -> None:
    text = text_of(clone)
    for row in (
        "accuracy 0.9 0.8 -0.1 0.01 worse worse by 0.1, more than the margin of 0.01 (absolute)",
        "loss 0.5 0.5 0 0.1 the same (informs) unchanged",
        "parameter main change train.rate 0.5 0.2",
        "train.py +1 \N{MINUS SIGN}1 @@ -1 +1 @@ -1",
        "+&lt;b&gt;2&lt;/b&gt;",
    ):
        assert row in text
    assert '<tr class="refused">' in page(clone)
    before, after = (Revision(clone.folder, clone.git("rev-parse", n), n) for n in ("main", "HEAD"))
    content = gather(clone.folder, clone.check("main"))
    (picture,) = content.pictures
    assert picture.base == before.read("plots/loss.png")
    assert picture.candidate == after.read("plots/loss.png")
    sides = before, after
    hashes = {pair.name: (pair.base, pair.candidate) for pair in content.hashes}
    for path in ("metrics/a.json", "metrics/a.environment.json"):
        assert hashes[path] == tuple(md5((side.read(path) or b"").decode()) for side in sides)


def test_each_point_of_a_curve_is_that_of_its_side_and_split(clone: Repository) -> None:
    main = Revision(clone.folder, clone.git("rev-parse", "main"), "main")
    expected = {
        (name, path.removeprefix("plots/"), column, row["epoch"], float(row[column]))
        for name, source in (("main", main), ("change", Workspace(clone.folder)))
        for path in CURVES
        for row in csv.DictReader((source.read(path) or b"").decode().splitlines())
        for column in ("loss", "val_loss")
    }
    _, loss = gather(clone.folder, clone.check("main")).charts
    assert loss.specification
    points = loss.specification["data"]["values"]
    assert expected == {
        (p["rev"], p["filename"], p["field"], p["epoch"], float(p["dvc_inferred_y_value"]))
        for p in points
    }
    heading, *rows = loss.table
    for row in rows:
        for column, value in zip(heading[1:], row[1:], strict=True):
            name, _, line = column.partition(": ")
            stem, _, field = line.partition(", ")
            found = {v for n, p, c, epoch, v in expected
                     if (n, p, c, epoch) == (name, f"{stem}.csv", field, row[0])}  # fmt: skip
            assert [f"{v:.6g}" for v in found] == [value]
    assert [row[0] for row in rows] == ["1", "2", "3", "4", "5"]


def test_page_needs_nothing_from_outside(clone: Repository) -> None:
    tags = Tags(page(clone)).found
    addresses = [value for _, attrs in tags for name, value in attrs.items()
                 if name in ("src", "href", "srcset", "action", "data")]  # fmt: skip
    assert addresses
    assert all((address or "").startswith(("#", "data:image/")) for address in addresses)
    assert not [tag for tag, _ in tags if tag in ("link", "iframe", "object", "base")]


def test_page_is_built_for_screen_readers(clone: Repository) -> None:
    tags = Tags(page(clone)).found
    levels = [int(tag[1]) for tag, _ in tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert levels.count(1) == 1
    assert all(attrs.get("scope") for tag, attrs in tags if tag == "th")
    assert all(attrs.get("alt") for tag, attrs in tags if tag == "img")
    assert ("html", {"lang": "en"}) in tags
    ids = [attrs["id"] for _, attrs in tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    links = {(attrs["href"] or "")[1:] for tag, attrs in tags if tag == "a"}
    assert links <= set(ids)


def test_the_same_inputs_give_the_same_bytes(clone: Repository) -> None:
    reports = []
    for _ in range(2):
        write_report(clone.folder, "main", None)
        files = sorted((clone.folder / "report").iterdir())
        reports.append({file.name: file.read_bytes() for file in files})
    assert reports[0] == reports[1]
    assert list(reports[0]) == ["accuracy.png", "index.html", "loss.png", "report.md"]


def test_names_and_contents_are_shown_and_not_run(clone: Repository) -> None:
    clone.git("switch", "--quiet", "--create", "<img/src=x>")
    clone.write("</script><script>alert(1).py", "x")
    clone.git("add", "--all")
    text = as_html(gather(clone.folder, clone.check("main")), "")
    assert "<img/src=x>" not in text
    assert "<script>alert" not in text
    assert "&lt;b&gt;2&lt;/b&gt;" in text
    assert text.count("</script>") == 1


def test_what_has_no_curve_is_said(clone: Repository) -> None:
    for path, content in zip(CURVES, (None, b"epoch,accuracy\n"), strict=True):
        file = clone.folder / path
        file.unlink() if content is None else file.write_bytes(content)
    text = text_of(clone)
    assert "Not drawn: change: plots/no_dropout.csv: the file is missing" in text
    assert "Not drawn: change: plots/dropout.csv: the file has no rows" in text


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"\xff\xfe", "expected a CSV file; 'utf-8' codec can't decode"),
        (b"epoch,accuracy\n1\n", "expected as many columns in each row; found others"),
        (b"epoch,accuracy\n1,2,3\n", "expected as many columns in each row; found others"),
        (b"epoch,other\n1,2\n", "Could not find provided field"),
    ],
)
def test_broken_curve_is_said_and_the_other_side_drawn(
    content: bytes, problem: str, clone: Repository
) -> None:
    clone.write(CURVES[0], content)
    accuracy, _ = gather(clone.folder, clone.check("main")).charts
    (missing,) = accuracy.missing
    assert missing.startswith("change: ")
    assert problem in missing
    assert accuracy.specification
    drawn = {point["rev"] for point in accuracy.specification["data"]["values"]}
    assert "main" in drawn


def test_no_curve_on_either_side(clone: Repository) -> None:
    clone.write("dvc.yaml", (clone.folder / "dvc.yaml").read_text().replace(".csv", ".tsv"))
    text = text_of(clone)
    assert "Not drawn: main: plots/dropout.tsv: the file is missing" in text
    content = gather(clone.folder, clone.check("main"))
    assert [chart.specification for chart in content.charts] == [None, None]


def test_files_of_every_kind_are_listed(clone: Repository) -> None:
    clone.write("long.py", "".join(f"line {n}\n" for n in range(MOST_LINES + 9)))
    clone.write("picture.bin", b"\0\1")
    clone.git("add", "--all")
    clone.write("unknown é.py", "")
    text = text_of(clone)
    assert f"long.py +{MOST_LINES + 9} \N{MINUS SIGN}0" in text
    assert "10 more lines: git diff main -- long.py" in text  # one line says where the others are
    assert "picture.bin not text" in text
    assert "unknown é.py not known to Git" in text


def test_pictures_of_the_markdown_lie_beside_it(clone: Repository) -> None:
    write_report(clone.folder, "main", None)
    text = (clone.folder / "report/report.md").read_text(encoding="utf-8")
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", text)
    assert pictures == ["accuracy.png", "loss.png"]
    assert text.startswith("### Gate: regression\n")
    for name in pictures:
        assert (clone.folder / "report" / name).read_bytes().startswith(b"\x89PNG")


def test_pictures_in_a_comment_are_those_of_the_commits(clone: Repository) -> None:
    write_report(clone.folder, "main", "https://example.org/raw")
    text = (clone.folder / "report/report.md").read_text(encoding="utf-8")
    commits = [clone.git("rev-parse", name) for name in ("main", "change")]
    expected = [f"https://example.org/raw/{commit}/plots/loss.png" for commit in commits]
    assert re.findall(r"\]\(([^)]+)\)", text) == expected


def test_sides_of_the_same_name_can_be_told_apart(clone: Repository) -> None:
    write_curves(clone.folder, epochs=3)
    write_report(clone.folder, "change", None)
    markdown = (clone.folder / "report/report.md").read_text(encoding="utf-8")
    head = clone.git("rev-parse", "HEAD")[:10]
    assert f"accuracy of change and {head}" in markdown


def test_what_cannot_be_compared_has_a_report_and_status_2(clone: Repository) -> None:
    assert write_report(clone.folder, "nowhere", None) == 2
    for name in ("index.html", "report.md"):
        text = (clone.folder / "report" / name).read_text(encoding="utf-8")
        assert "annot be compared" in text
        assert "nowhere" in text


def test_report_that_cannot_be_written_is_one_line(clone: Repository) -> None:
    clone.write("report", "a file")
    with pytest.raises(CannotCompareError, match="expected a file that can be written"):
        write_report(clone.folder, "main", None)


def test_command_prints_where_the_report_is(
    clone: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And ends with 0 where a regression is reported: `check` is what refuses."""
    assert call(clone, monkeypatch, "report", "--base", "main") == 0
    assert capsys.readouterr() == ("Report: report/index.html\n", "")
