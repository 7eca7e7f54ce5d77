"""The report: one page that needs nothing from outside, and Markdown."""

import base64
import io
import re
import shutil
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gate.check import check
from gate.errors import CannotCompareError
from gate.predictions import Flips, read_flips, with_pictures
from gate.report.content import Content, gather
from gate.report.writing import as_html, as_report_markdown, write_report
from gate.repository import Repository
from gate.settings import ImagesSettings
from gate.snapshot import Snapshot
from gate.tests.conftest import GATE, Gate, Project
from gate.tests.test_shapes import PIXEL, curve

PIPELINE = """\
stages:
  train:
    cmd: cp source/* .
    deps: [source]
    params: [rate]
    metrics: [{metrics.json: {cache: false}}]
    outs: [{picture.png: {cache: false}}, {predictions.csv: {cache: false}}]
    plots: [{curve.csv: {cache: false, x: step, y: acc, title: Accuracy}}]
"""
SHOWN = "predictions: {metrics.json: predictions.csv}\nimages: {file: images.npz}\n"
PREDICTIONS = "label,prediction,probability\n7,7,0.9\n2,{},0.8\n1,{},0.7\n"


def run_with(project: Project, accuracy: float, *predictions: int) -> None:
    project.write("source/metrics.json", f'{{"accuracy": {accuracy}, "loss": 0.5}}')
    project.write("source/curve.csv", curve(accuracy))
    project.write("source/picture.png", PIXEL + str(accuracy).encode())
    project.write("source/predictions.csv", PREDICTIONS.format(*predictions))
    project.repro()


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """`main`, and `change` with a regression, another rate and another curve. Tests copy it."""
    made = Project(tmp_path_factory.mktemp("drawn") / "clone")
    made.init()
    made.write("dvc.yaml", PIPELINE)
    made.write("gate.yaml", f"{SHOWN}{GATE}")
    made.write("images.npz", archive(np.arange(12, dtype=np.uint8).reshape(3, 2, 2), "images"))
    made.write("params.yaml", "rate: 0.5\n")
    made.write("code.R", "1\n")
    made.write(".gitignore", "/report/\n")
    run_with(made, 0.9, 2, 1)
    made.commit()
    made.git("switch", "--quiet", "--create", "change")
    made.write("params.yaml", "rate: 0.2\n")
    made.write("code.R", "<b>2</b>\n")
    run_with(made, 0.8, 3, 4)
    made.commit()
    return made


@pytest.fixture
def clone(drawn: Project, tmp_path: Path) -> Project:
    return Project(shutil.copytree(drawn.folder, tmp_path / "copy é"))


def content_of(project: Project) -> Content:
    return gather(project.folder, check(project.folder, "main"))


@pytest.fixture(scope="module")
def content(drawn: Project) -> Content:
    return content_of(drawn)


@pytest.fixture(scope="module")
def page(content: Content) -> str:
    return as_html(content, "")


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def words(page: str) -> str:
    """The page's text, without its styles and scripts."""
    text = re.sub(r"<(style|script)>.*?</\1>", "", page, flags=re.DOTALL)
    return " ".join(re.sub("<[^>]*>", " ", text).split())


def test_report_is_written_and_its_verdict_printed(
    clone: Project, content: Content, page: str, gate: Gate
) -> None:
    status, out, err = gate(clone.folder, "report", "--base", "main")
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "Verdict: regression; metrics.json: accuracy: worse by 0.1, more than the margin of 0.01"
        " (absolute)",
        "Report: report/index.html",
    ]
    folder = clone.folder / "report"
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert sorted(first) == ["curve.csv.png", "index.html", "report.md"]
    text = first["report.md"].decode()
    assert text.startswith("### Gate: regression\n")
    assert "![curve.csv of main and change](curve.csv.png)" in text
    assert "- test images of metrics.json: 2 newly wrong, 0 newly right (McNemar: p = 0.5)" in text
    assert first["index.html"].decode() == page  # in another clone, at another time
    text = as_report_markdown(content, "", [*first], "https://example.org/files")
    for name in ("main", "change"):
        assert f"](https://example.org/files/{clone.git('rev-parse', name)}/picture.png)" in text


def test_page_has_the_verdict_first_then_all_that_differs(content: Content, page: str) -> None:
    found = words(page)
    places = [
        found.index(text)
        for text in (
            "✘ Regression",
            "accuracy worse 0.9 0.8 -0.1 0.01",
            "loss the same (informs) 0.5 0.5 0 0.1",
            "parameters: rate: 0.5 -&gt; 0.2",
            "2 2 (80%) 3 (80%) 1 1 (70%) 4 (70%)",
            "1 2 2 (80%) 3 (80%) wrong",
            "rate 0.5 0.2",
            "code.R +1 \N{MINUS SIGN}1",
            "+&lt;b&gt;2&lt;/b&gt;",
            "picture.png",
        )
    ]
    assert places == sorted(places)
    assert '<tr class="refused">' in page
    shown = re.findall(r'<img src="data:image/png;base64,([^"]*)" alt="Test image (\d)', page)
    assert [number for _, number in shown] == ["1", "2"]
    with Image.open(io.BytesIO(base64.b64decode(shown[0][0]))) as picture_of_1:
        assert np.array(picture_of_1).tolist() == [[4, 5], [6, 7]]
    (chart,) = content.charts
    assert chart.table == [
        ["step", "main: acc", "change: acc"],
        ["1", "0.8", "0.7"],
        ["2", "0.9", "0.8"],
    ]
    colours = chart.specification["encoding"]["color"]["scale"]
    assert colours == {"domain": ["main", "change"], "range": ["#7f7f7f", "#c2479b"]}
    (picture,) = content.pictures
    assert (picture.base, picture.candidate) == (PIXEL + b"0.9", PIXEL + b"0.8")


def test_page_needs_nothing_from_outside_and_is_built_for_screen_readers(page: str) -> None:
    tags = Tags(page).found
    addresses = [value for _, attrs in tags for name, value in attrs.items()
                 if name in ("src", "href", "srcset", "action", "data")]  # fmt: skip
    assert all((address or "").startswith(("#", "data:image/")) for address in addresses)
    assert not [tag for tag, _ in tags if tag in ("link", "iframe", "object", "base")]
    levels = [int(tag[1]) for tag, _ in tags if re.fullmatch("h[1-6]", tag)]
    assert (levels[0], levels.count(1)) == (1, 1)
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert all(attrs.get("scope") for tag, attrs in tags if tag == "th")
    assert all(attrs.get("alt") for tag, attrs in tags if tag == "img")
    ids = [attrs["id"] for _, attrs in tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {(attrs["href"] or "")[1:] for tag, attrs in tags if tag == "a"} <= {*ids}


def test_names_are_shown_and_not_run(clone: Project) -> None:
    clone.git("switch", "--quiet", "--create", "<img/src=x>")
    clone.write("</script><script>alert(1).py", "x")
    page = as_html(content_of(clone), "")
    assert "<img/src=x>" not in page
    assert "<script>alert" not in page
    assert page.count("</script>") == 1


def test_curve_that_cannot_be_drawn_is_said(clone: Project) -> None:
    path = clone.folder / "curve.csv"
    for text, problem in (
        ("step,other\n1,2\n", "curve.csv: change: Could not find provided field"),
        (None, "curve.csv: change: curve.csv: no such file"),
    ):
        path.unlink() if text is None else path.write_text(text)
        commit = clone.git("rev-parse", "main")
        plots = read_plots(Repository(clone.folder), commit, "main", "change")
        assert [line.startswith(problem) for line in plots.problems] == [True]
        (chart,) = plots.charts
        assert {point["rev"] for point in chart.specification["data"]["values"]} == {"main"}
    assert f"Not drawn: {problem}" in words(as_html(content_of(clone), ""))


def test_what_cannot_be_compared_has_a_report_and_status_2(clone: Project, gate: Gate) -> None:
    status, out, _ = gate(clone.folder, "report", "--base", "nowhere")
    assert (status, out.startswith("Verdict: cannot be compared: expected a branch")) == (2, True)
    page = (clone.folder / "report/index.html").read_text()
    assert "there is no &#39;nowhere&#39; here" in page
    shutil.rmtree(clone.folder / "report")
    clone.write("report", "a file")
    with pytest.raises(CannotCompareError, match="expected a file that can be written; found"):
        write_report(clone.folder, "nowhere", None)


@pytest.mark.parametrize(
    ("base", "candidate", "expected"),
    [
        (PREDICTIONS.format(2, 4), PREDICTIONS.format(3, 1), ("", 1, 1, 1.0)),
        (PREDICTIONS.format(2, 1), PREDICTIONS.format(2, 1), ("", 0, 0, 1.0)),
        (PREDICTIONS.format(2, 4), PREDICTIONS.format(2, 1), ("", 1, 0, 1.0)),
        (PREDICTIONS.format(3, 4), PREDICTIONS.format(5, 6), ("", 0, 0, 1.0)),
        (PREDICTIONS, None, ("the candidate has no predictions", 0, 0, 1.0)),
        (PREDICTIONS, PREDICTIONS + "3,3,1\n", ("the two sides were tested on other images", 0, 0, 1.0)),
        (PREDICTIONS, "label\n1\n", ("expected the columns label, prediction, probability; found others", 0, 0, 1.0)),
    ],
)  # fmt: skip
def test_flips(base: str, candidate: str | None, expected: tuple[object, ...]) -> None:
    sides = Snapshot("a", files={"p.csv": base}), Snapshot("b", files={"p.csv": candidate})
    (found,) = read_flips({"m.json": "p.csv"}, *sides)
    counts = len(found.newly_right), len(found.newly_wrong)
    assert (found.problem, *counts, found.p) == expected


def archive(images: np.ndarray, name: str = "x") -> bytes:
    target = io.BytesIO()
    np.savez(target, **{name: images})  # type: ignore[arg-type]
    return target.getvalue()


def pictured(file: bytes | None) -> Flips:
    """Of 60 images, the first 35 of which only the base gets right, the others the candidate."""
    rows = [f"1,{int(image < 35)},0.5\n" for image in range(60)]
    other = [f"1,{int(image >= 35)},0.5\n" for image in range(60)]
    texts = ("".join(["label,prediction,probability\n", *side]) for side in (rows, other))
    base, candidate = (Snapshot("a side", files={"p.csv": text}) for text in texts)
    settings = ImagesSettings(file="images.npz", key="x")
    (found,) = with_pictures(read_flips({"m.json": "p.csv"}, base, candidate), settings, file)
    return found


@pytest.mark.parametrize("shape", [(60, 2, 3), (60, 2, 3, 1), (60, 2, 3, 3)])
@pytest.mark.parametrize("scale", [1, 1 / 255])
def test_first_images_each_way_are_shown(shape: tuple[int, ...], scale: float) -> None:
    images = np.arange(np.prod(shape)).reshape(shape).astype(np.uint8)
    found = pictured(archive(images if scale == 1 else images * scale))
    counts = len(found.newly_wrong), len(found.newly_right)
    assert (counts, found.no_pictures) == ((35, 25), "")
    for way in (found.newly_right, found.newly_wrong):
        shown = [flip.picture is not None for flip in way]
        assert shown == [True] * 24 + [False] * (len(way) - 24)
        for flip in way[:24]:
            with Image.open(io.BytesIO(flip.picture or b"")) as picture:
                assert np.array_equal(np.array(picture), images[flip.image].squeeze())


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (None, "images.npz: no such file; if DVC has it: `dvc pull images.npz`"),
        (b"broken", "images.npz: "),
        (b"", "images.npz: No data left in file"),
        (archive(np.zeros((60, 2, 3)), "y"), "images.npz: 'x is not a file in the archive'"),
        (archive(np.zeros((60, 2))), "expected images, grey or with three channels; found (60, 2)"),
        (archive(np.zeros((5, 2, 3))), "images.npz: index 5 is out of bounds"),
        (archive(np.array(None, dtype=object)), "images.npz: "),
    ],
)  # fmt: skip
def test_images_that_cannot_be_read_are_said(file: bytes | None, reason: str) -> None:
    found = pictured(file)
    assert reason in found.no_pictures
    assert {flip.picture for flip in found.all} == {None}
