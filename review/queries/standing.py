"""Who did what on a case, and why an account may not act on it: the sentences instead of a missing button."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from lending.common.clock import local
from review.models import Attention, Case, CaseOutcome, Mode, Stage
from review.models.case import MAX_OPEN_CASES, WAITING, CaseStatus
from review.models.people import Relation
from review.queries.cases import CaseView
from review.rules import authority
from review.services import eligibility, placing
from users import queries as users


@dataclass(frozen=True, slots=True)
class Standing:
    """Of one account before one case. `level` 0: no reviewer. `why_not` is empty for whoever holds the case and may
    act on it. `conflict`: must not see the borrower's data."""

    level: int
    holds: bool
    why_not: tuple[str, ...]
    conflict: bool


@dataclass(frozen=True, slots=True)
class AuthorityFor:
    """Whom the matrix asks for at an amount. `final_level` None: the initial reviewer alone; `refused`: nobody may."""

    version: int
    initial_level: int
    final_level: int | None
    refused: str


def authority_for(case_id: int, amount_cents: int) -> AuthorityFor:
    """Of a case as it stands now."""
    case = Case.objects.get(pk=case_id)
    version, rules = placing.authority_rules()
    try:
        found = authority.needed(rules, amount_cents=amount_cents, grade=case.grade, exception=case.is_exception)
    except authority.NobodyMayApprove as error:
        return AuthorityFor(version, 0, None, error.detail or str(error.title))
    return AuthorityFor(version, found.initial_level, found.final_level, "")


# The very conditions of the claim, each on its own.
ASK = f"""
WITH me AS ({eligibility.PEOPLE} AND r.user_id = %(by)s GROUP BY r.id)
SELECT me.level, me.on_duty_since, q.mode, q.skill, c.held_for_id, c.held_until, c.resume_at,
       (SELECT count(*) FROM review_case o WHERE o.claimed_by_id = me.user_id) AS load,
       (SELECT k.until FROM review_skip k WHERE k.case_id = c.id AND k.reviewer_id = me.user_id) AS skipped_until,
       (SELECT x.relation FROM review_recusal x
        WHERE x.reviewer_id = me.user_id AND x.borrower_id = c.borrower_id) AS relation,
       {", ".join(f"{met} AS met_{name}" for name, met in eligibility.CONDITIONS.items())}
FROM review_case c JOIN review_queue q ON q.id = c.queue_id LEFT JOIN me ON true
WHERE c.id = %(case)s
"""  # noqa: S608  built of this package's constants

# Who holds a case keeps it without its queue's skill, language or membership; these stop them, too.
STOP_THE_HOLDER = ("stage", "level", "did_initial", "did_final", "recused", "edited", "earlier_round")
# And these keep an account from what is the borrower's own.
CONFLICTS = ("recused", "edited")


def standing(case: CaseView, user_id: int, at: datetime) -> Standing:
    """Reads only; the services decide again."""
    found, holds = _asked(case.id, user_id, at), case.claimed_by_id == user_id
    level = found["level"] or 0
    failed = [name for name in eligibility.CONDITIONS if level and not found[f"met_{name}"]]
    why = [*_of_the_account(case, found, failed, holds), *([] if holds else _of_the_case(case, found, user_id, at))]
    if level and not holds and case.status in WAITING and not failed:
        why += _how_to_get_it(case, found, user_id)
    return Standing(level, holds, tuple(why), any(name in CONFLICTS for name in failed))


def _asked(case_id: int, user_id: int, at: datetime) -> dict[str, Any]:
    values: dict[str, Any] = {"by": user_id, "case": case_id, "at": at}
    with connection.cursor() as cursor:
        cursor.execute(ASK, values | eligibility.groups())
        names = [column.name for column in cursor.description or ()]
        return dict(zip(names, cursor.fetchone() or (), strict=True))


def _of_the_account(case: CaseView, found: Mapping[str, Any], failed: list[str], holds: bool) -> Iterator[str]:
    if case.status == CaseStatus.CLOSED:
        return
    if not found["level"]:
        yield "This account does not review: it reads."
        return
    said = _sentences(case, found)
    yield from (said[name] for name in failed if said[name] and (name in STOP_THE_HOLDER or not holds))


def _sentences(case: CaseView, found: Mapping[str, Any]) -> dict[str, str]:
    """For each condition of the claim that is not met; "" where the state of the case says it."""
    relation = Relation(found["relation"]).label if found["relation"] else ""
    return {
        "stage": "You review at the initial stage; this case is at the final stage.",
        "did_initial": "You did the initial review: another person must decide.",
        "did_final": "You sent it back to the initial stage: another person must verify it.",
        "earlier_round": "You took part in an earlier round: an appeal is looked at by others.",
        "recused": f"You never get this borrower's cases: {relation}.",
        "edited": "You edited the data of this borrower: another person must review it.",
        "level": f"This case needs R{case.level_needed}; you are R{found['level']}.",
        "skill": f"The queue {case.queue} needs the skill “{found['skill']}”, which you do not have.",
        "member": f"The queue {case.queue} has its own members, and you are not one of them.",
        "language": f"The borrower's language is “{case.language}”, which you do not review in.",
        "skipped": f"You passed this case on until {_at(found['skipped_until'])}.",
        "kept": "",
    }


def _of_the_case(case: CaseView, found: Mapping[str, Any], user_id: int, at: datetime) -> Iterator[str]:
    kept = found["held_until"] is not None and found["held_until"] > at and found["held_for_id"] != user_id
    match case.status:
        case CaseStatus.CLOSED:
            yield f"Closed on {_at(case.closed_at)}: {CaseOutcome(case.outcome).label}."
        case CaseStatus.SUPPLEMENT:
            yield "The borrower was asked for documents. The clock stands until they are here."
        case CaseStatus.SUSPENDED:
            yield f"Suspended until {_at(found['resume_at'])}. The clock runs on."
        case status if status in WAITING and kept:
            yield f"Kept for {_name(found['held_for_id'])}, who knows it, until {_at(found['held_until'])}."
        case status if status in WAITING and found["mode"] == Mode.DISPATCH:
            yield f"Nobody holds it. Cases of {case.queue} are dealt out to the least loaded on duty."
        case status if status in WAITING:
            yield "Nobody holds it. “Next case” hands out the most urgent one."
        case _:
            yield f"{_name(case.claimed_by_id)} holds it until {_at(case.leased_until)}."


def _how_to_get_it(case: CaseView, found: Mapping[str, Any], user_id: int) -> Iterator[str]:
    """What a reviewer who may have it must still do."""
    if found["load"] >= MAX_OPEN_CASES:
        yield "Five cases are open on your desk: finish or give back one first."
    if found["mode"] == Mode.DISPATCH:
        if found["on_duty_since"] is None:
            yield "You are off duty: nothing is dealt out to you."
    elif (
        case.stage == Stage.INITIAL
        and found["level"] > case.level_needed
        and found["held_for_id"] != user_id
        and case.attention < Attention.BREACHED
    ):
        yield f"“Next case” leaves it to R{case.level_needed}: choose the queue {case.queue} to be offered it."


def _name(user_id: int | None) -> str:
    return users.actor_name(f"staff:{user_id}") if user_id else "Nobody"


def _at(at: datetime | None) -> str:
    return f"{local(at):%Y-%m-%d %H:%M}" if at else "-"
