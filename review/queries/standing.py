"""Who did what on a case, and why an account may not act on it: the sentences instead of a missing button."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from lending.common.clock import local
from review.models import Attention, Case, Mode, Stage
from review.models.case import MAX_OPEN_CASES, WAITING, CaseStatus
from review.models.people import Relation
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
SELECT me.level, me.on_duty_since,
       (SELECT count(*) FROM review_case o WHERE o.claimed_by_id = me.user_id) AS load,
       (SELECT k.until FROM review_skip k WHERE k.case_id = c.id AND k.reviewer_id = me.user_id) AS skipped_until,
       (SELECT x.relation FROM review_recusal x
        WHERE x.reviewer_id = me.user_id AND x.borrower_id = c.borrower_id) AS relation,
       {", ".join(f"{met} AS met_{name}" for name, met in eligibility.CONDITIONS.items())}
FROM review_case c JOIN review_queue q ON q.id = c.queue_id CROSS JOIN me
WHERE c.id = %(case)s
"""  # noqa: S608  built of this package's constants

# Who holds a case keeps it without its queue's skill, language or membership; these stop them, too.
STOP_THE_HOLDER = ("stage", "level", "did_initial", "did_final", "recused", "edited", "earlier_round")
# And these keep an account from what is the borrower's own.
CONFLICTS = ("recused", "edited")


def standing(case_id: int, user_id: int, at: datetime) -> Standing:
    """Reads only; the services decide again."""
    case = Case.objects.select_related("queue").get(pk=case_id)
    mine, holds = _mine(case_id, user_id, at), case.claimed_by_id == user_id
    failed = [name for name in eligibility.CONDITIONS if mine and not mine[f"met_{name}"]]
    why = [*_of_the_account(case, mine, failed, holds), *([] if holds else _of_the_case(case, user_id, at))]
    if mine and not holds and case.status in WAITING and not failed:
        why += _how_to_get_it(case, mine, user_id)
    conflict = any(name in CONFLICTS for name in failed)
    return Standing(mine["level"] if mine else 0, holds, tuple(why), conflict)


def _mine(case_id: int, user_id: int, at: datetime) -> dict[str, Any] | None:
    """None for an account that does not review."""
    values: dict[str, Any] = {"by": user_id, "case": case_id, "at": at}
    with connection.cursor() as cursor:
        cursor.execute(ASK, values | eligibility.groups())
        row = cursor.fetchone()
        names = [column.name for column in cursor.description or ()]
    return dict(zip(names, row, strict=True)) if row else None


def _of_the_account(case: Case, mine: Mapping[str, Any] | None, failed: list[str], holds: bool) -> Iterator[str]:
    if case.status == CaseStatus.CLOSED:
        return
    if mine is None:
        yield "This account does not review: it reads."
        return
    said = _sentences(case, mine)
    yield from (said[name] for name in failed if said[name] and (name in STOP_THE_HOLDER or not holds))


def _sentences(case: Case, mine: Mapping[str, Any]) -> dict[str, str]:
    """For each condition of the claim that is not met; "" where the state of the case says it."""
    relation = Relation(mine["relation"]).label if mine["relation"] else ""
    return {
        "stage": "You review at the initial stage; this case is at the final stage.",
        "did_initial": "You did the initial review: another person must decide.",
        "did_final": "You sent it back to the initial stage: another person must verify it.",
        "earlier_round": "You took part in an earlier round: an appeal is looked at by others.",
        "recused": f"You never get this borrower's cases: {relation}.",
        "edited": "You edited the data of this borrower: another person must review it.",
        "level": f"This case needs R{case.level_needed}; you are R{mine['level']}.",
        "skill": f"The queue {case.queue.code} needs the skill “{case.queue.skill}”, which you do not have.",
        "member": f"The queue {case.queue.code} has its own members, and you are not one of them.",
        "language": f"The borrower's language is “{case.language}”, which you do not review in.",
        "skipped": f"You passed this case on until {_at(mine['skipped_until'])}.",
        "kept": "",
    }


def _of_the_case(case: Case, user_id: int, at: datetime) -> Iterator[str]:
    match case.status:
        case CaseStatus.CLOSED:
            yield f"Closed on {_at(case.closed_at)}: {case.get_outcome_display()}."
        case CaseStatus.SUPPLEMENT:
            yield "The borrower was asked for documents. The clock stands until they are here."
        case CaseStatus.SUSPENDED:
            yield f"Suspended until {_at(case.resume_at)}. The clock runs on."
        case status if status in WAITING and case.held_until and case.held_until > at and case.held_for_id != user_id:
            yield f"Kept for {_name(case.held_for_id)}, who knows it, until {_at(case.held_until)}."
        case status if status in WAITING and case.queue.mode == Mode.DISPATCH:
            yield f"Nobody holds it. Cases of {case.queue.code} are dealt out to the least loaded on duty."
        case status if status in WAITING:
            yield "Nobody holds it. “Next case” hands out the most urgent one."
        case _:
            yield f"{_name(case.claimed_by_id)} holds it until {_at(case.leased_until)}."


def _how_to_get_it(case: Case, mine: Mapping[str, Any], user_id: int) -> Iterator[str]:
    """What a reviewer who may have it must still do."""
    if mine["load"] >= MAX_OPEN_CASES:
        yield "Five cases are open on your desk: finish or give back one first."
    if case.queue.mode == Mode.DISPATCH:
        if mine["on_duty_since"] is None:
            yield "You are off duty: nothing is dealt out to you."
    elif (
        case.stage == Stage.INITIAL
        and mine["level"] > case.level_needed
        and case.held_for_id != user_id
        and case.attention < Attention.BREACHED
    ):
        yield f"“Next case” leaves it to R{case.level_needed}: choose the queue {case.queue.code} to be offered it."


def _name(user_id: int | None) -> str:
    return users.actor_name(f"staff:{user_id}") if user_id else "Nobody"


def _at(at: datetime | None) -> str:
    return f"{local(at):%Y-%m-%d %H:%M}" if at else "-"
