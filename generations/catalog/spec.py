"""What a model is, what it takes and who sells it: one TOML block each, checked as it loads."""

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

FOLDER = Path(__file__).parent


class BrokenCatalog(Exception):
    """A block that cannot be served. The message names file, block and reason."""


class UnknownModel(LookupError):
    """No such model in the catalogue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One thing a person may set. `kind` is "choice", "text" or "integer"."""

    name: str
    label: str
    kind: str
    default: str | int
    choices: tuple[str, ...] = ()
    characters_max: int = 0
    minimum: int = 0
    maximum: int = 0

    def __post_init__(self) -> None:
        if self.kind not in {"choice", "text", "integer"}:
            raise ValueError(f"{self.name}: kind {self.kind!r} is none of choice, text, integer")
        if self.kind == "choice" and self.default not in self.choices:
            raise ValueError(f"{self.name}: default {self.default!r} is not among the choices")
        if self.kind == "integer" and not self.minimum <= int(self.default) <= self.maximum:
            raise ValueError(f"{self.name}: default {self.default!r} is out of range")
        if self.kind == "text" and self.characters_max <= 0:
            raise ValueError(f"{self.name}: text needs characters_max")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offering:
    """A provider protocol that sells the model, and the model's name there."""

    protocol: str
    remote_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """One order gives `images` for `credits`; `seconds` is our guess until we have measured."""

    id: str
    name: str
    family: str
    blurb: str
    images: int
    credits: int
    seconds: int
    deadline_seconds: int
    prompt_characters_max: int
    parameters: tuple[Parameter, ...]
    offerings: tuple[Offering, ...]
    count_max: int = 1
    grammar: str = "plain"
    advice: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("images", "credits", "seconds", "deadline_seconds", "count_max"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise ValueError(f"{name} must be a whole number of at least 1")
        if self.images > 1 and self.count_max > 1:
            raise ValueError("a model that returns several images is ordered one at a time")
        if not self.offerings:
            raise ValueError("nobody sells it: offerings is empty")
        if self.grammar not in {"plain", "midjourney"}:
            raise ValueError(f"grammar {self.grammar!r} is neither plain nor midjourney")

    def parameter(self, name: str) -> Parameter | None:
        return next((p for p in self.parameters if p.name == name), None)


@cache
def catalog() -> Mapping[str, ModelSpec]:
    """Every model by id, as the picker lists them: the last file first. Raises BrokenCatalog."""
    models: dict[str, ModelSpec] = {}
    for path in sorted(FOLDER.glob("*.toml"), reverse=True):
        for model in load(path):
            if model.id in models:
                raise BrokenCatalog(f"{path.name}, [{model.id}]: the id is taken by another block")
            models[model.id] = model
    return MappingProxyType(models)


def find(model_id: str) -> ModelSpec:
    """Raises UnknownModel."""
    try:
        return catalog()[model_id]
    except KeyError:
        raise UnknownModel(model_id) from None


def load(path: Path) -> list[ModelSpec]:
    """The blocks of one file. Raises BrokenCatalog."""
    try:
        blocks = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise BrokenCatalog(f"{path.name}: {error}") from error
    return [_model(path.name, model_id, block) for model_id, block in blocks.items()]


def _model(file: str, model_id: str, block: dict[str, Any]) -> ModelSpec:
    try:
        block["parameters"] = tuple(_build(Parameter, b) for b in block.get("parameters", []))
        block["offerings"] = tuple(_build(Offering, b) for b in block.get("offerings", []))
        return _build(ModelSpec, {"id": model_id, **block})
    except (ValueError, TypeError) as error:
        raise BrokenCatalog(f"{file}, [{model_id}]: {error}") from error


Block = TypeVar("Block", Parameter, Offering, ModelSpec)


def _build(kind: type[Block], block: dict[str, Any]) -> Block:
    known = {field.name for field in fields(kind)}
    unknown, needed = (
        block.keys() - known,
        {f.name for f in fields(kind) if f.default is MISSING} - block.keys(),
    )
    if unknown:
        raise ValueError(f"unknown key {', '.join(sorted(unknown))}")
    if needed:
        raise ValueError(f"missing {', '.join(sorted(needed))}")
    frozen: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in block.items()}
    return kind(**frozen)
