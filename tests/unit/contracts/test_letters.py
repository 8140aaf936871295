"""What is issued after the payout, after a card change, and after the last instalment."""

import io
from typing import Any

import pytest
from pypdf import PdfReader

from contracts import queries, services
from contracts.models import Contract, Kind
from contracts.providers import sealing
from contracts.tasks import sweep
from lending import flow
from lending.common.clock import business_date
from lending.models import Loan
from lending.services import drawdowns, loans, repayments
from tests.unit.contracts.conftest import Desk, confirmed_card


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


class Paid:
    def __init__(self, desk: Desk) -> None:
        self.drawdown_id = desk.sealed()
        desk.clock.move(days=1)  # the payout is a day after the signature: due days move with it
        at = desk.clock.at
        drawdowns.disbursing(drawdown_id=self.drawdown_id, at=at)
        drawdowns.paid(drawdown_id=self.drawdown_id, paid_at=at, at=at)
        self.loan = Loan.objects.get(drawdown_id=self.drawdown_id)


@pytest.fixture
def paid(shipped: Desk) -> Paid:
    return Paid(shipped)


class TestIssueNote:
    def test_is_sealed_and_carries_the_final_schedule_from_the_actual_payout_day(
        self, shipped: Desk, paid: Paid
    ) -> None:
        note_id = services.issue_note(drawdown_id=paid.drawdown_id, loan_id=paid.loan.pk, at=shipped.clock.at)
        shipped.work()
        note = Contract.objects.get(pk=note_id)
        assert (note.state, note.loan_id, note.signature_id) == ("SEALED", paid.loan.pk, None)
        text = text_of(queries.pdf(note_id))
        assert paid.loan.value_date == business_date(shipped.clock.at)
        instalments = list(paid.loan.instalments.order_by("number"))
        for row in instalments:
            assert row.due_date.isoformat() in text
        for said in ("王建国", paid.loan.value_date.isoformat(), str(paid.loan.public_id), "¥10,000.00"):
            assert said in text, said
        plan = note.values["plan"]
        assert [row["interest_cents"] for row in plan] == [row.interest_cents for row in instalments]
        assert sum(row["principal_cents"] for row in plan) == paid.loan.principal_cents
        assert sealing.check(queries.pdf(note_id)).valid

    def test_asked_twice_is_issued_once(self, shipped: Desk, paid: Paid) -> None:
        ids = {
            services.issue_note(drawdown_id=paid.drawdown_id, loan_id=paid.loan.pk, at=shipped.clock.at)
            for _ in range(2)
        }
        assert len(ids) == 1

    def test_leaves_the_signed_set_complete(self, shipped: Desk, paid: Paid) -> None:
        services.issue_note(drawdown_id=paid.drawdown_id, loan_id=paid.loan.pk, at=shipped.clock.at)
        shipped.work()
        services.check_complete(drawdown_id=paid.drawdown_id)

    def test_refuses_the_loan_of_another_drawdown(self, shipped: Desk, paid: Paid) -> None:
        other = Paid(shipped)
        with pytest.raises(services.NotIssuable):
            services.issue_note(drawdown_id=paid.drawdown_id, loan_id=other.loan.pk, at=shipped.clock.at)


class TestIssueLetter:
    def test_only_once_the_loan_is_settled(self, shipped: Desk, paid: Paid) -> None:
        with pytest.raises(services.NotIssuable):
            services.issue_letter(loan_id=paid.loan.pk, at=shipped.clock.at)
        shipped.clock.move(days=10)
        loans.accrue(loan_id=paid.loan.pk, as_of=business_date(shipped.clock.at), at=shipped.clock.at)
        lines = list(paid.loan.instalments.order_by("number"))
        owed = repayments.settlement(
            Loan.objects.get(pk=paid.loan.pk), lines, business_date(shipped.clock.at)
        ).total_cents
        repayments.post(
            loan_id=paid.loan.pk, amount_cents=owed, received_at=shipped.clock.at, key="settle-1", at=shipped.clock.at
        )
        letter_id = services.issue_letter(loan_id=paid.loan.pk, at=shipped.clock.at)
        shipped.work()
        letter = Contract.objects.get(pk=letter_id)
        assert letter.state == "SEALED"
        text = text_of(queries.pdf(letter_id))
        assert f"{business_date(shipped.clock.at)}" in text
        assert letter.values["paid_in_all"] == owed


class TestIssueAnnex:
    def failing(self, shipped: Desk) -> int:
        drawdown_id = shipped.sealed()
        drawdowns.disbursing(drawdown_id=drawdown_id, at=shipped.clock.at)
        drawdowns.payout_failed(drawdown_id=drawdown_id, fault="card", reasons=("M03",), at=shipped.clock.at)
        return drawdown_id

    def changed(self, shipped: Desk, drawdown_id: int, number: str) -> None:
        user_id = shipped.drawdown(drawdown_id).user_id
        card_id = confirmed_card(user_id, shipped.clock.at, number)
        drawdowns.fix_card(drawdown_id=drawdown_id, card_id=card_id, by=f"user:{user_id}", at=shipped.clock.at)
        services.issue_annex(drawdown_id=drawdown_id, at=shipped.clock.at)
        shipped.work()

    def test_joins_the_set_once_signed_and_sealed(self, shipped: Desk) -> None:
        drawdown_id = self.failing(shipped)
        before = shipped.drawdown(drawdown_id).contract_set_sha256
        self.changed(shipped, drawdown_id, "4392258312345673")
        with pytest.raises(services.ContractSetIncomplete) as caught:
            services.check_complete(drawdown_id=drawdown_id)
        assert caught.value.data["faults"] == {"account_annex": "not_signed"}
        shipped.clock.move(minutes=2)
        shipped.sign(drawdown_id)
        shipped.work()
        services.check_complete(drawdown_id=drawdown_id)
        assert shipped.drawdown(drawdown_id).contract_set_sha256 != before
        text = text_of(shipped.pdf(drawdown_id, Kind.ACCOUNT_ANNEX))
        assert "**** 5673" in text
        assert shipped.contract(drawdown_id, Kind.LOAN_AGREEMENT).number in text

    def test_a_second_change_makes_the_first_annex_void(self, shipped: Desk) -> None:
        drawdown_id = self.failing(shipped)
        self.changed(shipped, drawdown_id, "4392258312345673")
        self.changed(shipped, drawdown_id, "5187100012345676")
        states = Contract.objects.filter(kind=Kind.ACCOUNT_ANNEX).order_by("id").values_list("state", flat=True)
        assert list(states) == ["VOID", "RENDERED"]

    def test_is_not_made_anew_for_the_card_that_it_names(self, shipped: Desk) -> None:
        drawdown_id, at = self.failing(shipped), shipped.clock.at
        user_id = shipped.drawdown(drawdown_id).user_id
        card_id = confirmed_card(user_id, at, "4392258312345673")
        for _ in range(2):
            flow.change_card(drawdown_id=drawdown_id, card_id=card_id, by=f"user:{user_id}", at=at)
        assert Contract.objects.filter(kind=Kind.ACCOUNT_ANNEX).count() == 1

    def test_refuses_outside_card_fix(self, shipped: Desk) -> None:
        with pytest.raises(services.NotIssuable):
            services.issue_annex(drawdown_id=shipped.sealed(), at=shipped.clock.at)


class TestSweep:
    def test_does_what_is_due_and_a_broken_row_keeps_nobody_waiting(self, desk: Desk, media: Any) -> None:
        broken, sound = desk.rendered(), desk.rendered()
        for drawdown_id in (broken, sound):
            desk.read(drawdown_id)
            desk.sign(drawdown_id)
        (media / desk.contract(broken, Kind.LOAN_AGREEMENT).file).unlink()
        assert sweep() == 1
        assert sweep() == 0
        assert desk.drawdown(sound).status == "SIGNED"
        assert desk.contract(broken, Kind.LOAN_AGREEMENT).last_error == "contract_file_missing"
