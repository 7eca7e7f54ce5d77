"""A network as a file that plain Keras loads."""

import json
import zipfile
from pathlib import Path
from typing import Any

import keras

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
