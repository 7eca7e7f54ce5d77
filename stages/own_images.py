"""`python -m stages.own_images pictures data/own/pictures.npz`: own data from folders of pictures.

The pictures are in `pictures/train/CLASS/` and `pictures/test/CLASS/`; docs/own-data.md says more.
"""

import argparse
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from experiment.data.known import FOLDER
from experiment.data.own import check_arrays
from experiment.data.split import format_classes, shorten
from experiment.files import write_arrays
from experiment.support.errors import InputError, one_line_errors, wrong

OWN = FOLDER / "own"
PARTS = ("train", "test")
SIDE = 28  # pixels, as MNIST's

LeftOut = defaultdict[str, list[Path]]


def main() -> None:
    """Make an own data set from folders of pictures; say what is taken, what is not, and why."""
    parser = argparse.ArgumentParser(prog="python -m stages.own_images", description=main.__doc__)
    parser.add_argument("pictures", type=Path, help="a folder with train/CLASS/* and test/CLASS/*")
    parser.add_argument("output", type=Path, help=f"{OWN}/NAME.npz")
    parser.add_argument("--replace", action="store_true", help="even if the output is there")
    asked = parser.parse_args()
    with one_line_errors("own_images"):
        if asked.output.parent != OWN or asked.output.suffix != ".npz":
            raise wrong("output", f"{OWN}/NAME.npz", asked.output, "that is where own data goes")
        if asked.output.exists() and not asked.replace:
            raise wrong(str(asked.output), "no such file", "one", "add --replace, or another name")
        convert(asked.pictures, asked.output)


def convert(pictures: Path, output: Path) -> None:
    """Write the pictures as arrays, or raise InputError and write nothing."""
    left_out: LeftOut = defaultdict(list)
    names = find_classes(pictures, left_out)
    arrays = {"names": np.array(names)}
    for part in PARTS:
        images, labels = read_part(pictures / part, names, left_out)
        counts = Counter(labels)
        print(f"{pictures / part}: {', '.join(f'{n}: {counts[i]}' for i, n in enumerate(names))}")
        arrays |= {f"x_{part}": np.array(images), f"y_{part}": np.array(labels, np.int64)}
    for reason, paths in left_out.items():
        print(f"left out, {reason}: {len(paths)} ({shorten(paths)})")
    for part in PARTS:
        empty = np.setdiff1d(np.arange(len(names)), arrays[f"y_{part}"])
        if empty.size:
            found = f"none of {format_classes(empty, names)}"
            raise wrong(str(pictures / part), "pictures of each class", found, "add some")
    write_arrays(output, check_arrays(arrays).arrays())
    print(f"{output}: {SIDE} x {SIDE} pixels, {format_classes(np.arange(len(names)), names)}")
    print(
        f"Now set data.dataset: {output.relative_to(FOLDER)} and preprocess.validation_from:"
        " stratified in params.yaml"
    )


def find_classes(pictures: Path, left_out: LeftOut) -> list[str]:
    """Return the names of the classes: the folders of train, which those of test must be, too."""
    found: dict[str, set[str]] = {}
    for part in PARTS:
        if not (pictures / part).is_dir():
            expected = f"the folders {pictures}/train/CLASS and {pictures}/test/CLASS"
            raise wrong(str(pictures / part), expected, "no such folder", "check the path")
        folders = [path for path in list_visible(pictures / part, left_out) if path.is_dir()]
        found[part] = {unicodedata.normalize("NFC", path.name) for path in folders}
    for part, other in (PARTS, PARTS[::-1]):
        if alone := found[part] - found[other]:
            expected = f"the classes of {pictures / other}, {shorten(sorted(found[other]))}"
            remedy = f"rename the folders, or add pictures of it to {pictures / other}"
            raise wrong(str(pictures / part), expected, f"also {shorten(sorted(alone))}", remedy)
    # Numbers by their value: the class 10 comes after 9.
    return sorted(found["train"], key=lambda name: name.zfill(9) if name.isdecimal() else name)


def list_visible(folder: Path, left_out: LeftOut) -> Iterator[Path]:
    """Yield what is in a folder, in order, without what systems and editors leave there."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "__MACOSX")):
            left_out["hidden"].append(path)
        else:
            yield path


def read_part(
    folder: Path, names: list[str], left_out: LeftOut
) -> tuple[list[np.ndarray], list[int]]:
    """Return the images of train or test, `uint8 (n, n)`, and the class of each."""
    Image.init()
    suffixes = {key for key, kind in Image.registered_extensions().items() if kind in Image.OPEN}
    images, labels, waiting = [], [], list(list_visible(folder, defaultdict(list)))
    while waiting:
        path = waiting.pop(0)
        if path.is_dir():
            waiting = [*list_visible(path, left_out), *waiting]
        elif path.parent == folder:
            left_out["in no class"].append(path)
        elif path.suffix.lower() not in suffixes:
            left_out["no picture by its suffix"].append(path)
        else:
            try:
                grey, frames = read_grey(path)
            except InputError as error:
                left_out[str(error).partition("found ")[2]].append(path)
                continue
            if frames > 1:
                left_out["frames after the first"].append(path)
            images.append(np.asarray(grey.resize((SIDE, SIDE))))
            name = unicodedata.normalize("NFC", path.relative_to(folder).parts[0])
            labels.append(names.index(name))
    return images, labels


def read_grey(path: Path) -> tuple[Image.Image, int]:
    """Read a picture of any mode as grey pixels 0..255, upright; return the number of frames, too.

    Raises:
        InputError: there is no such file, or Pillow cannot read it.
    """
    try:
        with Image.open(path) as image:
            return convert_to_grey(ImageOps.exif_transpose(image)), getattr(image, "n_frames", 1)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; check the path") from None
    except Exception as error:  # Pillow raises many kinds for a broken file
        reason = " ".join(str(error).replace(f"'{path}'", "it").split()) or type(error).__name__
        raise InputError(f"{path}: expected a picture, such as a PNG; found {reason}") from None


def convert_to_grey(image: Image.Image) -> Image.Image:
    """Return a picture of any of Pillow's modes as grey pixels 0..255.

    More than 8 bits are scaled by the range of their type. What is transparent gets the colour of
    an opaque border, white or black; else the one that is farther from the brightness of the rest.
    """
    if image.mode.startswith(("I", "F")):
        pixels = np.asarray(image, np.float64)
        tops = [65535.0] if image.mode.startswith("I;16") else [1.0, 255.0, 65535.0]
        fitting = [
            top for top in tops[image.mode == "I" :] if 0 <= pixels.min() <= pixels.max() <= top
        ]
        if not fitting:
            raise ValueError(f"pixels {pixels.min():g} to {pixels.max():g}, not 0 to 65535")
        return Image.fromarray(np.rint(pixels * (255 / fitting[0])).astype(np.uint8))
    if image.mode == "LAB":
        return image.getchannel("L")
    if not image.has_transparency_data:
        return image.convert("L")
    layers = image.convert("RGBA")
    parts = (layers.convert("RGB").convert("L"), layers.getchannel("A"))
    grey, alpha = (np.asarray(part, np.float64) for part in parts)
    border = np.ones(grey.shape, bool)
    border[1:-1, 1:-1] = False
    opaque = alpha[border].mean() > 127
    weights = np.where(border, alpha, 0) if opaque else alpha
    brightness = np.average(grey, weights=weights) if weights.any() else 0
    background = 255 if (brightness > 127) == opaque else 0
    filled = (grey * alpha + background * (255 - alpha)) / 255
    return Image.fromarray(np.rint(filled).astype(np.uint8))


if __name__ == "__main__":
    main()
