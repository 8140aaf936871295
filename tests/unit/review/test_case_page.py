"""The page of a case: what it says, what it recomputes, what it prints, and what becomes of what was typed."""

import io
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pypdf import PdfReader

from lending.services import applications, supplements
from review import queries, services
from review.models import Attachment, CaseAction
from review.services.claims import LEASE
from review.services.gate import ConflictOfInterest
from risk.services import run_assessment, start_assessment
from tests.factories.applications import submitted
from tests.factories.borrowers import borrower, consent, phone
from tests.factories.configuration import configure
from tests.factories.drawdowns import card
from tests.factories.pictures import picture
from tests.unit.review.conftest import Desk, SignIn
from users import queries as users
from users.models import AccessLog, StaffAct, User
from users.services import access, accounts, certificates, contacts, devices, profiles
from users.services.contacts import NewContact

LIST = "/admin/review/case/"


def at(case_id: int, name: str = "change/") -> str:
    return f"{LIST}{case_id}/{name}"


def text(response: Any) -> str:
    assert response.status_code == 200, response.status_code
    return str(response.content.decode())


def panel(response: Any, name: str) -> Any:
    return next(row for row in response.context["panels"] if row.name == name)


def hire(desk: Desk, who: str, group: str) -> None:
    desk.staff[who] = accounts.make_staff(username=who, password="a long passphrase", groups=[group], at=desk.clock.at)


def appealed(desk: Desk) -> int:
    """The case of an appeal against what the shipped strategy declined."""
    moment = desk.clock.at
    configure(moment, ("risk",))
    user_id = borrower(moment)
    application_id = submitted(moment, user_id=user_id, purpose="securities")
    run_assessment(assessment_id=start_assessment(application_id=application_id, at=moment), now=moment)
    applications.appeal(application_id=application_id, reason="a slip", by=f"user:{user_id}", at=moment)
    return services.open_or_resume_case(application_id=application_id, at=moment)


class TestEvidence:
    def test_tells_contradictions_and_who_else_names_the_same_contact_masked(self, desk: Desk, sign_in: SignIn) -> None:
        case_id = desk.open()
        owner = desk.row(case_id).borrower_id
        other = borrower(desk.clock.at)
        shared = NewContact("friend", "赵六", phone(99_000_003))
        contacts.replace(user_id=other, contacts=[shared], at=desk.clock.at)
        contacts.replace(user_id=owner, contacts=[shared], at=desk.clock.at)
        shown = text(sign_in("chen").get(at(case_id)))
        assert "A contact&#x27;s number is named by other borrowers" in shown
        assert f"/admin/lending/customer/{other}/change/" in shown
        for secret in (users.account(other).phone, users.account(owner).phone, phone(99_000_003), "赵六"):
            assert secret not in shown

    def test_shows_every_variable_with_its_source_and_age_and_the_drawn_path(self, desk: Desk, sign_in: SignIn) -> None:
        case_id = appealed(desk)
        answer = sign_in("zhao").get(at(case_id))
        shown = text(answer)
        decision = desk.application(case_id).decision_id
        assert f"/admin/risk/decision/{decision}/drawing/" in shown
        sources = {row.code: row for row in answer.context["found"].sources}
        assert sources["application"].state == "own record"
        assert {name for name, *_ in sources["application"].rows} >= {"amount_cents", "purpose"}
        assert sources["id2"].age_days == 0
        assert "借款用途类别" in shown

    def test_lists_earlier_applications_with_their_cases(self, desk: Desk, sign_in: SignIn) -> None:
        owner = borrower(desk.clock.at)
        first = desk.open(user_id=owner)
        desk.claim("chen")
        desk.act("recommend", first, "chen", outcome="decline", reasons=["F04"])
        desk.clock.move(days=400)
        second = desk.open(user_id=owner)
        shown = text(sign_in("wu").get(at(second)))
        assert at(first) in shown
        assert "F04" in shown

    def test_shows_pictures_only_for_a_reason_that_is_logged_beside_each_other(
        self, desk: Desk, sign_in: SignIn
    ) -> None:
        case_id = desk.open()
        for kind, grey in (("id_front", 1), ("face", 2)):
            values = {"kind": kind, "title": kind, "content": picture(grey)}
            desk.act("attach", case_id, "chen", **values)
        owner = desk.row(case_id).borrower_id
        consent(owner, "certificates", desk.clock.at)
        certificates.add(user_id=owner, kind="id_back", content=picture(3), at=desk.clock.at)
        client = sign_in("chen")
        assert "data:image/jpeg" not in text(client.get(at(case_id)))
        address = at(case_id, "revealed/?show=ID+document&show=face")
        assert "data:image/jpeg" not in text(client.post(address, {"reason": "no"}))
        assert AccessLog.objects.count() == 0
        shown = text(client.post(address, {"reason": "is it the same face"}))
        assert shown.count("data:image/jpeg") == 3
        assert "kept by the borrower" in shown
        row = AccessLog.objects.get()
        assert (row.fields, row.reason) == (["ID document", "face"], "is it the same face")
        assert row.subject == f"user:{desk.row(case_id).borrower_id}"
        assert users.account(desk.row(case_id).borrower_id).phone not in shown


def full(desk: Desk) -> int:
    """A case in the hands of zhao with something of everything, as the demo batch has: an earlier application, others
    with the same device and contact, a card, a note, a file, documents that were asked for and brought."""
    case_id, moment = appealed(desk), desk.clock.at
    owner = desk.row(case_id).borrower_id
    for serial, user_id in enumerate([owner, borrower(moment), borrower(moment)]):
        consent(user_id, "device", moment)
        devices.see(user_id=user_id, fingerprint="f" * 32, platform="ios", ip="10.0.0.1", at=moment)
        named = [
            NewContact("friend", "赵六", phone(99_000_005)),
            NewContact("spouse", "钱七", phone(99_000_006 + serial)),
        ]
        contacts.replace(user_id=user_id, contacts=named, at=moment)
    card(owner, moment)
    assert desk.claim("zhao", "APPEAL") == case_id
    desk.act("add_note", case_id, "zhao", text="Rang twice.")
    desk.act("attach", case_id, "zhao", kind="face", title="Face", content=picture(3))
    asked = [("income_proof", "Please show your income")]
    desk.act("request_supplement", case_id, "zhao", reasons=["Q01"], items=asked, note="")
    application_id = desk.row(case_id).application_id
    brought = {"income_proof": picture(5)}
    supplements.answer(application_id=application_id, texts={}, files=brought, by=f"user:{owner}", at=moment)
    services.open_or_resume_case(application_id=application_id, at=moment)
    assert desk.claim("zhao", "APPEAL") == case_id
    return case_id


class TestStatements:
    def test_of_the_database_are_at_most_fifty_whatever_there_is_on_the_case(self, desk: Desk, sign_in: SignIn) -> None:
        case_id, client = full(desk), sign_in("zhao")
        with CaptureQueriesContext(connection) as ran:
            shown = client.get(at(case_id))
        found = shown.context["found"]
        assert all((found.notes, found.attachments, found.supplements, found.loans == (), found.sources))
        assert {tie.kind for tie in found.ties if tie.people} == {"device", "contact"}
        assert len(ran) <= 50, "\n".join(row["sql"][:200] for row in ran.captured_queries)

    def test_are_more_by_the_lease_only_where_it_has_run_for_a_minute(self, desk: Desk, sign_in: SignIn) -> None:
        case_id, client = desk.in_final(), sign_in("zhao")
        until = desk.row(case_id).leased_until
        desk.clock.move(seconds=60)
        client.get(at(case_id))
        assert desk.row(case_id).leased_until == until
        desk.clock.move(seconds=1)
        client.get(at(case_id))
        assert desk.row(case_id).leased_until == desk.clock.at + LEASE


class TestWhoMustNotSee:
    """A reviewer who must not review this borrower is refused, whichever page is asked, and that is kept."""

    def pages(self, desk: Desk, case_id: int) -> list[str]:
        values = {"kind": "id_front", "title": "ID", "content": picture(1)}
        file = desk.act("attach", case_id, "wu", **values)
        owner = desk.row(case_id).borrower_id
        return [
            at(case_id, "revealed/?show=phone"),
            f"/admin/review/attachment/{file}/revealed/",
            f"/admin/lending/customer/{owner}/revealed/",
            f"/admin/users/user/{owner}/revealed/",
            f"/admin/users/bankcard/{card(owner, desk.clock.at)}/revealed/",
        ]

    def test_is_refused_every_page_and_it_is_kept(self, desk: Desk, sign_in: SignIn) -> None:
        case_id = desk.open()
        desk.claim("chen")
        desk.act("recuse", case_id, "chen", reasons=["K01"])
        known, told = users.account(desk.row(case_id).borrower_id).phone, {"reason": "curious about a friend"}
        for each in User.objects.filter(pk__in=[desk.staff["chen"], desk.staff["wu"]]):
            each.user_permissions.add(*Permission.objects.filter(codename__in=["view_user", "view_bankcard"]))
        for page in self.pages(desk, case_id):
            for who, refused in (("chen", True), ("wu", False)):
                shown = text(sign_in(who).post(page, told))
                assert ("Another reviewer must take this case" in shown) is refused
                seen = (known, "data:image/jpeg", "13900000000")  # the account's, a file, the card's
                assert any(each in shown for each in seen) is not refused
        assert AccessLog.objects.count() == StaffAct.objects.filter(act="reveal_refused").count() == 5
        row = StaffAct.objects.filter(act="reveal_refused").earliest("pk")
        assert (row.by, row.subject) == (f"staff:{desk.staff['chen']}", f"user:{desk.row(case_id).borrower_id}")
        assert row.reason == "phone: curious about a friend"

    def test_is_refused_what_names_no_borrower_itself(self, desk: Desk) -> None:
        case_id = desk.open()
        desk.claim("chen")
        desk.act("recuse", case_id, "chen", reasons=["K01"])
        asked = {"subject": "contract:1", "fields": ["pdf"], "reason": "curious about a friend", "at": desk.clock.at}
        owner = desk.row(case_id).borrower_id
        with pytest.raises(ConflictOfInterest):
            access.record(by=f"staff:{desk.staff['chen']}", whose=owner, **asked)
        access.record(by=f"staff:{desk.staff['wu']}", whose=owner, **asked)
        assert AccessLog.objects.count() == 1

    def test_is_not_shown_the_button(self, desk: Desk, sign_in: SignIn) -> None:
        case_id = desk.open()
        assert at(case_id, "revealed/") in text(sign_in("chen").get(at(case_id)))
        profiles.save(
            user_id=desk.row(case_id).borrower_id, by=f"staff:{desk.staff['chen']}", at=desk.clock.at, city="宁波"
        )
        assert at(case_id, "revealed/") not in text(sign_in("chen").get(at(case_id)))


class TestWhyNot:
    @pytest.mark.parametrize(
        ("who", "sentence"),
        [
            ("chen", "You did the initial review: another person must decide."),
            ("wu", "You review at the initial stage; this case is at the final stage."),
            ("lin", "This account does not review: it reads."),
            ("zhao", "Nobody holds it."),
        ],
    )
    def test_says_so_in_place_of_the_buttons(self, desk: Desk, sign_in: SignIn, who: str, sentence: str) -> None:
        case_id = desk.at_final()
        answer = sign_in(who).get(at(case_id))
        assert sentence in text(answer)
        assert answer.context["panels"] == []

    def test_names_the_holder_the_level_and_the_end(self, desk: Desk, sign_in: SignIn) -> None:
        case_id = desk.in_final()
        assert "senior.zhao holds it until" in text(sign_in("sun").get(at(case_id)))
        desk.act("escalate", case_id, "zhao", reasons=["X01"])
        assert "This case needs R3; you are R2." in text(sign_in("zhao").get(at(case_id)))
        assert desk.claim("sun") == case_id
        desk.decide(case_id, "sun")
        shown = text(sign_in("zhao").get(at(case_id)))
        assert "Closed on" in shown
        assert "You did" not in shown

    def test_tells_who_is_kept_from_the_borrower(self, desk: Desk) -> None:
        case_id = desk.open()
        desk.claim("chen")
        desk.act("recuse", case_id, "chen", reasons=["K01"])
        said = queries.standing(desk.view(case_id), desk.staff["chen"], desk.clock.at).why_not
        assert "You never get this borrower's cases" in " ".join(said)


class TestOffer:
    def quote(self, client: Client, case_id: int, amount: str, months: str) -> str:
        return text(client.get(at(case_id, "quote/"), {"amount": amount, "months": months}))

    def test_is_recomputed_at_the_price_of_the_machine_with_the_authority_it_takes(
        self, desk: Desk, sign_in: SignIn
    ) -> None:
        case_id, client = desk.in_final(), sign_in("zhao")
        shown = self.quote(client, case_id, "6000", "6")
        assert "¥1,053.15" in shown  # an annuity of 6,000 over six months at 18 %
        assert shown.count("<tr>") == 1 + 6
        assert "R1 + R2" in shown
        assert CaseAction.objects.filter(case=case_id).latest("id").action == "claim"
        page = client.get(at(case_id), {"amount": "6000", "months": "6"})
        assert "¥1,053.15" in text(page)

    def test_says_where_the_amount_is_above_the_authority_of_who_looks(self, desk: Desk, sign_in: SignIn) -> None:
        case_id = desk.at_final(amount_cents=2_100_000, months=12)
        assert "above your R2" in self.quote(sign_in("zhao"), case_id, "21000", "12")
        assert "above your" not in self.quote(sign_in("zhao"), case_id, "20000", "12")
        assert "above your" not in self.quote(sign_in("sun"), case_id, "21000", "12")

    @pytest.mark.parametrize(
        ("amount", "months", "why"),
        [
            ("10000.01", "12", "At most ¥10,000.00"),
            ("0", "12", "more than nothing"),
            ("a lot", "12", "Type an amount"),
            ("6000", "24", "The term can be"),
        ],
    )
    def test_says_why_it_cannot_be(self, desk: Desk, sign_in: SignIn, amount: str, months: str, why: str) -> None:
        case_id = desk.in_final()
        shown = self.quote(sign_in("zhao"), case_id, amount, months)
        assert why in shown
        assert "<table" not in shown

    def test_by_the_button_of_the_form_changes_nothing_and_keeps_what_was_typed(
        self, desk: Desk, sign_in: SignIn
    ) -> None:
        case_id = desk.in_final()
        typed = {"outcome": "approve", "amount": "6000", "months": "6", "note": "lower", "recompute": "1"}
        answer = sign_in("zhao").post(at(case_id, "act/decide/"), typed | {"reasons": ["V05"]})
        shown = text(answer)
        assert "¥1,053.15" in shown
        assert 'value="6000"' in shown
        assert [row.code for group in panel(answer, "decide").groups for row in group.reasons if row.chosen] == ["V05"]
        assert desk.row(case_id).status == "IN_FINAL"


TYPED = {"outcome": "approve", "amount": "6000", "months": "6", "reasons": ["V01", "V05"], "note": "rang the firm"}


class TestWhatHappenedMeanwhile:
    def tried(self, answer: Any, told: str) -> None:
        """The refusal stands there with everything that was typed."""
        shown = text(answer)
        assert told in shown
        assert "Nothing you typed is lost" in shown
        assert "rang the firm</textarea>" in shown
        decide = panel(answer, "decide")
        assert decide.open
        assert [row.code for group in decide.groups for row in group.reasons if row.chosen] == ["V01", "V05"]
        assert 'value="6000"' in shown

    def test_it_was_decided_in_another_tab(self, desk: Desk, sign_in: SignIn) -> None:
        case_id, client = desk.in_final(), sign_in("zhao")
        first = client.post(at(case_id, "act/decide/"), TYPED)
        assert first.status_code == 302
        second = client.post(at(case_id, "act/decide/"), TYPED | {"outcome": "approve"})
        self.tried(second, "senior.zhao decided it (approve).")
        assert CaseAction.objects.filter(case=case_id, action="decide").count() == 1

    def test_the_lease_ran_out(self, desk: Desk, sign_in: SignIn) -> None:
        case_id = desk.in_final()
        desk.clock.move(seconds=LEASE.total_seconds() + 1)
        services.expire_leases(at=desk.clock.at)
        self.tried(sign_in("zhao").post(at(case_id, "act/decide/"), TYPED), "the time to work on it ran out")

    def test_the_borrower_withdrew(self, desk: Desk, sign_in: SignIn) -> None:
        case_id = desk.in_final()
        application_id = desk.row(case_id).application_id
        applications.withdraw(application_id=application_id, by="user:1", at=desk.clock.at)
        self.tried(sign_in("zhao").post(at(case_id, "act/decide/"), TYPED), "The borrower withdrew the application.")
        services.close_case(application_id=application_id, at=desk.clock.at)
        self.tried(sign_in("zhao").post(at(case_id, "act/decide/"), TYPED), "The borrower withdrew the application.")

    def test_the_amount_is_over_the_offer(self, desk: Desk, sign_in: SignIn) -> None:
        case_id = desk.in_final()
        answer = sign_in("zhao").post(at(case_id, "act/decide/"), TYPED | {"amount": "10000.01"})
        assert "at most ¥10,000.00" in text(answer).lower()
        assert "rang the firm</textarea>" in text(answer)
        assert desk.row(case_id).status == "IN_FINAL"

    def test_the_reason_does_not_exist(self, desk: Desk, sign_in: SignIn) -> None:
        case_id = desk.in_final()
        answer = sign_in("zhao").post(at(case_id, "act/decide/"), TYPED | {"reasons": ["V01", "Z99"]})
        assert "There is no reason Z99." in text(answer)
        assert "rang the firm</textarea>" in text(answer)


class TestKeep:
    def test_runs_the_lease_anew_for_its_holder_and_tells_others_why_not(self, desk: Desk, sign_in: SignIn) -> None:
        case_id = desk.in_final()
        desk.clock.move(minutes=10)
        assert sign_in("zhao").post(at(case_id, "keep/")).status_code == 200
        assert desk.row(case_id).leased_until == desk.clock.at + LEASE
        refused = sign_in("sun").post(at(case_id, "keep/"))
        assert refused.status_code == 403
        assert "senior.zhao took it" in refused.json()["detail"]
        desk.act("release_lease", case_id, "zhao", reasons=["L01"])
        assert sign_in("zhao").post(at(case_id, "keep/")).status_code == 409
        assert sign_in("zhao").get(at(case_id, "keep/")).status_code == 405


class TestNotesAndFiles:
    def test_are_added_on_the_page_and_a_file_is_read_for_a_reason(self, desk: Desk, sign_in: SignIn) -> None:
        case_id, client = desk.open(), sign_in("chen")
        assert client.post(at(case_id, "note/"), {"text": "Rang twice."}).status_code == 302
        file = SimpleUploadedFile("x.exe", picture(), "application/x-msdownload")  # its content counts
        form = {"kind": "income_proof", "title": "Payslip", "file": file}
        assert client.post(at(case_id, "attach/"), form).status_code == 302
        shown = text(client.get(at(case_id)))
        assert "Rang twice." in shown
        assert "Payslip" in shown
        address = f"/admin/review/attachment/{Attachment.objects.get().pk}/revealed/"
        assert "data:image/jpeg" in text(client.post(address, {"reason": "reading the payslip"}))
        assert AccessLog.objects.get().fields == ["file"]

    def test_come_back_with_what_was_typed_where_they_are_refused(self, desk: Desk, sign_in: SignIn) -> None:
        case_id = desk.open()
        shown = text(sign_in("lin").post(at(case_id, "note/"), {"text": "An analyst's thought"}))
        assert "An analyst&#x27;s thought</textarea>" in shown
        assert "does not review" in shown
        file = SimpleUploadedFile("x.png", b"MZ", "image/png")
        wrong = {"kind": "other", "title": "Payslip", "file": file}
        shown = text(sign_in("chen").post(at(case_id, "attach/"), wrong))
        assert "not a JPEG, PNG or PDF" in shown
        assert 'value="Payslip"' in shown


class TestPrint:
    def pdf(self, answer: Any) -> str:
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")
        return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(answer.content)).pages)

    def test_has_every_action_with_who_when_old_and_new_reasons_and_authority_and_is_recorded(
        self, desk: Desk, sign_in: SignIn
    ) -> None:
        hire(desk, "xu", "auditor")
        case_id = desk.in_final()
        person = users.person(desk.row(case_id).borrower_id)
        desk.act("add_note", case_id, "zhao", text=f"His number is {person.phone}.")
        zhao = sign_in("zhao")
        assert zhao.post(at(case_id, "act/decide/"), TYPED).status_code == 302
        printed = self.pdf(sign_in("xu").post(at(case_id, "print/"), {"reason": "yearly audit, sample 12"}))
        told = (
            *("initial.chen", "senior.zhao", "recommend approve", "decide approve", "IN_FINAL → CLOSED"),
            *("amount: ¥10,000.00 → ¥6,000.00", "months: 12 → 6", "authority version: 1"),
            *("V05", "Lower amount or shorter term keeps the repayment affordable", "身份与联系方式已核实"),
            *("S03", "rang the firm", "yearly audit, sample 12", "Printed by xu"),
            str(desk.application(case_id).public_id),
        )
        flat = "".join(printed.split())  # a line may end anywhere in Chinese
        assert [word for word in told if "".join(word.split()) not in flat] == []
        for secret in (person.name, person.phone, person.id_number):
            assert secret not in printed
        row = StaffAct.objects.get(act="print_case")
        assert (row.by, row.subject) == (f"staff:{desk.staff['xu']}", f"case:{case_id}")

    def test_names_the_decision_its_release_and_every_round(self, desk: Desk, sign_in: SignIn) -> None:
        case_id = appealed(desk)
        printed = " ".join(self.pdf(sign_in("sun").post(at(case_id, "print/"), {"reason": "an appeal"})).split())
        assert "admission v1" in printed
        assert "H05" in printed
        assert "Round 2, 复议 appeal" in printed

    @pytest.mark.parametrize("who", ["chen", "zhao", "lin"])
    def test_is_not_for_reviewers_and_needs_a_reason(self, desk: Desk, sign_in: SignIn, who: str) -> None:
        case_id = desk.open()
        assert "Save as PDF" not in text(sign_in(who).get(at(case_id)))
        assert sign_in(who).post(at(case_id, "print/"), {"reason": "because I can"}).status_code == 302
        assert "Save as PDF" in text(sign_in("sun").get(at(case_id)))
        assert sign_in("sun").post(at(case_id, "print/"), {"reason": "x"}).status_code == 302
        assert sign_in("sun").get(at(case_id, "print/")).status_code == 405
        assert StaffAct.objects.count() == 0
