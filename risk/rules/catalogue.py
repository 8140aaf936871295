"""The variable catalogue: what each input is, where it comes from, and the JSON schema of a scenario's inputs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

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
    """`path` is dotted, inside the source's answer; a nullable variable may be unknown."""

    name: str
    type: str
    nullable: bool
    source: str
    path: str


class WrongType(ValueError):
    """A source's answer holds something else at a variable's path; the message names both."""


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


def value_at(variable: VariableSpec, answer: Mapping[str, Any]) -> Any:
    """The variable's value in a source's answer, None where the path ends early. Raises WrongType."""
    found: Any = answer
    for name in variable.path.split("."):
        if not isinstance(found, Mapping) or found.get(name) is None:
            return None
        found = found[name]
    if not isinstance(found, PYTHON[variable.type]) or (variable.type == "int" and isinstance(found, bool)):
        raise WrongType(f"{variable.source}.{variable.path}: {type(found).__name__} is no {variable.type}")
    return found
