"""Own data from folders of real pictures, of the kinds that Pillow reads."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from experiment.data.own import read_dataset
from stages.own_images import main, read_grey
from tests.conftest import call, message_of

OUTPUT = Path("data/own/pictures.npz")
# A light L on a dark ground, which no rotation leaves as it is.
GREY = np.full((28, 28), 40, np.uint8)
GREY[4:24, 6:12] = GREY[18:24, 6:22] = 240
INK = np.where(GREY == 240, 255, 0).astype(np.uint8)
WIDE = GREY.astype(np.uint16) * 257
HOLE = np.full_like(GREY, 255)
HOLE[10, 20] = 0
TURNED = Image.Exif()
TURNED[0x0112] = 6


def save(path: Path, pixels: np.ndarray, mode: str = "", **options: Any) -> Path:
    """Pixels as a file, of another mode of Pillow's if one is named."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


KINDS = {
    "grey.png": Image.fromarray(GREY),
    "colour.BMP": Image.fromarray(GREY).convert("RGB"),
    "16.png": Image.fromarray(WIDE),
    "16 in 32.tif": Image.fromarray(WIDE.astype(np.int32)),
    "dark 16.png": Image.fromarray(GREY.astype(np.uint16)),
    "dark 16.pgm": Image.fromarray(GREY.astype(np.uint16)),
    "turned.png": Image.fromarray(np.rot90(WIDE)),
    "0 to 1.tif": Image.fromarray((GREY / 255).astype(np.float32)),
    "floats.tif": Image.fromarray(GREY.astype(np.float32)),
    "0 to 65535.tif": Image.fromarray(WIDE.astype(np.float32)),
    "numbers.tif": Image.fromarray(GREY.astype(np.int32)),
    "LAB.tif": Image.merge("LAB", [Image.fromarray(x) for x in (GREY, *[GREY * 0 + 128] * 2)]),
    "opaque.png": Image.fromarray(np.dstack([GREY, GREY * 0 + 255])),
}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_the_same_picture(name: str, tmp_path: Path) -> None:
    """But one that is darker by the range of its type."""
    options: dict[str, Any] = {"exif": TURNED} if "turned" in name else {}
    KINDS[name].save(tmp_path / name, **options)
    grey, frames = read_grey(tmp_path / name)
    expected = GREY == 240 if "dark" in name else GREY
    np.testing.assert_array_equal(np.asarray(grey), expected)
    assert frames == 1


@pytest.mark.parametrize(("mode", "kind"), [("LA", "png"), ("RGBA", "gif")])
@pytest.mark.parametrize(
    ("pixels", "alpha", "ground"),
    [(GREY * 0 + 250, INK, 0), (GREY * 0 + 20, INK, 255), (GREY, HOLE, 0), (255 - GREY, HOLE, 255)],
)
def test_transparent(
    pixels: np.ndarray, alpha: np.ndarray, ground: int, mode: str, kind: str, tmp_path: Path
) -> None:
    """It gets the colour of an opaque border, else the one from which the drawing stands out."""
    grey, _ = read_grey(save(tmp_path / f"x.{kind}", np.dstack([pixels, alpha]), mode))
    np.testing.assert_array_equal(np.asarray(grey), np.where(alpha, pixels, ground))


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of the classes 2 and 10, light above or below, as colour JPEGs and grey PNGs."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for part, count in (("train", 12), ("test", 4)):
        for place, name in enumerate(("2", "10")):
            for number in range(count):
                pixels = random.integers(0, 100, (40, 32), dtype=np.uint8)
                pixels[20 * place : 20 * place + 20] += 120
                suffix, mode = ((".PNG", "L"), (".JpEg", "RGB"))[number % 2]
                save(Path(f"pictures/{part}/{name}/{number}{suffix}"), pixels, mode)
    return Path("pictures")


def test_counts_classes_and_what_is_left_out(
    pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = pictures / "train"
    for folder in (".ipynb_checkpoints", "__MACOSX"):
        save(train / folder / "x.png", GREY)
    for name in ("2/._1.png", "2/Thumbs.db", "2/photo.heic", "3.png"):
        (train / name).write_bytes(b"?")
    whole = (train / "2/0.PNG").read_bytes()
    (train / "10/cut.png").write_bytes(whole[: len(whole) // 2])
    save(train / "10/negative.tif", np.full((9, 9), -1, np.float32))
    save(Path("elsewhere/deep.png"), GREY)
    (train / "10/more").symlink_to(Path("elsewhere").absolute())
    (train / "10/self").symlink_to(".")  # not followed: each picture would be taken 41 times
    (train / "2/gone.png").symlink_to("/nowhere/gone.png")
    two = [Image.fromarray(GREY + n) for n in range(2)]
    two[0].save(train / "10/two.gif", save_all=True, append_images=two[1:])
    # As the systems of two computers write the same name.
    for path in (train / "é/x.png", pictures / "test/e\u0301/x.png"):
        save(path, GREY)
    call(main, "pictures", str(OUTPUT))
    assert capsys.readouterr().out.replace("pictures/train/", "").splitlines() == [
        "pictures/train: 2: 12, 10: 14, é: 1",
        "pictures/test: 2: 4, 10: 4, é: 1",
        "left out, hidden: 3 (.ipynb_checkpoints/x.png, 2/._1.png, __MACOSX/x.png)",
        "left out, image file is truncated: 1 (10/cut.png)",
        "left out, pixels -1 to -1, not 0 to 65535: 1 (10/negative.tif)",
        "left out, frames after the first: 1 (10/two.gif)",
        "left out, cannot identify it: 2 (2/Thumbs.db, 2/photo.heic)",
        "left out, a link to no file: 1 (2/gone.png)",
        "left out, in no class: 1 (3.png)",
        f"{OUTPUT}: 28 x 28 pixels, classes 0 (2), 1 (10), 2 (é)",
        "Now set data.dataset: own/pictures.npz and preprocess.validation_from: stratified in"
        " params.yaml",
    ]
    dataset = read_dataset(OUTPUT)
    assert dataset.names.tolist() == ["2", "10", "é"]  # numbers by their value
    assert dataset.y_train.tolist() == [1] * 14 + [0] * 12 + [2]
    upper, lower = dataset.x_test[:8, :12].mean((1, 2)), dataset.x_test[:8, 16:].mean((1, 2))
    assert ((upper > lower) == (dataset.y_test[:8] == 0)).all()


def test_refusals(pictures: Path) -> None:
    """Nothing is written, and a file that is there is replaced only if that is asked for."""
    OUTPUT.parent.mkdir(parents=True)
    OUTPUT.write_bytes(b"precious")

    def refused(*arguments: str) -> str:
        before = OUTPUT.read_bytes()
        line = message_of(main, "pictures", *arguments)
        assert [path.read_bytes() for path in Path("data").rglob("*.*")] == [before]
        return line

    for output in ("data/x.npz", "data/own/x.csv"):
        assert f"output: expected data/own/NAME.npz; found {output};" in refused(output)
    assert "add --replace, or another name" in refused(str(OUTPUT))
    replace = (str(OUTPUT), "--replace")
    call(main, "pictures", *replace)
    assert len(read_dataset(OUTPUT).x_test) == 8
    for path in pictures.glob("test/*/*"):
        save(path, GREY * 0)
    assert "x_test: expected different images; found one 8 times;" in refused(*replace)
    for path in pictures.glob("test/10/*"):
        path.write_bytes(b"?")
    assert "pictures/test: expected pictures of each class, 2, 10; found none" in refused(*replace)
    (pictures / "test").rename("Tests")
    assert "pictures/test: expected the folders pictures/train/CLASS and" in refused(*replace)
