"""The variable catalogue: what each input is, where it comes from, and the JSON schema of a scenario's inputs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# What nobody may be decided by. Age is a variable for the legal minimum alone.
PROTECTED = frozenset(
    "sex gender marital_status sex_status nationality foreign_worker ethnicity race religion disability age".split()
)
MAX_NUMBER, MAX_CHARACTERS, MAX_PARTS = 2**53, 500, 500
TYPES: dict[str, dict[str, Any]] = {
    "int": {"type": "integer"},
    "bool": {"type": "boolean"},
    "text": {"type": "string"},
    "date": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"},
    "int_list": {"type": "array", "items": {"type": "integer"}},
    "text_list": {"type": "array", "items": {"type": "string"}},
}
PYTHON: dict[str, type | tuple[type, ...]] = {
    "int": int,
    "bool": bool,
    "text": str,
    "date": str,
    "int_list": list,
    "text_list": list,
}


@dataclass(frozen=True)
class VariableSpec:
    """`path` is dotted, inside the source's answer; a nullable variable may be unknown, unless it has a default."""

    name: str
    type: str
    nullable: bool
    source: str
    path: str
    unit: str = ""
    default: Any = None


class WrongType(ValueError):
    """A source's answer holds something else at a variable's path; the message names both."""


class Unreadable(ValueError):
    """An answer is not what the catalogue says; the message names the path, never what stands there."""


def read(specs: Iterable[VariableSpec], data: Any) -> dict[str, Any]:
    """The value of each variable in a source's answer, None where it is absent and may be.

    Raises Unreadable: no object, another type somewhere, something missing that may not be, or nothing at all there.
    """
    if not isinstance(data, Mapping):
        raise Unreadable("no object under data")
    found = {}
    for spec in specs:
        try:
            found[spec.name] = value_at(spec, data)
        except WrongType as error:
            raise Unreadable(str(error)) from None
        if found[spec.name] is None and not spec.nullable:
            raise Unreadable(f"{spec.source}.{spec.path} is missing")
    if found and all(value is None for value in found.values()):
        raise Unreadable(f"nothing of what was agreed: {', '.join(spec.path for spec in specs)}")
    return found


def input_schema(variables: Iterable[VariableSpec]) -> dict[str, Any]:
    """JSON schema of an object with these variables; only a nullable one may be null or absent."""
    properties: dict[str, Any] = {}
    required = []
    for variable in variables:
        schema = dict(TYPES[variable.type])
        if variable.nullable:  # the engine drops null at the top level, so an unknown arrives as absent
            schema["type"] = [schema["type"], "null"]
        else:
            required.append(variable.name)
        properties[variable.name] = schema
    return {"type": "object", "properties": properties, "required": required}


def filled(
    names: Iterable[str], values: Mapping[str, Any], defaults: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """(the value of each name, the names whose default stood in for an unknown). `defaults`: those that are not None.

    With a default the rules never see *unknown*; what is neither known nor has one stays None.
    """
    found = {name: values.get(name) for name in names}
    stood_in = [name for name, value in found.items() if value is None and defaults.get(name) is not None]
    return found | {name: defaults[name] for name in stood_in}, stood_in


def check_default(variable: VariableSpec) -> None:
    """A default is a value of the variable's type. Raises WrongType."""
    if variable.default is not None:
        _check_type(variable, variable.default)


def value_at(variable: VariableSpec, answer: Mapping[str, Any]) -> Any:
    """The variable's value in a source's answer, None where the path ends early. Raises WrongType."""
    found: Any = answer
    for name in variable.path.split("."):
        if not isinstance(found, Mapping) or found.get(name) is None:
            return None
        found = found[name]
    _check_type(variable, found)
    return found


def subtree(path: str, answer: Mapping[str, Any]) -> Any:
    """What stands at a dotted path, inside the objects that lead there and without anything beside it; else None."""
    first, _, rest = path.partition(".")
    if not isinstance(answer, Mapping) or first not in answer:
        return None
    below = subtree(rest, answer[first]) if rest else answer[first]
    return None if rest and below is None else {first: below}


def _check_type(variable: VariableSpec, value: object) -> None:
    parts = {"int_list": int, "text_list": str}.get(variable.type)
    if _is_too_large(value):
        raise WrongType(f"{variable.source}.{variable.path}: larger than any {variable.type} may be")
    fits = isinstance(value, PYTHON[variable.type]) and not (variable.type == "int" and isinstance(value, bool))
    if fits and parts and isinstance(value, list):
        fits = all(isinstance(part, parts) and not isinstance(part, bool) for part in value)
    if not fits:
        raise WrongType(f"{variable.source}.{variable.path}: {type(value).__name__} is no {variable.type}")


def _is_too_large(value: object) -> bool:
    """What a flow or a column could not hold: a vendor's slip must not stop a decision."""
    if isinstance(value, list):
        return len(value) > MAX_PARTS or any(map(_is_too_large, value))
    if isinstance(value, str):
        return len(value) > MAX_CHARACTERS
    return isinstance(value, int) and abs(value) > MAX_NUMBER
