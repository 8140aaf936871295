"""From the funder's yes to the sealed set: issue, read, sign with one code, seal, complete."""

import io
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from pypdf import PdfReader

from contracts import queries, services
from contracts.models import Contract, ContractState, Kind, Signature, Template
from contracts.providers import sealing
from contracts.rules import kinds
from contracts.rules.resolver import AmbiguousTemplate, NoTemplate
from contracts.rules.variables import MissingVariable
from contracts.services import files, production
from lending.common.errors import NotFound
from lending.common.money import format_cents, percent
from lending.models import Drawdown, Product
from lending.rules.offer import AboveCeiling
from lending.services import drawdowns
from tests.factories.borrowers import IP, borrower, one_time_code
from tests.unit.contracts.conftest import RARE_NAMES, Desk
from users.models import BankCard, Notice
from users.services.codes import WrongCode

SET = (Kind.COST_SHEET, Kind.LOAN_AGREEMENT, Kind.DEBIT_MANDATE)


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


class TestIssue:
    def test_writes_one_row_of_each_kind_and_the_same_ones_when_asked_again(self, desk: Desk) -> None:
        drawdown_id = desk.signing()
        first = services.issue(drawdown_id=drawdown_id, at=desk.clock.at)
        again = services.issue(drawdown_id=drawdown_id, at=desk.clock.at)
        assert first == again
        assert [row.kind for row in queries.set_for(drawdown_id)] == list(SET)

    def test_takes_the_template_of_the_funder_s_mode(self, shipped: Desk) -> None:
        direct, own = shipped.signing(), shipped.signing(funder="QTX", mode="own")
        for drawdown_id in (direct, own):
            services.issue(drawdown_id=drawdown_id, at=shipped.clock.at)
        codes = [shipped.contract(drawdown_id, Kind.LOAN_AGREEMENT).template.code for drawdown_id in (direct, own)]
        assert codes == ["loan-agreement-direct", "loan-agreement-own"]

    def test_refuses_where_no_template_is_in_force_and_writes_nothing(self, desk: Desk) -> None:
        drawdown_id = desk.signing(mode="assignment")
        with pytest.raises(NoTemplate):
            services.issue(drawdown_id=drawdown_id, at=desk.clock.at)

    def test_refuses_above_the_ceiling(self, desk: Desk) -> None:
        drawdown_id = desk.signing()
        Product.objects.filter(code="LINE").update(ceiling_xirr=Decimal("0.15"))
        with pytest.raises(AboveCeiling):
            services.issue(drawdown_id=drawdown_id, at=desk.clock.at)
        assert not Contract.objects.exists()
        Product.objects.filter(code="LINE").update(ceiling_xirr=Decimal("0.24"))
        assert len(services.issue(drawdown_id=drawdown_id, at=desk.clock.at)) == 3

    def test_refuses_a_contract_with_a_gap_in_it(self, desk: Desk) -> None:
        drawdown_id = desk.signing()
        BankCard.objects.update(bank="")
        with pytest.raises(MissingVariable) as caught:
            services.issue(drawdown_id=drawdown_id, at=desk.clock.at)
        assert caught.value.data["variables"] == ["card_bank"]

    def test_refuses_a_drawdown_that_is_not_in_signing(self, desk: Desk) -> None:
        drawdown_id = desk.signing()
        drawdowns.cancel(drawdown_id=drawdown_id, by="user:1", at=desk.clock.at)
        with pytest.raises(services.NotSignable):
            services.issue(drawdown_id=drawdown_id, at=desk.clock.at)

    def test_keeps_the_borrower_s_words_encrypted_in_row_and_file(self, desk: Desk, media: Any) -> None:
        drawdown_id = desk.rendered()
        number = Contract.objects.get(drawdown_id=drawdown_id, kind=Kind.COST_SHEET).values["borrower_id_number"]
        for path in media.rglob("*.enc"):
            assert b"%PDF" not in path.read_bytes()
        with connection.cursor() as cursor:
            cursor.execute('SELECT "values" FROM contracts_contract')
            assert all(number.encode() not in bytes(row[0]) for row in cursor.fetchall())


class TestPrinted:
    def test_says_everything_the_borrower_must_know(self, shipped: Desk) -> None:
        drawdown_id = shipped.rendered(name=RARE_NAMES[0])
        drawdown = shipped.drawdown(drawdown_id)
        sheet, agreement, mandate = (text_of(shipped.pdf(drawdown_id, kind)) for kind in SET)
        for text in (sheet, agreement, mandate):
            assert RARE_NAMES[0] in text
            assert "和悦消费金融" in text
            assert "¥10,000.00" in text
            assert "Page 1 of" in text
        plan = shipped.contract(drawdown_id, Kind.COST_SHEET).values["plan"]
        total = format_cents(sum(row["total_cents"] for row in plan))
        first = format_cents(plan[0]["total_cents"])
        for said in (percent(drawdown.irr12), percent(drawdown.xirr), "24.00%", "month 12", "¥120.00", first, total):
            assert said in sheet, said
            assert said in agreement or said in ("24.00%", first), said
        for said in ("壹万元整", "第六条", "不从本金中预先扣除", "放款后第 12 个月对日", "教育"):
            assert said in agreement, said
        assert shipped.contract(drawdown_id, Kind.LOAN_AGREEMENT).number in mandate
        assert "07:00、13:00、20:00" in mandate

    def test_the_principal_column_sums_to_the_amount(self, shipped: Desk) -> None:
        drawdown_id = shipped.rendered()
        plan = shipped.contract(drawdown_id, Kind.LOAN_AGREEMENT).values["plan"]
        assert sum(row["principal_cents"] for row in plan) == 1_000_000
        assert plan[-1]["balance_cents"] == 0
        assert all(row["total_cents"] == row["principal_cents"] + row["interest_cents"] for row in plan)


class TestSign:
    def test_one_code_signs_the_set_and_the_last_seal_completes_it(self, desk: Desk) -> None:
        drawdown_id = desk.rendered()
        desk.read(drawdown_id)
        shown = {kind: desk.contract(drawdown_id, kind).rendered_sha256 for kind in SET}
        signature = Signature.objects.get(pk=desk.sign(drawdown_id))
        assert signature.documents == shown
        assert signature.set_sha256 == kinds.set_sha256(shown)
        assert (signature.ip, signature.signed_at) == (IP, desk.clock.at)
        assert {row.kind: row.state for row in queries.set_for(drawdown_id)} == dict.fromkeys(SET, "SIGNED")
        assert desk.drawdown(drawdown_id).status == "SIGNING"

        desk.work()
        states = {row.kind: row.state for row in queries.set_for(drawdown_id)}
        assert states == {"cost_sheet": "SIGNED", "loan_agreement": "SEALED", "debit_mandate": "SIGNED"}
        drawdown = desk.drawdown(drawdown_id)
        kept = {kind: files.sha256(desk.pdf(drawdown_id, kind)) for kind in SET}
        assert (drawdown.status, drawdown.contract_set_sha256) == ("SIGNED", kinds.set_sha256(kept))
        services.check_complete(drawdown_id=drawdown_id)

    def test_the_cost_sheet_is_read_for_five_seconds_first(self, desk: Desk) -> None:
        drawdown_id = desk.rendered()
        with pytest.raises(services.CostSheetNotRead):
            desk.sign(drawdown_id, code="000000")
        sheet_id = desk.contract(drawdown_id, Kind.COST_SHEET).pk
        services.open_document(contract_id=sheet_id, at=desk.clock.at)
        desk.clock.move(seconds=4, milliseconds=999)
        services.open_document(contract_id=sheet_id, at=desk.clock.at)  # opening it again does not start anew
        with pytest.raises(services.CostSheetNotRead) as caught:
            desk.sign(drawdown_id, code="000000")
        assert caught.value.data["seconds_left"] == 1
        desk.clock.move(milliseconds=1)
        desk.sign(drawdown_id)

    def test_a_wrong_code_signs_nothing(self, desk: Desk) -> None:
        drawdown_id = desk.rendered()
        desk.read(drawdown_id)
        drawdown = desk.drawdown(drawdown_id)
        right = one_time_code(drawdown.user_id, "sign", str(drawdown.public_id), desk.clock.at)
        with pytest.raises(WrongCode):
            desk.sign(drawdown_id, code=f"{(int(right) + 1) % 10**6:06d}")
        assert not Signature.objects.exists()
        desk.sign(drawdown_id, code=right)

    def test_a_code_for_another_drawdown_does_not_sign_this_one(self, desk: Desk) -> None:
        one, other = desk.rendered(), desk.rendered()
        for drawdown_id in (one, other):
            desk.read(drawdown_id)
        elsewhere = desk.drawdown(other)
        code = one_time_code(desk.drawdown(one).user_id, "sign", str(elsewhere.public_id), desk.clock.at)
        with pytest.raises(WrongCode):
            desk.sign(one, code=code)

    def test_a_stranger_is_told_there_is_nothing(self, desk: Desk) -> None:
        drawdown_id = desk.rendered()
        desk.read(drawdown_id)
        with pytest.raises(NotFound):
            services.sign(
                drawdown_id=drawdown_id, user_id=borrower(desk.clock.at), code="000000", ip=IP, at=desk.clock.at
            )

    def test_not_before_every_document_is_rendered(self, desk: Desk) -> None:
        drawdown_id = desk.signing()
        services.issue(drawdown_id=drawdown_id, at=desk.clock.at)
        services.run_contract(contract_id=desk.contract(drawdown_id, Kind.COST_SHEET).pk, now=desk.clock.at)
        desk.read(drawdown_id)
        with pytest.raises(services.ContractsNotReady) as caught:
            desk.sign(drawdown_id, code="000000")
        assert caught.value.data["kinds"] == ["loan_agreement", "debit_mandate"]

    def test_not_twice(self, desk: Desk) -> None:
        drawdown_id = desk.signed()
        with pytest.raises(services.NotSignable):
            desk.sign(drawdown_id, code="000000")

    def test_a_late_seal_of_a_cancelled_drawdown_changes_nothing_there(self, desk: Desk) -> None:
        drawdown_id = desk.signed()
        drawdowns.cancel(drawdown_id=drawdown_id, by="user:1", at=desk.clock.at)
        desk.work()
        assert desk.contract(drawdown_id, Kind.LOAN_AGREEMENT).state == ContractState.SEALED
        assert desk.drawdown(drawdown_id).status == "CANCELLED"


class TestCheckComplete:
    def fault(self, drawdown_id: int) -> dict[str, str]:
        with pytest.raises(services.ContractSetIncomplete) as caught:
            services.check_complete(drawdown_id=drawdown_id)
        faults: dict[str, str] = caught.value.data["faults"]
        return faults

    def test_names_what_is_not_there_yet(self, desk: Desk) -> None:
        drawdown_id = desk.signing()
        assert self.fault(drawdown_id) == dict.fromkeys(SET, "missing")
        services.issue(drawdown_id=drawdown_id, at=desk.clock.at)
        assert self.fault(drawdown_id) == dict.fromkeys(SET, "not_signed")

    def test_names_what_is_not_sealed_yet(self, desk: Desk) -> None:
        assert self.fault(desk.signed()) == {"loan_agreement": "not_sealed"}

    def test_finds_a_file_that_is_gone(self, desk: Desk, media: Any) -> None:
        drawdown_id = desk.sealed()
        (media / desk.contract(drawdown_id, Kind.DEBIT_MANDATE).file).unlink()
        assert self.fault(drawdown_id) == {"debit_mandate": "file"}

    def test_finds_another_document_under_the_name(self, desk: Desk, media: Any) -> None:
        one, other = desk.sealed(), desk.sealed()
        stolen = (media / desk.contract(other, Kind.LOAN_AGREEMENT).file).read_bytes()
        (media / desk.contract(one, Kind.LOAN_AGREEMENT).file).write_bytes(stolen)
        assert self.fault(one) == {"loan_agreement": "altered"}
        services.check_complete(drawdown_id=other)

    def test_finds_a_byte_changed_on_the_disk(self, desk: Desk, media: Any) -> None:
        drawdown_id = desk.sealed()
        path = media / desk.contract(drawdown_id, Kind.COST_SHEET).file
        damaged = bytearray(path.read_bytes())
        damaged[len(damaged) // 2] ^= 1
        path.write_bytes(damaged)
        assert self.fault(drawdown_id) == {"cost_sheet": "file"}

    def test_finds_a_set_hash_that_is_not_the_drawdown_s(self, desk: Desk) -> None:
        drawdown_id = desk.sealed()
        Drawdown.objects.filter(pk=drawdown_id).update(contract_set_sha256="0" * 64)
        assert self.fault(drawdown_id) == {"set": "altered"}


class TestVoid:
    def test_a_new_funder_gets_a_new_set_and_the_former_one_counts_no_more(self, desk: Desk) -> None:
        drawdown_id = desk.signed()
        desk.clock.move(seconds=1)
        drawdowns.approval_ran_out(drawdown_id=drawdown_id, at=desk.clock.at)
        assert services.void(drawdown_id=drawdown_id, at=desk.clock.at) == 3
        assert queries.set_for(drawdown_id) == ()
        desk.work()
        assert set(Contract.objects.values_list("state", flat=True)) == {"VOID"}
        desk.funded(drawdown_id, "QTX", "own")
        services.issue(drawdown_id=drawdown_id, at=desk.clock.at)
        desk.work()
        desk.read(drawdown_id)
        desk.clock.move(minutes=2)
        desk.sign(drawdown_id)
        desk.work()
        assert desk.drawdown(drawdown_id).status == "SIGNED"
        assert "青田小贷" in text_of(desk.pdf(drawdown_id, Kind.LOAN_AGREEMENT))

    def test_a_sealed_contract_can_be_voided_and_keeps_its_hash(self, desk: Desk) -> None:
        drawdown_id = desk.sealed()
        before = desk.contract(drawdown_id, Kind.LOAN_AGREEMENT)
        services.void(drawdown_id=drawdown_id, at=desk.clock.at)
        after = Contract.objects.get(pk=before.pk)
        assert (after.state, after.sha256) == ("VOID", before.sha256)


class TestVerify:
    def test_knows_its_own(self, desk: Desk) -> None:
        drawdown_id = desk.sealed()
        found = services.verify(desk.pdf(drawdown_id, Kind.LOAN_AGREEMENT))
        agreement = desk.contract(drawdown_id, Kind.LOAN_AGREEMENT)
        assert (found.authentic, found.number, found.sealed_at) == (True, agreement.number, agreement.sealed_at)
        assert services.verify(desk.pdf(drawdown_id, Kind.COST_SHEET)).authentic

    def test_finds_tampering(self, desk: Desk) -> None:
        drawdown_id = desk.sealed()
        pdf = bytearray(desk.pdf(drawdown_id, Kind.LOAN_AGREEMENT))
        pdf[1000] ^= 1
        found = services.verify(bytes(pdf))
        assert not found.authentic
        assert found.fault in ("altered", "unreadable: PdfReadError", "not_our_seal")

    def test_does_not_know_what_was_sealed_with_our_key_but_never_kept(self, desk: Desk) -> None:
        drawdown_id = desk.rendered()
        forged = sealing.seal(desk.pdf(drawdown_id, Kind.LOAN_AGREEMENT), reason="x", at=desk.clock.at)
        assert services.verify(forged) == services.Verification(False, fault="unknown")


class TestRunContract:
    def test_does_nothing_when_nothing_is_due(self, desk: Desk) -> None:
        drawdown_id = desk.rendered()
        contract_id = desk.contract(drawdown_id, Kind.LOAN_AGREEMENT).pk
        assert services.run_contract(contract_id=contract_id, now=desk.clock.at) is False

    def test_a_row_claimed_by_a_dead_worker_comes_back_after_its_lease(self, desk: Desk) -> None:
        drawdown_id = desk.signing()
        (contract_id, *_) = services.issue(drawdown_id=drawdown_id, at=desk.clock.at)
        until = desk.clock.at + timedelta(seconds=production.LEASE_SECONDS)
        Contract.objects.filter(pk=contract_id).update(leased_until=until)
        assert contract_id not in services.due(at=desk.clock.at, limit=9)
        assert services.run_contract(contract_id=contract_id, now=desk.clock.at) is False
        desk.clock.move(seconds=production.LEASE_SECONDS + 1)
        assert services.run_contract(contract_id=contract_id, now=desk.clock.at) is True

    def test_a_failing_row_is_put_off_and_told_to_operations(self, desk: Desk, media: Any) -> None:
        drawdown_id = desk.signed()
        agreement = desk.contract(drawdown_id, Kind.LOAN_AGREEMENT)
        (media / agreement.file).unlink()
        for _ in range(kinds.TRIES_BEFORE_NOTICE):
            with pytest.raises(files.ContractFileMissing):
                services.run_contract(contract_id=agreement.pk, now=desk.clock.at)
            assert services.due(at=desk.clock.at, limit=9) == []
            desk.clock.move(minutes=6)
        agreement.refresh_from_db()
        assert agreement.last_error == "contract_file_missing"
        assert Notice.objects.filter(kind="contract_stuck", subject=f"contract:{agreement.pk}").exists()

    def test_a_file_made_for_a_contract_that_was_voided_meanwhile_is_thrown_away(
        self, desk: Desk, media: Any, django_capture_on_commit_callbacks: Any
    ) -> None:
        drawdown_id = desk.signing()
        (contract_id, *_) = services.issue(drawdown_id=drawdown_id, at=desk.clock.at)
        contract = Contract.objects.select_related("template").get(pk=contract_id)
        pdf = production._make(contract, desk.clock.at)
        name = files.store(contract=contract, pdf=pdf)
        services.void(drawdown_id=drawdown_id, at=desk.clock.at)
        with django_capture_on_commit_callbacks(execute=True):
            production._settle(contract_id=contract_id, made_from="ISSUED", pdf=pdf, name=name, at=desk.clock.at)
        assert not (media / name).exists()
        assert Contract.objects.get(pk=contract_id).state == "VOID"


class TestAmbiguity:
    def test_two_templates_in_force_stop_the_issue(self, desk: Desk) -> None:
        drawdown_id = desk.signing()
        twin = Template.objects.get(kind=Kind.COST_SHEET)
        twin.pk, twin.code = None, "twin"
        twin.save(force_insert=True)
        with pytest.raises(AmbiguousTemplate):
            services.issue(drawdown_id=drawdown_id, at=desk.clock.at)
