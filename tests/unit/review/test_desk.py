"""The reviewers' screen, through HTTP: every button is one service."""

from typing import Any

import pytest

from lending.services import applications
from review import services
from review.services.claims import LEASE
from risk.services import run_assessment, start_assessment
from tests.factories.applications import submitted
from tests.factories.borrowers import borrower
from tests.factories.configuration import configure
from tests.unit.review.conftest import Desk, SignIn
from users import queries as users
from users.services import accounts

LIST = "/admin/review/case/"


def page(case_id: int) -> str:
    return f"{LIST}{case_id}/change/"


def act(case_id: int, name: str) -> str:
    return f"{LIST}{case_id}/act/{name}/"


def text(response: Any) -> str:
    assert response.status_code == 200, response.status_code
    return str(response.content.decode())


class TestList:
    def test_shows_the_cases_the_queues_and_what_is_late(self, desk: Desk, sign_in: SignIn) -> None:
        case_id = desk.open()
        client = sign_in("chen")
        desk.clock.move(minutes=45)
        assert f"#{case_id}" in text(client.get(LIST))
        assert f"#{case_id}" in text(client.get(LIST, {"due": "at_risk"}))
        assert f"#{case_id}" not in text(client.get(LIST, {"due": "late"}))
        desk.clock.move(minutes=20)
        assert f"#{case_id}" in text(client.get(LIST, {"due": "late", "held": "nobody", "status": "WAITING_INITIAL"}))
        assert f"#{case_id}" not in text(client.get(LIST, {"held": "me"}))
        assert "1 h" in text(client.get(LIST))

    def test_is_closed_to_staff_of_no_group(self, desk: Desk, sign_in: SignIn) -> None:
        case_id = desk.open()
        desk.staff["nobody"] = accounts.make_staff(username="nobody", password="a long passphrase", at=desk.clock.at)
        client = sign_in("nobody")
        for address in (LIST, page(case_id)):
            assert client.get(address).status_code == 403
        assert client.get(act(case_id, "recommend")).status_code == 404

    @pytest.mark.parametrize("table", ["queue", "authorityrule", "finding", "reviewer", "recusal", "caseaction"])
    def test_every_other_table_has_one_that_edits_nothing(self, desk: Desk, sign_in: SignIn, table: str) -> None:
        desk.open()
        client = sign_in("sun")
        assert client.get(f"/admin/review/{table}/").status_code == 200
        assert client.get(f"/admin/review/{table}/add/").status_code == 403


class TestNextCase:
    def test_claims_it_and_opens_it(self, desk: Desk, sign_in: SignIn) -> None:
        case_id = desk.open()
        answer = sign_in("chen").post(f"{LIST}next/")
        assert (answer.status_code, answer["Location"]) == (302, page(case_id))
        assert desk.row(case_id).claimed_by_id == desk.staff["chen"]

    def test_changes_nothing_by_a_link(self, desk: Desk, sign_in: SignIn) -> None:
        case_id = desk.open()
        assert sign_in("chen").get(f"{LIST}next/").status_code == 405
        assert desk.row(case_id).claimed_by_id is None

    def test_says_so_when_nothing_waits_or_one_may_not(self, desk: Desk, sign_in: SignIn) -> None:
        for who in ("wu", "lin"):
            answer = sign_in(who).post(f"{LIST}next/", follow=True)
            assert answer.redirect_chain == [(LIST, 302)]
            assert len(list(answer.context["messages"])) == 1


class TestCasePage:
    def test_shows_what_the_holder_may_do_and_masks_the_person(self, desk: Desk, sign_in: SignIn) -> None:
        case_id = desk.open()
        person = users.person(desk.row(case_id).borrower_id)
        desk.claim("chen")
        shown = text(sign_in("chen").get(page(case_id)))
        for name in ("recommend", "supplement", "suspend", "release", "recuse"):
            assert act(case_id, name) in shown
        assert act(case_id, "decide") not in shown
        assert "S03" in shown
        for secret in (person.name, person.phone, person.id_number, person.contacts[0].phone):
            assert secret not in shown
        assert act(case_id, "recommend") not in text(sign_in("wu").get(page(case_id)))

    def test_extends_the_lease_of_its_holder_and_says_when_the_borrower_has_gone(
        self, desk: Desk, sign_in: SignIn
    ) -> None:
        case_id = desk.open()
        desk.claim("chen")
        desk.clock.move(minutes=10)
        until = desk.row(case_id).leased_until
        text(sign_in("wu").get(page(case_id)))
        assert desk.row(case_id).leased_until == until
        text(sign_in("chen").get(page(case_id)))
        assert desk.row(case_id).leased_until == desk.clock.at + LEASE
        applications.withdraw(application_id=desk.row(case_id).application_id, by="user:1", at=desk.clock.at)
        assert "The borrower withdrew the application." in text(sign_in("chen").get(page(case_id)))

    def test_shows_the_decision_it_stands_on(self, desk: Desk, sign_in: SignIn) -> None:
        at = desk.clock.at
        configure(at, ("risk",))
        user_id = borrower(at)
        application_id = submitted(at, user_id=user_id, purpose="securities")  # refused at admission: nothing is pulled
        run_assessment(assessment_id=start_assessment(application_id=application_id, at=at), now=at)
        applications.appeal(application_id=application_id, reason="a slip", by=f"user:{user_id}", at=at)
        case_id = services.open_or_resume_case(application_id=application_id, at=at)
        assert desk.claim("zhao") == case_id
        shown = text(sign_in("zhao").get(page(case_id)))
        decision = desk.application(case_id).decision_id
        assert decision is not None
        assert "H05" in shown
        assert "admission" in shown
        assert users.person(user_id).id_number not in shown

    def test_is_nowhere_for_a_case_that_does_not_exist(self, desk: Desk, sign_in: SignIn) -> None:
        client = sign_in("chen")
        assert client.get(page(999_999)).status_code == 404
        assert client.get(act(999_999, "recommend")).status_code == 404
        assert client.get(act(desk.open(), "marry")).status_code == 404


class TestActions:
    def test_two_people_bring_a_case_to_a_lower_grant(self, desk: Desk, sign_in: SignIn) -> None:
        case_id = desk.open()
        chen, zhao = sign_in("chen"), sign_in("zhao")
        chen.post(f"{LIST}next/")
        desk.prepare(case_id, "chen")
        assert text(chen.get(act(case_id, "recommend")))
        answer = chen.post(
            act(case_id, "recommend"), {"outcome": "approve", "reasons": ["V01", "V02"], "note": "called"}
        )
        assert (answer.status_code, answer["Location"]) == (302, page(case_id))
        zhao.post(f"{LIST}next/")
        desk.prepare(case_id, "zhao")

        form = text(zhao.get(act(case_id, "decide")))
        assert 'name="amount"' in form
        assert "rate" not in form.split("<form", 2)[-1]
        verdict = {"outcome": "approve", "reasons": ["V05"], "note": "", "months": "6"}
        refused = text(zhao.post(act(case_id, "decide"), verdict | {"amount": "10000.01"}))
        assert "At most ¥10,000.00" in refused
        assert desk.application(case_id).status == "REFERRED"
        assert zhao.post(act(case_id, "decide"), verdict | {"amount": "6000"}).status_code == 302
        application = desk.application(case_id)
        assert (application.status, application.decided_cents, application.decided_months) == ("GRANTED", 600_000, 6)

    def test_a_verdict_without_a_code_is_not_taken(self, desk: Desk, sign_in: SignIn) -> None:
        case_id = desk.open()
        desk.claim("chen")
        for reasons, told in (([], "Choose at least one."), (["ZZZ"], "There is no reason ZZZ.")):
            typed = {"outcome": "decline", "reasons": reasons, "note": "rang twice"}
            shown = text(sign_in("chen").post(act(case_id, "recommend"), typed))
            assert told in shown
            assert "rang twice</textarea>" in shown
        assert desk.row(case_id).status == "IN_INITIAL"

    def test_somebody_else_s_case_is_refused(self, desk: Desk, sign_in: SignIn) -> None:
        case_id = desk.open()
        desk.claim("chen")
        answer = sign_in("wu").post(act(case_id, "recommend"), {"outcome": "decline", "reasons": ["F04"]})
        assert "initial.chen took it." in text(answer)
        assert desk.application(case_id).status == "REFERRED"

    def test_documents_are_asked_for_in_the_words_of_the_code_or_of_the_reviewer(
        self, desk: Desk, sign_in: SignIn
    ) -> None:
        case_id = desk.open()
        desk.claim("chen")
        wanted = {"reasons": ["Q01", "Q05"], "question": "您现在的岗位是？", "note": ""}
        assert sign_in("chen").post(act(case_id, "supplement"), wanted).status_code == 302
        supplement = desk.application(case_id).supplements.get()
        assert [(item.kind, item.request_text) for item in supplement.items.all()] == [
            ("income_proof", "收入证明，如近三个月工资条或银行流水。"),
            ("answer", "您现在的岗位是？"),
        ]

    @pytest.mark.parametrize(
        ("name", "who", "values", "status"),
        [
            ("return", "zhao", {"reasons": ["T01"]}, "WAITING_INITIAL"),
            ("escalate", "zhao", {"reasons": ["X02"]}, "WAITING_FINAL"),
            ("suspend", "zhao", {"reasons": ["W01"], "hours": "4"}, "SUSPENDED"),
            ("release", "zhao", {"reasons": ["L01"]}, "WAITING_FINAL"),
            ("release", "sun", {"reasons": ["L02"]}, "WAITING_FINAL"),
            ("recuse", "zhao", {"reasons": ["K01"]}, "WAITING_FINAL"),
        ],
    )
    def test_each_detour_has_its_form(
        self, desk: Desk, sign_in: SignIn, name: str, who: str, values: dict[str, Any], status: str
    ) -> None:
        case_id = desk.in_final()
        client = sign_in(who)
        assert text(client.get(act(case_id, name)))
        assert client.post(act(case_id, name), values | {"note": "so"}).status_code == 302
        assert desk.row(case_id).status == status
