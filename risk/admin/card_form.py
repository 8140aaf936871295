"""The scorecard as form fields and back. Whatever was typed survives, right or wrong: the card's own check names it.

Fields: `base_points` …, `b0-variable`, `b0-reason`, `b0-bin1-from`, `-to`, `-values`, `-unknown`, `-points`, `-lost`;
what the card keeps of its building goes along in hidden ones.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from risk.rules.catalogue import VariableSpec

Card = dict[str, Any]
HEAD = ("base_points", "pdo", "anchor_score", "anchor_odds")
WHOLE = re.compile(r"[+-]?\d{1,15}")
MOST = 60  # blocks, and bins of a block
YES, NO = ("yes", "true", "1"), ("no", "false", "0")


def read(data: Mapping[str, str], stored: Mapping[str, Any], variables: Mapping[str, VariableSpec]) -> Card:
    """The card in the fields; `stored` gives what the form does not show."""
    card: Card = {name: value for name, value in stored.items() if name in ("built", "intercept", "calibration")}
    card |= {name: _number(data.get(name, "")) for name in HEAD}
    card["missing"] = data.get("missing", "refer")
    card["blocks"] = [_block(data, f"b{n}", variables) for n in range(MOST) if f"b{n}-variable" in data]
    return card


def changed(card: Card, act: str, variables: Mapping[str, VariableSpec]) -> Card:
    """After a button: `add_block`, `remove_block:1`, `add_bin:1`, `add_unknown:1`, `remove_bin:1.2`."""
    name, _, places = act.partition(":")
    place, _, bin_ = places.partition(".")
    blocks = [{**block, "bins": list(block["bins"])} for block in card["blocks"]]
    if name == "add_block" and len(blocks) < MOST:
        blocks.append({"variable": "", "reason": "", "bins": []})
    elif place.isdigit() and int(place) < len(blocks):
        block = blocks[int(place)]
        if name == "remove_block":
            del blocks[int(place)]
        elif name == "add_unknown":
            block["bins"].append({"unknown": True, "points": None})
        elif name == "add_bin" and len(block["bins"]) < MOST:
            block["bins"].insert(_known(block), _next_bin(block, variables))
        elif name == "remove_bin" and bin_.isdigit() and int(bin_) < len(block["bins"]):
            del block["bins"][int(bin_)]
    return {**card, "blocks": blocks}


def shown(card: Mapping[str, Any], variables: Mapping[str, VariableSpec]) -> list[dict[str, Any]]:
    """The blocks with the names and values of their fields."""
    found = []
    for place, block in enumerate(card.get("blocks") or []):
        spec = variables.get(block.get("variable") or "")
        kind = spec.type if spec else "text"
        prefix = f"b{place}"
        bins = []
        for number, bin_ in enumerate(block.get("bins") or []):
            bins.append(
                {
                    "name": f"{prefix}-bin{number}",
                    "place": f"{place}.{number}",
                    "number": number + 1,
                    "unknown": bool(bin_.get("unknown")),
                    "is_span": not bin_.get("unknown") and kind == "int",
                    "from": _text(bin_.get("from")),
                    "to": _text(bin_.get("to")),
                    "values": ", ".join(map(_word, bin_.get("values") or [])),
                    "points": _text(bin_.get("points")),
                    "lost": _text(bin_.get("lost")),
                    "woe": _text(bin_.get("woe")),
                }
            )
        found.append(
            {
                "name": prefix,
                "place": place,
                "variable": block.get("variable") or "",
                "reason": block.get("reason") or "",
                "kind": kind,
                "bins": bins,
                "coefficient": _text(block.get("coefficient")),
                "seen": json.dumps(block["seen"], ensure_ascii=False) if block.get("seen") else "",
                "seen_words": ", ".join(map(_word, block.get("seen") or [])),
                "has_unknown": any(bin_["unknown"] for bin_ in bins),
            }
        )
    return found


def applicant(
    data: Mapping[str, str], card: Mapping[str, Any], variables: Mapping[str, VariableSpec]
) -> dict[str, Any]:
    """What was typed into the trial, by variable; what is empty or not readable as its type is unknown."""
    typed = {}
    for block in card.get("blocks") or []:
        spec = variables.get(block.get("variable") or "")
        if spec:
            typed[spec.name] = _typed(data.get(f"try-{spec.name}", "").strip(), spec.type)
    return typed


def _block(data: Mapping[str, str], prefix: str, variables: Mapping[str, VariableSpec]) -> dict[str, Any]:
    variable = data.get(f"{prefix}-variable", "")
    kind = variables[variable].type if variable in variables else "text"
    block: dict[str, Any] = {"variable": variable, "reason": data.get(f"{prefix}-reason", "").strip()}
    if coefficient := _float(data.get(f"{prefix}-coefficient", "")):
        block["coefficient"] = coefficient
    if seen := _listed(data.get(f"{prefix}-seen", "")):
        block["seen"] = seen
    names = [f"{prefix}-bin{n}" for n in range(MOST) if f"{prefix}-bin{n}-points" in data]
    return block | {"bins": [_bin(data, name, kind) for name in names]}


def _listed(text: str) -> list[Any]:
    """A hidden list; what is none, because somebody changed it, counts as none."""
    try:
        found = json.loads(text or "[]")
    except ValueError:
        return []
    return found if isinstance(found, list) else []


def _bin(data: Mapping[str, str], name: str, kind: str) -> dict[str, Any]:
    bin_: dict[str, Any]
    if data.get(f"{name}-unknown"):
        bin_ = {"unknown": True}
    elif kind == "int":
        bin_ = {"from": _number(data.get(f"{name}-from", "")), "to": _number(data.get(f"{name}-to", ""))}
    else:
        words = [word.strip() for word in data.get(f"{name}-values", "").replace("，", ",").split(",")]
        bin_ = {"values": [_typed(word, kind) if kind == "bool" else word for word in words if word]}
    bin_["points"] = _number(data.get(f"{name}-points", ""))
    if (lost := _number(data.get(f"{name}-lost", ""))) is not None:
        bin_["lost"] = lost
    if (woe := _float(data.get(f"{name}-woe", ""))) is not None:
        bin_["woe"] = woe
    return bin_


def _next_bin(block: Mapping[str, Any], variables: Mapping[str, VariableSpec]) -> dict[str, Any]:
    """Where the last one ended."""
    spec = variables.get(block["variable"])
    if spec is None or spec.type != "int":
        return {"values": [], "points": None}
    known = [bin_ for bin_ in block["bins"] if not bin_.get("unknown")]
    return {"from": known[-1].get("to") if known else None, "to": None, "points": None}


def _known(block: Mapping[str, Any]) -> int:
    """How many bins stand before that of the unknown."""
    return sum(not bin_.get("unknown") for bin_ in block["bins"])


def _number(text: str) -> Any:
    """A number where it is one, None where nothing stands, else the text itself."""
    text = text.strip()
    if WHOLE.fullmatch(text):
        return int(text)
    return _float(text) if _float(text) is not None else text or None


def _float(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if abs(found) < 1e15 else None  # also not for "nan" and "inf"


def _typed(text: str, kind: str) -> Any:
    if kind == "bool":
        return True if text.lower() in YES else False if text.lower() in NO else text or None
    if kind == "int":
        return int(text) if WHOLE.fullmatch(text) else None
    return text or None


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _word(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
