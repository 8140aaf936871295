"""Who may approve what: the matrix amount × grade × exception. Levels 1 to 4 stand for R1 to R4."""

from collections.abc import Iterable
from dataclasses import dataclass

from lending.common.errors import Forbidden

COLUMNS = {"A": "A_B", "B": "A_B", "C": "C", "D": "D"}
EXCEPTION = "exception"
LEVELS = {"R1": 1, "R2": 2, "R3": 3, "R4": 4}


class NobodyMayApprove(Forbidden):
    code, title = "approval_not_allowed", "Nobody may approve this amount for this grade"


class OverAuthority(Forbidden):
    code, title = "over_authority", "This approval needs a higher authority"


@dataclass(frozen=True)
class Rule:
    """Up to `amount_to_cents`: the levels of the two reviewers; final None = the initial alone; both None = refused."""

    amount_to_cents: int
    column: str
    initial_level: int | None
    final_level: int | None


@dataclass(frozen=True)
class Needed:
    """Least level of the initial reviewer and of the final one (None: the initial reviewer decides alone)."""

    initial_level: int
    final_level: int | None


def column(grade: str, exception: bool) -> str:
    """Raises NobodyMayApprove for a grade that is never lent to (E) or missing."""
    if grade not in COLUMNS:
        raise NobodyMayApprove(f"Grade {grade or 'missing'} cannot be approved.", grade=grade)
    return EXCEPTION if exception else COLUMNS[grade]


def needed(rules: Iterable[Rule], *, amount_cents: int, grade: str, exception: bool) -> Needed:
    """What an approval of `amount_cents` takes. Raises NobodyMayApprove."""
    name = column(grade, exception)
    bands = sorted((rule for rule in rules if rule.column == name), key=lambda rule: rule.amount_to_cents)
    band = next((rule for rule in bands if amount_cents <= rule.amount_to_cents), None)
    if band is None or band.initial_level is None:
        raise NobodyMayApprove(amount_cents=amount_cents, grade=grade, exception=exception)
    return Needed(band.initial_level, band.final_level)


def routing(rules: Iterable[Rule], *, amount_cents: int, grade: str, exception: bool) -> Needed:
    """Whom a case is handed to: as `needed`, or, where nobody may approve that much, for the most somebody may.

    A case that cannot be approved at all still needs somebody to decline it: the lowest pair.
    """
    try:
        name = column(grade, exception)
    except NobodyMayApprove:
        return Needed(1, 2)
    allowed = [rule for rule in rules if rule.column == name and rule.initial_level is not None]
    if not allowed:
        return Needed(1, 2)
    most = max(rule.amount_to_cents for rule in allowed)
    return needed(allowed, amount_cents=min(amount_cents, most), grade=grade, exception=exception)


def check(required: Needed, *, initial_level: int | None, final_level: int | None) -> None:
    """Raises OverAuthority unless the reviewers' levels suffice; a reviewer who did not take part is None."""
    if initial_level is None or initial_level < required.initial_level:
        raise OverAuthority(
            f"The initial review of this approval needs R{required.initial_level}.", needs=required.initial_level
        )
    if required.final_level is not None and (final_level is None or final_level < required.final_level):
        raise OverAuthority(f"This approval needs R{required.final_level}.", needs=required.final_level)


# --- a matrix as a whole ----------------------------------------------------------------------------------------------


def words(initial_level: int | None, final_level: int | None) -> str:
    """A cell as people write it: "R1 + R2", "R1 alone", "not allowed"."""
    if initial_level is None:
        return "not allowed"
    return f"R{initial_level} + R{final_level}" if final_level else f"R{initial_level} alone"


def levels(text: str) -> tuple[int | None, int | None]:
    """The cell that `words` writes so. Raises KeyError for another word."""
    if text == "not allowed":
        return None, None
    first, _, second = text.removesuffix(" alone").partition(" + ")
    return LEVELS[first], LEVELS[second] if second else None


def cell_choices() -> tuple[str, ...]:
    """Every cell there can be: refused, one level alone, and two levels of which the second is not the lower."""
    ranks = sorted(LEVELS.values())
    pairs = ((first, second) for first in ranks for second in ranks if second >= first)
    return ("not allowed", *(words(rank, None) for rank in ranks), *(words(*pair) for pair in pairs))


def faults(rules: Iterable[Rule]) -> dict[str, str]:
    """What is wrong with a matrix, by field; {} for one that can be in force.

    Every column has a cell for every band, and in a column nothing that is refused for less is allowed for more.
    """
    rules = list(rules)
    bands = sorted({rule.amount_to_cents for rule in rules})
    found = {} if bands else {"bands": "at least one"}
    if bands and bands[0] <= 0:
        found["bands"] = "above zero"
    for name in sorted({*COLUMNS.values(), EXCEPTION}):
        cells = {rule.amount_to_cents: rule for rule in rules if rule.column == name}
        if set(cells) != set(bands):
            found[name] = "a cell for every amount"
            continue
        refused = [band for band in bands if cells[band].initial_level is None]
        if refused and any(cells[band].initial_level is not None for band in bands if band > refused[0]):
            found[name] = "refused for less, allowed for more"
    return found


def differences(before: Iterable[Rule], after: Iterable[Rule]) -> tuple[tuple[str, int, str, str], ...]:
    """What a version changes: (column, amount up to in cents, before, after) in words; a band that one of the two does
    not have is "-" there."""
    old = {(rule.column, rule.amount_to_cents): words(rule.initial_level, rule.final_level) for rule in before}
    new = {(rule.column, rule.amount_to_cents): words(rule.initial_level, rule.final_level) for rule in after}
    return tuple(
        (*key, old.get(key, "-"), new.get(key, "-"))
        for key in sorted({*old, *new})
        if old.get(key, "-") != new.get(key, "-")
    )
