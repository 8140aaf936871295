"""Every state of a case × every action × every role, in one table; what is not in it is refused and changes nothing."""

import itertools
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import transaction

from lending.common.errors import DomainError
from review import services
from review.models import Case, CaseAction, CaseStatus
from review.services.gate import CaseMoved
from tests.unit.review.conftest import Desk

S = CaseStatus

# chen (R1) verifies and zhao (R2) decides. `lead` has done nothing yet, `other` is a second R1, `outsider` an analyst.
ROLES = {"initial": "chen", "final": "zhao", "lead": "sun", "other": "wu", "outsider": "lin"}


def _claim(desk: Desk, case_id: int, who: str) -> None:
    if desk.claim(who, desk.view(case_id).queue) is None:
        raise CaseMoved


ITEMS = [("income_proof", "工资流水")]
ACTIONS: dict[str, Callable[[Desk, int, str], object]] = {
    "claim": _claim,
    "recommend approve": lambda desk, case, who: desk.recommend(case, who),
    "recommend decline": lambda desk, case, who: desk.recommend(case, who, "decline", ("S03",)),
    "decline alone": lambda desk, case, who: desk.recommend(case, who, "decline", ("F04",)),
    "decide approve": lambda desk, case, who: desk.decide(case, who),
    "decide decline": lambda desk, case, who: desk.decide(case, who, "decline", ("S03",)),
    "supplement": lambda desk, case, who: desk.act("request_supplement", case, who, items=ITEMS, reasons=["Q01"]),
    "return": lambda desk, case, who: desk.act("return_to_initial", case, who, reasons=["T01"]),
    "escalate": lambda desk, case, who: desk.act("escalate", case, who, reasons=["X02"]),
    "amount": lambda desk, case, who: desk.act("change_amount", case, who, amount_cents=600_000, reasons=["U01"]),
    "suspend": lambda desk, case, who: desk.act(
        "suspend", case, who, reasons=["W01"], until=desk.clock.at + timedelta(hours=1)
    ),
    "resume": lambda desk, case, who: desk.act("resume", case, who),
    "release": lambda desk, case, who: desk.act("release_lease", case, who, reasons=["L01"]),
    "skip": lambda desk, case, who: desk.act("skip", case, who, reasons=["J01"]),
    "recuse": lambda desk, case, who: desk.act("recuse", case, who, reasons=["K02"]),
}

# (state, action, role) -> the state after it.
TABLE: dict[tuple[str, str, str], str] = {
    (S.WAITING_INITIAL, "claim", "initial"): S.IN_INITIAL,
    (S.WAITING_INITIAL, "claim", "other"): S.IN_INITIAL,
    (S.WAITING_INITIAL, "claim", "final"): S.IN_INITIAL,
    (S.WAITING_INITIAL, "claim", "lead"): S.IN_INITIAL,
    (S.IN_INITIAL, "recommend approve", "initial"): S.WAITING_FINAL,
    (S.IN_INITIAL, "recommend decline", "initial"): S.WAITING_FINAL,
    (S.IN_INITIAL, "decline alone", "initial"): S.CLOSED,
    (S.IN_INITIAL, "supplement", "initial"): S.SUPPLEMENT,
    (S.IN_INITIAL, "suspend", "initial"): S.SUSPENDED,
    (S.IN_INITIAL, "release", "initial"): S.WAITING_INITIAL,
    (S.IN_INITIAL, "release", "lead"): S.WAITING_INITIAL,
    (S.IN_INITIAL, "recuse", "initial"): S.WAITING_INITIAL,
    (S.IN_INITIAL, "escalate", "initial"): S.WAITING_INITIAL,
    (S.IN_INITIAL, "skip", "initial"): S.WAITING_INITIAL,
    (S.WAITING_FINAL, "claim", "final"): S.IN_FINAL,
    (S.WAITING_FINAL, "claim", "lead"): S.IN_FINAL,
    (S.IN_FINAL, "decide approve", "final"): S.CLOSED,
    (S.IN_FINAL, "decide decline", "final"): S.CLOSED,
    (S.IN_FINAL, "supplement", "final"): S.SUPPLEMENT,
    (S.IN_FINAL, "return", "final"): S.WAITING_INITIAL,
    (S.IN_FINAL, "escalate", "final"): S.WAITING_FINAL,
    (S.IN_FINAL, "amount", "final"): S.IN_FINAL,
    (S.IN_FINAL, "suspend", "final"): S.SUSPENDED,
    (S.IN_FINAL, "release", "final"): S.WAITING_FINAL,
    (S.IN_FINAL, "release", "lead"): S.WAITING_FINAL,
    (S.IN_FINAL, "recuse", "final"): S.WAITING_FINAL,
    (S.IN_FINAL, "skip", "final"): S.WAITING_FINAL,
    (S.SUSPENDED, "resume", "initial"): S.WAITING_INITIAL,
    (S.SUSPENDED, "resume", "lead"): S.WAITING_INITIAL,
}


def _brought_to(desk: Desk, state: str) -> int:
    if state == S.WAITING_INITIAL:
        return desk.open()
    if state == S.WAITING_FINAL:
        return desk.at_final()
    if state == S.IN_FINAL:
        return desk.in_final()
    if state == S.CLOSED:
        case_id = desk.in_final()
        desk.decide(case_id, "zhao")
        return case_id
    case_id = desk.open()
    desk.claim("chen")
    if state == S.SUPPLEMENT:
        ACTIONS["supplement"](desk, case_id, "chen")
    if state == S.SUSPENDED:
        ACTIONS["suspend"](desk, case_id, "chen")
    return case_id


@pytest.mark.parametrize("state", S.values)
class TestEveryActionOfEveryRole:
    def test_does_what_the_table_says_or_is_refused_without_a_trace(self, desk: Desk, state: str) -> None:
        case_id = _brought_to(desk, state)
        wrong = []
        for action, (role, who) in itertools.product(ACTIONS, ROLES.items()):
            expected = TABLE.get((state, action, role))
            written = CaseAction.objects.count()
            refused = False
            savepoint = transaction.savepoint()
            try:
                with transaction.atomic():
                    ACTIONS[action](desk, case_id, who)
            except DomainError:
                refused = True
            after = Case.objects.values_list("status", flat=True).get(pk=case_id)
            traced = CaseAction.objects.count() - written
            transaction.savepoint_rollback(savepoint)
            if (refused, after, traced) != (expected is None, expected or state, 0 if expected is None else 1):
                wrong.append((state, action, role, expected, "refused" if refused else after, traced))
        assert wrong == []

    def test_a_withdrawn_application_closes_it_once(self, desk: Desk, state: str) -> None:
        case_id = _brought_to(desk, state)
        application_id = desk.row(case_id).application_id
        closes = services.close_case(application_id=application_id, at=desk.clock.at)
        assert closes == (state != S.CLOSED)
        assert desk.row(case_id).status == S.CLOSED
        assert desk.row(case_id).outcome == ("approve" if state == S.CLOSED else "void")
        assert not services.close_case(application_id=application_id, at=desk.clock.at)


class TestTheMachine:
    def test_has_the_transitions_of_the_table_and_no_other(self) -> None:
        drawn = {
            (transition.source, transition.target)
            for transition in Case().get_all_status_transitions()  # type: ignore[attr-defined]
        }
        from_table = {(state, target) for (state, _, _), target in TABLE.items() if state != target}
        by_the_platform = {(state, S.CLOSED) for state in S if state != S.CLOSED}
        # resumed at the final stage, and after a supplement; a new appeal starts at the final stage
        elsewhere = {
            (S.SUPPLEMENT, S.WAITING_INITIAL),
            (S.SUPPLEMENT, S.WAITING_FINAL),
            (S.SUSPENDED, S.WAITING_FINAL),
            (S.WAITING_INITIAL, S.WAITING_FINAL),
        }
        assert drawn == from_table | by_the_platform | elsewhere
