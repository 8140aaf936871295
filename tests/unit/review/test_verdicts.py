"""What two people may say, and what becomes of it."""

from decimal import Decimal

import pytest

from lending.common.errors import DomainError, Invalid
from lending.rules.terms import Terms
from lending.services import applications, supplements
from review import queries, services
from review.models import Case, CaseAction
from review.rules import authority
from review.services import gate, verdicts
from tests.factories.applications import judged
from tests.factories.authority import put_in_force
from tests.unit.review.conftest import Desk

ITEMS = [("income_proof", "请提供近三个月工资流水")]


def last(case_id: int) -> CaseAction:
    return CaseAction.objects.filter(case_id=case_id).order_by("-id")[0]


class TestRecommend:
    def test_passes_the_case_on_and_leaves_the_application_in_review(self, desk: Desk) -> None:
        case_id = desk.at_final()
        case = desk.row(case_id)
        assert (case.recommendation, case.initial_reviewer_id) == ("approve", desk.staff["chen"])
        assert (case.queue.code, case.claimed_by_id, case.outcome) == ("FIN-STD", None, "")
        assert case.application.status == "REFERRED"

    @pytest.mark.parametrize(("reasons", "ends"), [(("F04",), True), (("S03", "H02"), True), (("S03", "P02"), False)])
    def test_declines_alone_only_for_a_hard_reason(self, desk: Desk, reasons: tuple[str, ...], ends: bool) -> None:
        case_id = desk.open()
        desk.claim("chen")
        desk.recommend(case_id, "chen", "decline", reasons)
        assert desk.application(case_id).status == ("DECLINED" if ends else "REFERRED")
        assert desk.row(case_id).outcome == ("decline" if ends else "")
        if ends:
            assert desk.application(case_id).reasons == list(reasons)

    def test_grants_alone_where_the_matrix_says_r1_alone(self, desk: Desk) -> None:
        case_id = desk.open(grade="A", amount_cents=500_000)
        desk.claim("chen")
        desk.recommend(case_id, "chen")
        application = desk.application(case_id)
        assert (application.status, application.decided_cents) == ("GRANTED", 500_000)
        assert desk.row(case_id).outcome == "approve"
        assert last(case_id).changes["alone"] is True

    def test_never_grants_alone_one_step_above_it(self, desk: Desk) -> None:
        case_id = desk.open(grade="A", amount_cents=510_000)
        desk.claim("chen")
        desk.recommend(case_id, "chen")
        assert desk.application(case_id).status == "REFERRED"

    @pytest.mark.parametrize("reasons", [(), ("ZZZ",), ("S03", "V01")])
    @pytest.mark.parametrize("outcome", ["decline"])
    def test_wants_codes_that_exist(self, desk: Desk, outcome: str, reasons: tuple[str, ...]) -> None:
        case_id = desk.open()
        desk.claim("chen")
        with pytest.raises((gate.ReasonNeeded, gate.UnknownCode)):
            desk.recommend(case_id, "chen", outcome, reasons)
        assert desk.row(case_id).status == "IN_INITIAL"

    def test_an_approval_says_what_was_verified_or_overruled(self, desk: Desk) -> None:
        case_id = desk.open()
        desk.claim("chen")
        for reasons in ((), ("Q01",), ("nope",)):
            with pytest.raises((gate.ReasonNeeded, gate.UnknownCode)):
                desk.recommend(case_id, "chen", "approve", reasons)
        with pytest.raises(verdicts.UnknownOutcome):
            desk.recommend(case_id, "chen", "perhaps")
        desk.recommend(case_id, "chen", "approve", ("V01", "S03"))
        assert last(case_id).reasons == ["V01", "S03"]


class TestDecide:
    def test_grants_at_the_offer(self, desk: Desk) -> None:
        case_id = desk.in_final()
        desk.decide(case_id, "zhao")
        application, case = desk.application(case_id), desk.row(case_id)
        assert (application.status, application.decided_cents, application.decided_months) == ("GRANTED", 1_000_000, 12)
        assert (case.outcome, case.final_reviewer_id, case.claimed_by_id) == ("approve", desk.staff["zhao"], None)
        assert last(case_id).changes["authority_version"] == 1
        event = application.events.first()
        assert (event.target, event.actor) == ("GRANTED", f"staff:{desk.staff['zhao']}")

    def test_lowers_amount_and_term_and_keeps_both_figures(self, desk: Desk) -> None:
        case_id = desk.in_final()
        desk.decide(case_id, "zhao", reasons=("V05",), terms=Terms(600_000, 6, Decimal("0.18")))
        application = desk.application(case_id)
        assert (application.decided_cents, application.decided_months) == (600_000, 6)
        assert last(case_id).changes["amount_cents"] == [1_000_000, 600_000]
        assert last(case_id).changes["months"] == [12, 6]

    @pytest.mark.parametrize(
        ("terms", "error"),
        [
            (Terms(1_000_100, 12, Decimal("0.18")), applications.OverOffer),
            (Terms(0, 12, Decimal("0.18")), applications.OverOffer),
            (Terms(1_000_000, 24, Decimal("0.18")), Invalid),
            (Terms(1_000_000, 7, Decimal("0.18")), Invalid),
            (Terms(1_000_000, 12, Decimal("0.179")), applications.PriceChanged),
            (Terms(1_000_000, 12, Decimal("0.20")), applications.PriceChanged),
        ],
    )
    def test_never_above_the_offer_and_never_at_another_price(
        self, desk: Desk, terms: Terms, error: type[DomainError]
    ) -> None:
        case_id = desk.in_final()
        with pytest.raises(error):
            desk.decide(case_id, "zhao", terms=terms)

    def test_not_above_the_machine_s_offer_where_more_was_asked(self, desk: Desk) -> None:
        case_id = desk.in_final(offer_cents=800_000)
        with pytest.raises(applications.OverOffer):
            desk.decide(case_id, "zhao", terms=Terms(900_000, 12, Decimal("0.18")))
        desk.decide(case_id, "zhao")
        assert desk.application(case_id).decided_cents == 800_000

    def test_declines_with_reasons_and_a_time_to_come_back(self, desk: Desk) -> None:
        case_id = desk.in_final()
        desk.decide(case_id, "zhao", "decline", ("S03", "S05"))
        application = desk.application(case_id)
        assert (application.status, application.reasons) == ("DECLINED", ["S03", "S05"])
        assert (application.reapply_at - desk.clock.at).days == 90

    def test_refuses_a_verdict_after_the_borrower_withdrew(self, desk: Desk) -> None:
        case_id = desk.in_final()
        application = desk.application(case_id)
        applications.withdraw(application_id=application.pk, by=f"user:{application.user_id}", at=desk.clock.at)
        for outcome, reasons in (("approve", ("V01",)), ("decline", ("S03",))):
            with pytest.raises(gate.ApplicationLeft):
                desk.decide(case_id, "zhao", outcome, reasons)
        assert services.close_case(application_id=application.pk, at=desk.clock.at)
        assert desk.row(case_id).outcome == "void"
        assert desk.application(case_id).status == "WITHDRAWN"

    def test_cannot_approve_where_there_is_no_offer(self, desk: Desk) -> None:
        case_id = desk.open(with_offer=False, grade="", reasons=("N01",))
        assert desk.claim("chen") == case_id
        with pytest.raises(verdicts.NoOffer):
            desk.recommend(case_id, "chen")
        desk.recommend(case_id, "chen", "decline", ("N01",))
        assert desk.claim("zhao") == case_id
        desk.decide(case_id, "zhao", "decline", ("N01",))
        assert desk.application(case_id).status == "DECLINED"


# grade, yuan, hits -> initial and final reviewer who may, and a final reviewer who may not
AUTHORITY = [
    ("B", 20_000, ("S03",), "chen", "zhao", None),
    ("B", 30_000, ("S03",), "chen", "sun", "zhao"),
    ("B", 50_000, ("S03",), "chen", "qian", "zhao"),
    ("D", 5_000, ("S03",), "chen", "zhao", None),
    ("D", 20_000, ("S03",), "zhao", "sun", None),
    ("C", 5_000, ("P01",), "zhao", "sun", None),
    ("C", 50_000, ("P01",), "sun", "qian", "zhao"),
]


class TestAuthority:
    @pytest.mark.parametrize(("grade", "yuan", "hits", "initial", "final", "below"), AUTHORITY)
    def test_the_pair_of_the_matrix_grants_and_who_is_below_never_gets_the_case(
        self, desk: Desk, grade: str, yuan: int, hits: tuple[str, ...], initial: str, final: str, below: str | None
    ) -> None:
        case_id = desk.at_final(initial, grade=grade, amount_cents=yuan * 100, reasons=hits)
        if below:
            assert desk.claim(below) is None
        assert desk.claim(final) == case_id
        assert desk.row(case_id).is_exception == (hits == ("P01",))
        flags = tuple(code for code in hits if code.startswith("P"))
        desk.decide(case_id, final, reasons=("V03", *flags))
        assert desk.application(case_id).status == "GRANTED"

    def test_a_case_held_below_its_authority_is_not_approved_but_may_be_escalated(self, desk: Desk) -> None:
        case_id = desk.in_final()
        put_in_force(desk.clock.at, C_20000=(1, 4))
        with pytest.raises(authority.OverAuthority):
            desk.decide(case_id, "zhao")
        desk.act("escalate", case_id, "zhao", reasons=["X01"])
        assert desk.row(case_id).level_needed == 3
        assert desk.claim("zhao") is None
        assert desk.claim("qian") == case_id
        desk.decide(case_id, "qian")
        assert last(case_id).changes["authority_version"] == 2

    def test_what_nobody_may_approve_is_granted_only_lower(self, desk: Desk) -> None:
        case_id = desk.in_final("sun", "zhao", grade="D", amount_cents=3_000_000)
        with pytest.raises(authority.NobodyMayApprove):
            desk.decide(case_id, "sun")
        desk.decide(case_id, "sun", reasons=("V05",), terms=Terms(2_000_000, 12, Decimal("0.204")))
        assert desk.application(case_id).decided_cents == 2_000_000

    def test_an_initial_reviewer_below_the_matrix_cannot_recommend_approval(self, desk: Desk) -> None:
        case_id = desk.open()
        desk.claim("chen")
        put_in_force(desk.clock.at, C_20000=(2, 4))
        with pytest.raises(authority.OverAuthority):
            desk.recommend(case_id, "chen")

    def test_nobody_at_the_top_escalates(self, desk: Desk) -> None:
        case_id = desk.in_final("qian")
        with pytest.raises(authority.OverAuthority):
            desk.act("escalate", case_id, "qian", reasons=["X01"])


class TestSupplement:
    def test_stops_the_clock_and_comes_back_to_the_same_reviewer_in_the_same_round(self, desk: Desk) -> None:
        case_id = desk.open()
        desk.clock.move(minutes=10)
        desk.claim("chen")
        due = desk.row(case_id).due_at
        desk.act("request_supplement", case_id, "chen", items=ITEMS, reasons=["Q01"], note="see the bank statement")
        application = desk.application(case_id)
        assert (application.status, desk.row(case_id).status) == ("SUPPLEMENT", "SUPPLEMENT")

        desk.clock.move(minutes=90)
        answer = {"income_proof": "每月12000元"}
        by = f"user:{application.user_id}"
        supplements.answer(application_id=application.pk, texts=answer, files={}, by=by, at=desk.clock.at)
        assert services.open_or_resume_case(application_id=application.pk, at=desk.clock.at) == case_id

        case = desk.row(case_id)
        assert (case.status, case.round, Case.objects.count()) == ("WAITING_INITIAL", 1, 1)
        assert (case.due_at - due).total_seconds() == 90 * 60
        assert desk.claim("wu") is None
        assert desk.claim("chen") == case_id

    def test_goes_to_anybody_once_it_is_at_risk(self, desk: Desk) -> None:
        case_id = desk.open()
        desk.claim("chen")
        desk.act("request_supplement", case_id, "chen", items=ITEMS, reasons=["Q01"])
        application = desk.application(case_id)
        by = f"user:{application.user_id}"
        supplements.answer(
            application_id=application.pk, texts={"income_proof": "有"}, files={}, by=by, at=desk.clock.at
        )
        services.open_or_resume_case(application_id=application.pk, at=desk.clock.at)
        desk.clock.move(minutes=39)
        assert desk.claim("wu") is None
        desk.clock.move(minutes=1)
        assert desk.claim("wu") == case_id

    def test_at_the_final_stage_comes_back_to_the_final_reviewer(self, desk: Desk) -> None:
        case_id = desk.in_final()
        desk.act("request_supplement", case_id, "zhao", items=ITEMS, reasons=["Q01"])
        application = desk.application(case_id)
        by = f"user:{application.user_id}"
        supplements.answer(
            application_id=application.pk, texts={"income_proof": "有"}, files={}, by=by, at=desk.clock.at
        )
        services.open_or_resume_case(application_id=application.pk, at=desk.clock.at)
        assert desk.claim("sun") is None
        assert desk.claim("zhao") == case_id
        desk.decide(case_id, "zhao")
        assert desk.application(case_id).status == "GRANTED"

    def test_with_nothing_asked_or_a_foreign_code_changes_nothing(self, desk: Desk) -> None:
        case_id = desk.open()
        desk.claim("chen")
        with pytest.raises(Invalid):
            desk.act("request_supplement", case_id, "chen", items=[], reasons=["Q01"])
        with pytest.raises(gate.UnknownCode):
            desk.act("request_supplement", case_id, "chen", items=ITEMS, reasons=["S03"])
        assert desk.application(case_id).status == "REFERRED"


class TestReturnToInitial:
    def test_goes_to_who_verified_it_and_then_back_to_who_sent_it(self, desk: Desk) -> None:
        case_id = desk.in_final()
        desk.act("return_to_initial", case_id, "zhao", reasons=["T01"], note="call the employer")
        assert desk.claim("wu") is None
        assert desk.claim("zhao", "INI-STD") is None
        assert desk.claim("chen") == case_id
        desk.recommend(case_id, "chen")
        assert desk.claim("sun") is None
        assert desk.claim("zhao") == case_id
        desk.decide(case_id, "zhao")
        assert desk.row(case_id).outcome == "approve"
        done = [row.action for row in queries.actions_of(case_id)]
        assert done == ["open", "claim", "recommend", "claim", "return", "claim", "recommend", "claim", "decide"]


class TestAppeal:
    def _appealed(self, desk: Desk) -> tuple[int, int]:
        """A case declined by chen and zhao, and the case of its appeal."""
        first = desk.in_final()
        desk.decide(first, "zhao", "decline", ("S03",))
        application = desk.application(first)
        applications.appeal(
            application_id=application.pk, reason="income rose", by=f"user:{application.user_id}", at=desk.clock.at
        )
        return first, services.open_or_resume_case(application_id=application.pk, at=desk.clock.at)

    def test_opens_a_new_round_that_starts_at_the_final_stage(self, desk: Desk) -> None:
        first, second = self._appealed(desk)
        case = desk.row(second)
        assert first != second
        assert (case.round, case.is_appeal, case.queue.code, case.status) == (2, True, "APPEAL", "WAITING_FINAL")
        assert desk.row(first).outcome == "decline"

    def test_is_never_given_to_who_decided_before(self, desk: Desk) -> None:
        _, second = self._appealed(desk)
        assert desk.claim("zhao") is None
        assert desk.claim("chen") is None
        assert desk.claim("sun") == second

    def test_upholds_the_decline_alone_but_needs_two_to_grant(self, desk: Desk) -> None:
        _, second = self._appealed(desk)
        desk.claim("sun")
        with pytest.raises(authority.OverAuthority):
            desk.decide(second, "sun")
        desk.act("return_to_initial", second, "sun", reasons=["T03"])
        assert desk.claim("chen") is None
        assert desk.claim("wu") == second
        desk.recommend(second, "wu")
        assert desk.row(second).queue.code == "APPEAL"
        assert desk.claim("sun") == second
        desk.decide(second, "sun")
        assert desk.application(second).status == "GRANTED"

    def test_of_a_machine_decline_is_its_first_case(self, desk: Desk) -> None:
        application_id = judged(desk.clock.at, "decline", grade="C")
        by = f"user:{desk.staff['lin']}"
        applications.appeal(application_id=application_id, reason="please look", by=by, at=desk.clock.at)
        case_id = services.open_or_resume_case(application_id=application_id, at=desk.clock.at)
        assert (desk.row(case_id).round, desk.row(case_id).queue.code) == (2, "APPEAL")
        assert desk.claim("zhao") == case_id
        desk.decide(case_id, "zhao", "decline", ("S03",))
        assert desk.application(case_id).status == "DECLINED"
