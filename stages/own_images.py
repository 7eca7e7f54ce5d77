"""`python -m stages.own_images pictures data/own/pictures.npz`: own data from folders of pictures.

The pictures are in `pictures/train/CLASS/` and `pictures/test/CLASS/`; docs/own-data.md says more.
"""

import argparse
import os
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
SIDE = 28  # pixels, as MNIST's


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
    left_out = defaultdict[str, list[Path]](list)
    found = {part: read_part(pictures / part, left_out) for part in ("train", "test")}
    classes = {name for part in found.values() for name, _ in part}
    # Numbers by their value: the class 10 comes after 9.
    names = sorted(classes, key=lambda name: name.zfill(9) if name.isdecimal() else name)
    arrays = {"names": np.array(names)}
    for part, images in found.items():
        counts = Counter(name for name, _ in images)
        print(f"{pictures / part}: {', '.join(f'{name}: {counts[name]}' for name in names)}")
        arrays[f"x_{part}"] = np.array([pixels for _, pixels in images])
        arrays[f"y_{part}"] = np.array([names.index(name) for name, _ in images], np.int64)
    for reason, paths in left_out.items():
        print(f"left out, {reason}: {len(paths)} ({shorten(paths)})")
    for part, images in found.items():
        if missing := sorted(classes - {name for name, _ in images}):
            expected = f"pictures of each class, {shorten(names)}"
            remedy = "add some, or correct the names of the folders"
            raise wrong(str(pictures / part), expected, f"none of {shorten(missing)}", remedy)
    write_arrays(output, check_arrays(arrays).arrays())
    print(f"{output}: {SIDE} x {SIDE} pixels, {format_classes(np.arange(len(names)), names)}")
    print(
        f"Now set data.dataset: {output.relative_to(FOLDER)} and preprocess.validation_from:"
        " stratified in params.yaml"
    )


def read_part(top: Path, left_out: dict[str, list[Path]]) -> list[tuple[str, np.ndarray]]:
    """Return the class of each picture below a folder, and the picture as `uint8 (28, 28)`."""
    if not top.is_dir():
        expected = f"the folders {top.parent}/train/CLASS and {top.parent}/test/CLASS"
        raise wrong(str(top), expected, "no such folder", "check the path")
    found = []
    for path in sorted(list_files(top)):
        parts = path.relative_to(top).parts
        if any(part.startswith((".", "__MACOSX")) for part in parts):
            left_out["hidden"].append(path)
        elif len(parts) == 1:
            left_out["in no class"].append(path)
        else:
            try:
                grey, frames = read_grey(path)
            except InputError as error:
                reason = str(error).partition("found ")[2] or "a link to no file"
                left_out[reason].append(path)
                continue
            if frames > 1:
                left_out["frames after the first"].append(path)
            name = unicodedata.normalize("NFC", parts[0])
            found.append((name, np.asarray(grey.resize((SIDE, SIDE)))))
    return found


def list_files(top: Path) -> Iterator[Path]:
    """Yield the files below a folder, also by links, but not by one to a folder that it is in."""
    for name, folders, files in os.walk(top, followlinks=True):
        folder = Path(name).absolute()
        above = {each.resolve() for each in (folder, *folder.parents)}
        folders[:] = [each for each in folders if (folder / each).resolve() not in above]
        yield from (Path(name, each) for each in files)


def read_grey(path: Path) -> tuple[Image.Image, int]:
    """Read a picture of any mode as grey pixels 0..255, upright, and the number of its frames.

    InputError: there is no such file, or Pillow cannot read it.
    """
    try:
        with Image.open(path) as image:
            # 16 bits of a PGM, which Pillow reads as 32.
            wide = image.format == "PPM" and image.mode == "I"
            upright = ImageOps.exif_transpose(image.convert("I;16") if wide else image)
            return convert_to_grey(upright), getattr(image, "n_frames", 1)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; check the path") from None
    except Exception as error:  # Pillow raises many kinds for a broken file
        said = str(error).replace(f"image file '{path}'", "it")
        reason = " ".join(said.split()) or type(error).__name__
        raise InputError(f"{path}: expected a picture, such as a PNG; found {reason}") from None


def convert_to_grey(image: Image.Image) -> Image.Image:
    """Return a picture of any of Pillow's modes as grey pixels 0..255.

    More than 8 bits are scaled by the range of their type. What is transparent gets the colour of
    an opaque border, white or black; else the one that is farther from the brightness of the rest.
    """
    if image.mode.startswith(("I", "F")):
        pixels = np.asarray(image, np.float64)
        low, high = pixels.min(), pixels.max()
        tops = {"I": (255, 65535), "F": (1, 255, 65535)}.get(image.mode, (65535,))
        top = next((top for top in tops if 0 <= low <= high <= top), None)
        if top is None:
            raise ValueError(f"pixels {low:g} to {high:g}, not 0 to 65535")
        return Image.fromarray(np.rint(pixels * (255 / top)).astype(np.uint8))
    if image.mode == "LAB":
        return image.getchannel("L")
    if not image.has_transparency_data:
        return image.convert("L")
    picture, opacity = image.convert("RGBA").convert("LA").split()
    grey, alpha = (np.asarray(part, np.float64) for part in (picture, opacity))
    border = np.ones(grey.shape, bool)
    border[1:-1, 1:-1] = False
    opaque = alpha[border].mean() > 127
    weights = np.where(border, alpha, 0) if opaque else alpha
    brightness = np.average(grey, weights=weights) if weights.any() else 0
    background = 255 if (brightness > 127) == opaque else 0
    return Image.composite(picture, Image.new("L", image.size, background), opacity)


if __name__ == "__main__":
    main()
