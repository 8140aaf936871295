"""The smallest change of a strategy that would have let people's verdicts stand: one row, or one cut-off.

What cannot be computed without guessing is refused with the reason; nothing here is put in force.
"""

import copy
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

APPROVE, DECLINE = "approve", "decline"
SOFTER = {"decline": "refer", "refer": "tag"}
CUT_OFF = re.compile(r">= (-?\d+)")


class NothingComputed(ValueError):
    """The message says why, in a sentence."""


@dataclass(frozen=True)
class Change:
    """`authored`: the whole artefact with the change; `told`: the change in a sentence. `grade`: of a moved cut-off,
    what the disputed scores are graded then."""

    authored: dict[str, Any]
    told: str
    grade: str = ""


def softened(rule_set: Mapping[str, Any], rule_id: str, said: Collection[str]) -> Change:
    """The rule one step softer: declining becomes referring, referring becomes a tag. `said`: the verdicts against it.

    Raises NothingComputed unless all approved.
    """
    changed = copy.deepcopy(dict(rule_set))
    rule = next((row for row in changed.get("rules", ()) if row["id"] == rule_id), None)
    if rule is None:
        raise NothingComputed(f"The newest release has no rule {rule_id}.")
    if set(said) != {APPROVE}:
        raise NothingComputed("People did not all approve, so the cases do not say in which way the rule is wrong.")
    before = rule["action"]
    if before not in SOFTER:
        raise NothingComputed(f"The rule {rule_id} neither declines nor refers any more.")
    rule["action"] = SOFTER[before]
    if rule["action"] == "tag":
        rule["tag"] = rule.get("tag") or rule_id[:40]
    return Change(changed, f"Proposed: the rule {rule_id} moves from {before} to {rule['action']}.")


def moved_cut_off(flow: Mapping[str, Any], scores: Sequence[int], said: Collection[str]) -> Change:
    """One cut-off of the grades moved just over the disputed scores that people declined, or down to those that they
    approved.

    The grades are a first-match table of one score, ">= n" in each row. Raises NothingComputed where the verdicts or
    the grades differ, or where a grade would be left without a score.
    """
    if not scores or len(set(said)) != 1:
        raise NothingComputed("People said different things, so the cases do not say which way the cut-off should go.")
    changed = copy.deepcopy(dict(flow))
    bands = list(_bands(changed))
    graded = {_place(bands, score) for score in scores}
    place = graded.pop()
    if graded or place is None:
        raise NothingComputed("The scores are of several grades or of none, so no single cut-off covers them.")
    if set(said) == {DECLINE}:
        return _raised(changed, bands, place, max(scores) + 1)
    return _lowered(changed, bands, place, min(scores))


@dataclass(frozen=True)
class _Band:
    """A row of the grades. `least` None: the rest."""

    row: dict[str, str]
    cell: str
    least: int | None
    grade: str
    action: str


def _raised(changed: dict[str, Any], bands: list[_Band], place: int, least: int) -> Change:
    band = bands[place]
    above = bands[place - 1].least if place else None
    if band.least is None or place + 1 == len(bands):
        raise NothingComputed(f"Below grade {band.grade} there is none.")
    if above is not None and least >= above:
        raise NothingComputed(f"A cut-off over these scores would leave no grade {band.grade}.")
    return _moved(changed, band, least, bands[place + 1].grade)


def _lowered(changed: dict[str, Any], bands: list[_Band], place: int, least: int) -> Change:
    if bands[place].action == APPROVE:
        raise NothingComputed(f"Grade {bands[place].grade} is approved as it is: something else stopped these cases.")
    band = bands[place - 1] if place else None
    if band is None or band.least is None or band.action != APPROVE:
        raise NothingComputed("The grade above is not approved either, so one cut-off does not cover these scores.")
    if bands[place].least is not None and least <= (bands[place].least or 0):
        raise NothingComputed(f"A cut-off under these scores would leave no grade {bands[place].grade}.")
    return _moved(changed, band, least, band.grade)


def _moved(changed: dict[str, Any], band: _Band, least: int, grade: str) -> Change:
    band.row[band.cell] = f">= {least}"
    told = f"Proposed: the cut-off of grade {band.grade} moves from {band.least} to {least}"
    return Change(changed, f"{told}; the disputed scores are {grade} then.", grade)


def _place(bands: Sequence[_Band], score: int) -> int | None:
    return next((n for n, band in enumerate(bands) if band.least is None or score >= band.least), None)


def _bands(flow: Mapping[str, Any]) -> Iterator[_Band]:
    """Highest first. Raises NothingComputed where no table grades a score by cut-offs."""
    for node in flow.get("nodes", ()):
        content = node.get("content") or {}
        asked, told = content.get("inputs", ()), {out["field"]: out["id"] for out in content.get("outputs", ())}
        if node["type"] != "decisionTableNode" or len(asked) != 1 or content.get("hitPolicy") != "first":
            continue
        if asked[0]["field"].rpartition(".")[2] == "score" and {"grade", "grade_action"} <= told.keys():
            for row in content["rules"]:
                yield from _band(row, asked[0]["id"], told)
            return
    raise NothingComputed("The flow has no table that grades a score by cut-offs.")


def _band(row: dict[str, str], cell: str, told: Mapping[str, str]) -> Iterator[_Band]:
    text = row.get(cell, "").strip()
    if text == "null":  # no score
        return
    found = CUT_OFF.fullmatch(text)
    if text and not found:
        raise NothingComputed(f"The grades are not told by cut-offs alone: {text}.")
    grade, action = (row.get(told[name], "").strip('"') for name in ("grade", "grade_action"))
    yield _Band(row, cell, int(found[1]) if found else None, grade, action)
