"""Which queue a case waits in, by its facts: the first routing rule of its stage that fits."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

MARKS = ("grey", "exception", "appeal")


class NoQueue(ValueError):
    """No rule fits: the routing table lacks a last rule without conditions."""


@dataclass(frozen=True)
class Facts:
    """What of a case decides its queue. `marks`: which of MARKS it carries."""

    family: str
    channel: str
    language: str
    amount_cents: int
    grade: str
    reasons: Collection[str]
    marks: Collection[str]


@dataclass(frozen=True)
class Rule:
    """An empty column fits everything; `over_cents` fits what is more; one of `reasons` is enough."""

    queue: str
    stage: str
    families: Collection[str] = ()
    channels: Collection[str] = ()
    grades: Collection[str] = ()
    languages: Collection[str] = ()
    reasons: Collection[str] = ()
    over_cents: int | None = None
    mark: str = ""

    def fits(self, facts: Facts) -> bool:
        wanted = (
            (self.families, facts.family),
            (self.channels, facts.channel),
            (self.grades, facts.grade),
            (self.languages, facts.language),
        )
        return (
            all(not column or value in column for column, value in wanted)
            and (not self.reasons or bool(set(self.reasons) & set(facts.reasons)))
            and (self.over_cents is None or facts.amount_cents > self.over_cents)
            and (not self.mark or self.mark in facts.marks)
        )


def pick(rules: Iterable[Rule], *, stage: str, facts: Facts) -> str:
    """The code of the queue. Raises NoQueue."""
    for rule in rules:
        if rule.stage == stage and rule.fits(facts):
            return rule.queue
    raise NoQueue(f"No routing rule of the {stage} stage fits {facts}.")
