"""Which template applies: channel x funder x product x mode x date must leave exactly one. Pure.

There is no "most specific wins": two that fit are an error of the configuration, found when the second is approved
(`overlapping`) and again when one is chosen.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from lending.common.errors import Conflict


class NoTemplate(Conflict):
    code, title = "no_template", "No contract template is in force for this loan"


class AmbiguousTemplate(Conflict):
    """Data `templates`: the ones that fit."""

    code, title = "ambiguous_template", "More than one contract template is in force for this loan"


@dataclass(frozen=True, slots=True)
class Selector:
    """What a template is for. None fits everything; `valid_to` is the last day, None without end."""

    id: int
    name: str
    kind: str
    channel: str | None
    funder: str | None
    product: str | None
    mode: str | None
    valid_from: date
    valid_to: date | None

    def fits(self, *, kind: str, channel: str, funder: str, product: str, mode: str, on: date) -> bool:
        asked = ((self.channel, channel), (self.funder, funder), (self.product, product), (self.mode, mode))
        return (
            self.kind == kind
            and all(own is None or own == other for own, other in asked)
            and self.valid_from <= on
            and (self.valid_to is None or on <= self.valid_to)
        )


def choose(
    selectors: Sequence[Selector], *, kind: str, channel: str, funder: str, product: str, mode: str, on: date
) -> Selector:
    """The one that fits. Raises NoTemplate, AmbiguousTemplate."""
    where = {"kind": kind, "channel": channel, "funder": funder, "product": product, "mode": mode}
    fitting = [one for one in selectors if one.fits(**where, on=on)]
    said = ", ".join(f"{name} {value}" for name, value in where.items()) + f" on {on}"
    if not fitting:
        raise NoTemplate(f"No template for {said}.", **where)
    if len(fitting) > 1:
        names = sorted(one.name for one in fitting)
        raise AmbiguousTemplate(f"{' and '.join(names)} are both for {said}.", templates=names, **where)
    return fitting[0]


def overlapping(new: Selector, others: Iterable[Selector]) -> list[Selector]:
    """Those of `others` that some loan on some day could fit together with `new`."""

    def meet(one: str | None, other: str | None) -> bool:
        return one is None or other is None or one == other

    return [
        old
        for old in others
        if old.id != new.id
        and old.kind == new.kind
        and meet(old.channel, new.channel)
        and meet(old.funder, new.funder)
        and meet(old.product, new.product)
        and meet(old.mode, new.mode)
        and (old.valid_to is None or new.valid_from <= old.valid_to)
        and (new.valid_to is None or old.valid_from <= new.valid_to)
    ]
