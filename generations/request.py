"""The one validator, for every door: raw values in, a checked order or named faults out."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as a_field
from types import MappingProxyType

from generations import prompts
from generations.catalog.spec import ModelSpec, Parameter

Value = str | int


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one field: a code and its parameters. It is worded at the door."""

    field: str
    code: str
    parameters: Mapping[str, object] = a_field(default_factory=dict)


class InvalidRequest(Exception):
    """The order cannot be placed as asked. `faults` name every field that is wrong."""

    def __init__(self, *faults: Fault):
        super().__init__(", ".join(f"{fault.field}: {fault.code}" for fault in faults))
        self.faults = faults


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """A checked order. `count` sibling generations are made of it, each of `spec.images` images."""

    spec: ModelSpec
    prompt: str
    parameters: Mapping[str, Value]
    count: int = 1


def parse(spec: ModelSpec, raw: Mapping[str, object]) -> GenerationRequest:
    """Check `prompt`, `count` and the parameters. Raises InvalidRequest with every fault."""
    faults: list[Fault] = []
    prompt = _prompt(spec, raw.get("prompt"), faults)
    count = _count(spec, raw.get("count", 1), faults)
    parameters = {p.name: _value(p, raw.get(p.name), faults) for p in spec.parameters}
    faults.extend(_unknown_fields(spec, raw))
    if spec.grammar == "midjourney" and prompt:
        reading = prompts.read(prompt)
        faults.extend(Fault("prompt", p.code, {"found": p.found}) for p in reading.problems)
        prompt = reading.text
        if reading.ratio:
            parameters["aspect_ratio"] = reading.ratio
    if faults:
        raise InvalidRequest(*faults)
    return GenerationRequest(
        spec=spec, prompt=prompt, parameters=MappingProxyType(parameters), count=count
    )


def _prompt(spec: ModelSpec, raw: object, faults: list[Fault]) -> str:
    if not isinstance(raw, str) or not _shows_anything(raw):
        faults.append(Fault("prompt", "required"))
        return ""
    prompt = raw.replace("\r\n", "\n").strip()
    if _is_unreadable(prompt):
        faults.append(Fault("prompt", "unreadable"))
        return ""
    if len(prompt) > spec.prompt_characters_max:
        limits = {"maximum": spec.prompt_characters_max, "length": len(prompt)}
        faults.append(Fault("prompt", "too_long", limits))
    return prompt


def _shows_anything(text: str) -> bool:
    return any(not c.isspace() and unicodedata.category(c) != "Cf" for c in text)


def _is_unreadable(text: str) -> bool:
    """Control characters and halves of a surrogate pair: some database refuses each of them."""
    return any(unicodedata.category(c) in {"Cs", "Cc"} and c not in "\n\t" for c in text)


def _count(spec: ModelSpec, raw: object, faults: list[Fault]) -> int:
    count = _integer(raw)
    if count is None:
        faults.append(Fault("count", "not_a_number"))
        return 1
    if not 1 <= count <= spec.count_max:
        faults.append(Fault("count", "out_of_range", {"minimum": 1, "maximum": spec.count_max}))
    return count


def _value(parameter: Parameter, raw: object, faults: list[Fault]) -> Value:
    if raw is None or raw == "":
        return parameter.default
    if parameter.kind == "integer":
        return _bounded(parameter, raw, faults)
    if parameter.kind == "choice" and raw not in parameter.choices:
        faults.append(Fault(parameter.name, "not_a_choice", {"allowed": parameter.choices}))
        return parameter.default
    if not isinstance(raw, str) or _is_unreadable(raw):
        faults.append(Fault(parameter.name, "unreadable"))
        return parameter.default
    if parameter.kind == "text" and len(raw) > parameter.characters_max:
        limits = {"maximum": parameter.characters_max, "length": len(raw)}
        faults.append(Fault(parameter.name, "too_long", limits))
    return raw.strip()


def _bounded(parameter: Parameter, raw: object, faults: list[Fault]) -> Value:
    number = _integer(raw)
    limits = {"minimum": parameter.minimum, "maximum": parameter.maximum}
    if number is None:
        faults.append(Fault(parameter.name, "not_a_number", limits))
        return parameter.default
    if not parameter.minimum <= number <= parameter.maximum:
        faults.append(Fault(parameter.name, "out_of_range", limits))
    return number


def _integer(raw: object) -> int | None:
    if isinstance(raw, bool) or not isinstance(raw, int | str):
        return None
    try:
        return int(raw)
    except ValueError:
        return None


def _unknown_fields(spec: ModelSpec, raw: Mapping[str, object]) -> list[Fault]:
    known = {"prompt", "count", *(p.name for p in spec.parameters)}
    allowed = tuple(sorted(known))
    codes = {"image": "takes_no_image"}
    return [
        Fault(name, codes.get(name, "unknown_field"), {"model": spec.name, "allowed": allowed})
        for name in raw
        if name not in known
    ]
