"""`params.yaml`: typed, frozen, checked once before anything is read, deleted or trained."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from experiment.support.errors import InputError, wrong


class Section(BaseModel):
    """Parameters by name: none unknown, none missing, each of its type."""

    # strict: "5" is not 5 and true is not 1, so a mistake is not trained with.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


ValidationFrom = Literal["last", "shuffled", "stratified"]
Instructions = Literal["avx2", "native"]


class DataParameters(Section):
    """Which images."""

    dataset: str


class PreprocessParameters(Section):
    """Settings of how the images are divided."""

    validation_split: float = Field(gt=0, lt=1)
    validation_from: ValidationFrom
    train_samples: int | None = Field(ge=1)


class ModelParameters(Section):
    """Size of the network."""

    filters: int = Field(ge=1)
    dense_units: int = Field(ge=1)


class TrainParameters(Section):
    """Settings of the training."""

    epochs: int = Field(ge=1)
    dropout_rate: float = Field(ge=0, lt=1)
    batch_size: int = Field(ge=1)
    learning_rate: float = Field(gt=0)
    seed: int = Field(ge=0, lt=2**31)
    threads: int = Field(ge=1, le=1024)
    instructions: Instructions


class Parameters(Section):
    """All of `params.yaml`."""

    data: DataParameters
    preprocess: PreprocessParameters
    model: ModelParameters
    train: TrainParameters


def load_parameters(path: Path = Path("params.yaml")) -> Parameters:
    """Read and check the parameters of the experiment; see `read_parameters`."""
    return read_parameters(path, Parameters)


_Model = TypeVar("_Model", bound=Section)


def read_parameters(path: Path, model: type[_Model]) -> _Model:
    """Read and check a file of parameters.

    Args:
        path: a YAML 1.2 file, read by the same parser as DVC reads it.
        model: what it must hold; the message of InputError names the first key that is wrong.
    """
    try:
        content = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; run this at the top of the repository") from None
    except (YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = " ".join(str(getattr(error, "problem", None) or error).split())
        raise InputError(f"{path}{line}: expected YAML, but {problem}; correct it") from None
    if not isinstance(content, Mapping):
        sections = f"the sections {', '.join(model.model_fields)}"
        raise wrong(str(path), sections, type(content).__name__, "restore it with git")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        # Unknown names first: a typo is also a missing key.
        first, *others = sorted(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
        more = f" (and {len(others)} more)" if others else ""
        raise InputError(f"{path}: {_describe(first, model)}{more}") from None


def _describe(problem: ErrorDetails, model: type[Section]) -> str:
    """Say in a line what is wrong with a parameter."""
    name = ".".join(map(str, problem["loc"]))
    if problem["type"] == "missing":
        return f"{name}: expected a value; found none; add the line back"
    if problem["type"] == "extra_forbidden":
        # By its last part, since it may stand in the wrong section.
        names = {section: section for section in model.model_fields}
        for section, field in model.model_fields.items():
            keys = getattr(field.annotation, "model_fields", {})
            names |= {key: f"{section}.{key}" for key in keys}
        nearest = difflib.get_close_matches(str(problem["loc"][-1]), names, n=1)
        hint = f"did you mean {names[nearest[0]]}?" if nearest else "remove it"
        return f"{name}: there is no such parameter; {hint}"
    expected = problem["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return f"{name}: expected {expected}; found {problem['input']!r:.60}"
