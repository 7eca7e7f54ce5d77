"""Own images: taken as they are, or refused with the line of NumPy that corrects them."""

import math

import numpy as np

from experiment.support.errors import wrong

# The network's 3x3 convolution and 2x2 pooling leave nothing of a smaller image.
SMALLEST_SIDE = 4

# Pixels of fewer grey levels are of another scale: 0..1, or 0..16 as scikit-learn's digits.
FEWEST_LEVELS = 17

PIXELS = "pixels 0..255"


def check_images(images: np.ndarray, name: str, expected: int) -> np.ndarray:
    """The images as `uint8 (n, h, w)` with the same values.

    Args:
        images: an array of any dtype and shape.
        name: what messages call it, the name of a variable.
        expected: number of images, to recognise a wrong order of axes.

    Raises:
        InputError: it holds something else than grey images of 0..255.
    """
    images = _three_axes(images, name, expected)
    if images.dtype.kind not in "uif":
        remedies = {
            "b": f"{name} = {name}.astype(np.uint8) * 255",
            "c": f"{name} = {name}.real",
            **dict.fromkeys("SU", f"{name} = {name}.astype(float)"),
        }
        remedy = remedies.get(images.dtype.kind, "save the grey values of the pixels")
        raise wrong(name, "numbers 0..255", f"dtype {images.dtype}", remedy)
    if not np.isfinite(images).all():
        remedy = f"if they stand for black: {name} = np.nan_to_num({name}, posinf=0, neginf=0)"
        raise wrong(name, PIXELS, "NaN or infinity", remedy)
    low, high = float(images.min()), float(images.max())
    if low == high or (len(images) > 1 and (images == images[0]).all()):
        raise wrong(name, "different images", f"one {len(images)} times", "check their source")
    if images.dtype == np.int8 and low < 0:
        remedy = f"if they were bytes: {name} = {name}.view(np.uint8)"
        raise wrong(name, PIXELS, f"int8, {low:g} to {high:g}", remedy)
    if low < 0 or high > 255 or high - low < FEWEST_LEVELS:
        raise wrong(name, PIXELS, f"{low:g} to {high:g}", rescaling(low, high, name))
    if images.dtype.kind == "f" and (images != np.floor(images)).any():
        remedy = f"round them: {name} = np.rint({name}).astype(np.uint8)"
        raise wrong(name, "whole numbers 0..255", "fractions", remedy)
    return images.astype(np.uint8)


def rescaling(low: float, high: float, name: str) -> str:
    """A line of NumPy that brings pixels of `low` to `high` to 0..255."""
    scaled = f"({name} - {low:g}) * (255 / {high - low:g})"
    if low >= 0 and high <= 1:
        scaled = f"{name} * 255"
    elif low >= -1 and high <= 1:
        scaled = f"({name} + 1) * 127.5"
    elif low == 0 or (low > 0 and high > 255):
        scaled = f"{name} * (255 / {high:g})"
    return f"rescale training and test images alike: {name} = np.rint({scaled}).astype(np.uint8)"


def _three_axes(images: np.ndarray, name: str, expected: int) -> np.ndarray:
    """The images without an axis of one channel; refused where they have other axes."""
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    shape = f"shape {images.shape}"
    if images.size == 0:
        raise wrong(name, "one image or more", shape, "add some")
    images_last = images.shape[-1:] == (expected,) != images.shape[:1]
    if images.ndim != 3 or images_last:
        remedy = _new_axes(images, name, images_last)
        raise wrong(name, "grey images (n, h, w) or (n, h, w, 1)", shape, remedy)
    height, width = images.shape[1:]
    if min(height, width) < SMALLEST_SIDE:
        pad = [(0, 0), *((0, max(0, SMALLEST_SIDE - side)) for side in (height, width))]
        smallest = f"images of {SMALLEST_SIDE} x {SMALLEST_SIDE} pixels or more"
        remedy = f"enlarge them: {name} = np.pad({name}, {pad})"
        raise wrong(name, smallest, f"{height} x {width}", remedy)
    return images


def _new_axes(images: np.ndarray, name: str, images_last: bool) -> str:
    """What to do about axes that are not those of grey images."""
    shape = images.shape
    if images_last and images.ndim > 2:
        return f"the images come first: {name} = np.moveaxis({name}, -1, 0)"
    if images.ndim == 2:
        side = math.isqrt(shape[1])
        sides = f"{side}, {side}" if side**2 == shape[1] else "height, width"
        return f"give each image its rows: {name} = {name}.reshape(-1, {sides})"
    if images.ndim == 4 and shape[1] == 1:
        return f"remove the channel axis: {name} = {name}[:, 0]"
    if images.ndim == 4 and shape[0] == 1:
        return f"remove the first axis: {name} = {name}[0]"
    for axis in (3, 1) if images.ndim == 4 else ():
        if shape[axis] in (3, 4):
            colours = f"{name}[..., :3]" if axis == 3 else f"{name}[:, :3]"
            grey = f"{colours}.mean(axis={axis})"
            if images.dtype == np.uint8:
                grey = f"np.rint({grey}).astype(np.uint8)"
            return f"make the colours grey: {name} = {grey}"
        if shape[axis] == 2:
            return f"keep one channel: {name} = {name}.take(0, axis={axis})"
    return "save one grey picture per image"
