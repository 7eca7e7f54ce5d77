"""A network as a file that plain Keras loads."""

import json
import zipfile
from pathlib import Path
from typing import Any

import keras

from experiment.common.errors import InputError
from experiment.common.files import member, replacing


def write_model(path: Path, model: keras.Model) -> None:
    """A `.keras` file for `keras.saving.load_model`, without what Keras puts in of the run.

    That is the date (`metadata.json`), the clock times of the archive, and memory addresses as
    ids of shared objects (`config.json`), which are numbered in order of appearance instead.
    """
    with replacing(path) as temporary:
        model.save(temporary)
        with zipfile.ZipFile(temporary) as archive:
            members = {name: archive.read(name) for name in sorted(archive.namelist())}
        for name in ("config.json", "metadata.json"):
            content = _without_run(json.loads(members[name]), {})
            members[name] = json.dumps(content, sort_keys=True).encode()
        with zipfile.ZipFile(temporary, "w") as archive:
            for name, data in members.items():
                archive.writestr(member(name), data)


def read_model(path: Path) -> keras.Model:
    """A network for images, as `write_model` wrote it, or any other.

    Raises:
        InputError: Keras cannot read the file, or it takes something else than grey images.
    """
    if path.suffix != ".keras":  # Keras runs code that an .h5 file may hold
        raise InputError(f"{path}: expected a .keras file; found another name")
    try:
        model = keras.saving.load_model(path, compile=False)
    except Exception as error:  # of many kinds, whatever is wrong with the file
        reason = " ".join(str(error).split())[:100]
        raise InputError(f"{path}: expected a .keras file; found {reason}") from None
    shape = model.input_shape
    if not isinstance(shape, tuple) or len(shape) != 4 or shape[3] != 1 or None in shape[1:]:
        raise InputError(f"{path}: expected a network of grey images (h, w, 1); found {shape}")
    return model


def _without_run(value: Any, ids: dict[int, int]) -> Any:
    if isinstance(value, dict):
        return {
            key: ids.setdefault(item, len(ids))
            if key == "shared_object_id"
            else _without_run(item, ids)
            for key, item in value.items()
            if key != "date_saved"
        }
    if isinstance(value, list):
        return [_without_run(item, ids) for item in value]
    return value
