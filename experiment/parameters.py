"""`params.yaml`: typed, frozen, checked once before anything is read, deleted or trained."""

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from experiment.support.errors import InputError


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
    """How the images are divided."""

    validation_split: float = Field(gt=0, lt=1)
    validation_from: ValidationFrom
    train_samples: int | None = Field(ge=1)


class ModelParameters(Section):
    """Size of the network."""

    filters: int = Field(ge=1)
    dense_units: int = Field(ge=1)


class TrainParameters(Section):
    """How the network is trained."""

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
    """Reads and checks the parameters of the experiment; see `read_parameters`."""
    return read_parameters(path, Parameters)


_Model = TypeVar("_Model", bound=Section)


def read_parameters(path: Path, model: type[_Model]) -> _Model:
    """Reads and checks a file of parameters.

    Args:
        path: a YAML 1.2 file, read by the same parser as DVC reads it.
        model: what it is to hold.

    Raises:
        InputError: the file cannot be read, or a key is unknown, missing, of the wrong type or
            out of its range; the message names the first such key, the nearest right name, and
            how many more there are.
    """
    try:
        content = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; run this at the top of the repository") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: expected UTF-8 text; byte {error.start} is not") from None
    except (YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = " ".join(str(getattr(error, "problem", None) or error).split())
        raise InputError(f"{path}{line}: expected YAML, but {problem}; correct it") from None
    if not isinstance(content, Mapping):
        found = "nothing" if content is None else type(content).__name__
        raise InputError(
            f"{path}: expected the sections {', '.join(model.model_fields)}; found {found}"
        )
    try:
        return model.model_validate(content)
    except ValidationError as error:
        problem, *others = _problems(error, list(_names(model)))
        more = f" (and {len(others)} more)" if others else ""
        raise InputError(f"{path}: {problem}{more}") from None


def _problems(error: ValidationError, names: list[str]) -> Iterator[str]:
    """One line for each problem, unknown names first: a typo is also a missing key."""
    suggested = set()
    for detail in sorted(error.errors(), key=lambda found: found["type"] != "extra_forbidden"):
        name, found = ".".join(map(str, detail["loc"])), f"{detail['input']!r:.60}"
        if detail["type"] == "extra_forbidden":
            nearest = _nearest(name, names)
            suggested.add(nearest)
            hint = f"did you mean {nearest}?" if nearest else "remove it"
            yield f"{name}: there is no such parameter; {hint}"
        elif name in suggested:
            continue
        elif detail["type"] == "missing":
            yield f"{name}: expected a value, found none; add the line back"
        elif detail["type"] == "value_error":
            yield f"{name}: {detail['ctx']['error']}; found {found}"
        else:
            expected = detail["msg"].removeprefix("Input should be ")
            yield f"{name}: expected {expected}; found {found}"


def _names(model: type[BaseModel]) -> Iterator[str]:
    """Every section and parameter, a parameter with its section's name before it."""
    for name, field in model.model_fields.items():
        yield name
        for inner in (field.annotation, *get_args(field.annotation)):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from (f"{name}.{key}" for key in _names(inner))


def _nearest(name: str, names: list[str]) -> str | None:
    """The known name most like `name`: as a whole, else by its last part (a wrong section)."""
    by_last = {known.rpartition(".")[2]: known for known in names}
    whole = difflib.get_close_matches(name, names, n=1, cutoff=0.75)
    last = difflib.get_close_matches(name.rpartition(".")[2], by_last, n=1)
    return next(iter([*whole, *(by_last[key] for key in last)]), None)
