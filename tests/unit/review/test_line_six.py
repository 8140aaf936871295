"""What a borrower is told of a verdict, and the clear answer where two acts meet."""

import pytest
from django.test import Client

from lending.models import Reason
from lending.services import applications, supplements
from review import queries, services
from review.models import Finding, FindingAction
from review.rules import authority
from review.services import gate
from tests.factories.tokens import access_token
from tests.unit.review.conftest import Desk
from users.models import Message, User
from users.services import accounts

ITEMS = [("income_proof", "请提供近三个月工资流水")]


class TestTexts:
    def test_every_code_that_reaches_a_borrower_has_one_in_both_languages(self, staff: dict[str, int]) -> None:
        told = [(row.code, row.borrower_en, row.borrower_zh) for row in Reason.objects.all()]
        reaching = Finding.objects.filter(action__in=["approve", "supplement"])
        told += [(row.code, row.borrower_en, row.borrower_zh) for row in reaching]
        assert len(told) > 30
        for code, english, chinese in told:
            assert english.isascii() or "“" in english, code
            assert len(english) > 10, code
            assert any("\u4e00" <= sign <= "\u9fff" for sign in chinese), code

    def test_every_action_of_a_reviewer_has_a_code_to_explain_it(self, staff: dict[str, int]) -> None:
        coded = set(Finding.objects.values_list("action", flat=True))
        assert coded == set(FindingAction.values)

    def test_an_approval_by_a_person_says_what_was_found(self, desk: Desk) -> None:
        case_id = desk.in_final()
        desk.decide(case_id, "zhao", reasons=("V02", "V05"))
        application = desk.application(case_id)
        services.close_case(application_id=application.pk, at=desk.clock.at)
        assert [row.code for row in queries.approval_findings(application.pk)] == ["V02", "V05"]
        assert queries.approval_findings(desk.application(desk.open()).pk) == ()

    def test_the_api_says_the_same_in_both_languages_and_only_of_what_was_granted(self, desk: Desk) -> None:
        case_id = desk.in_final()
        application = desk.application(case_id)
        headers = {"Authorization": f"Bearer {access_token(application.user_id, desk.clock.at)}"}
        path = f"/api/v1/applications/{application.public_id}"
        assert Client(headers=headers).get(path).json()["findings"] == []
        desk.decide(case_id, "zhao", reasons=("V02", "V05"))
        told = [(row.code, row.borrower_en, row.borrower_zh) for row in Finding.objects.filter(code__in=["V02", "V05"])]
        found = Client(headers=headers).get(path).json()["findings"]
        assert [(row["code"], row["text_en"], row["text_zh"]) for row in found] == told


class TestSupplement:
    def _asked(self, desk: Desk) -> int:
        case_id = desk.open()
        desk.claim("chen")
        desk.act("request_supplement", case_id, "chen", items=ITEMS, reasons=["Q01"])
        return case_id

    def test_reaches_the_borrower_with_a_link_to_the_list(self, desk: Desk) -> None:
        application = desk.application(self._asked(desk))
        message = Message.objects.get(template="supplement_requested")
        path = f"/applications/{application.public_id}/supplement/"
        assert message.text.endswith(path)
        borrower = Client()
        borrower.force_login(User.objects.get(pk=application.user_id))
        assert ITEMS[0][1] in borrower.get(f"/applications/{application.public_id}/").content.decode()
        assert ITEMS[0][1] in borrower.get(path).content.decode()

    def test_uploaded_twice_is_kept_once_and_says_so(self, desk: Desk) -> None:
        case_id = self._asked(desk)
        application = desk.application(case_id)
        by = f"user:{application.user_id}"
        values = {"application_id": application.pk, "files": {}, "by": by, "at": desk.clock.at}
        supplements.answer(texts={"income_proof": "每月12000元"}, **values)
        with pytest.raises(supplements.SupplementAnswered):
            supplements.answer(texts={"income_proof": "another"}, **values)
        item = application.supplements.get().items.get()
        assert item.answer_text == "每月12000元"
        services.open_or_resume_case(application_id=application.pk, at=desk.clock.at)
        assert desk.claim("chen") == case_id

    def test_speaks_the_borrower_s_language(self, desk: Desk) -> None:
        case_id = desk.open()
        desk.claim("chen")
        borrower_id = desk.row(case_id).borrower_id
        accounts.set_language(user_id=borrower_id, language="en")
        client = Client()
        client.force_login(User.objects.get(pk=desk.staff["chen"]))
        client.post(f"/admin/review/case/{case_id}/act/supplement/", {"reasons": ["Q01"], "question": "", "note": ""})
        assert desk.application(case_id).supplements.get().items.get().request_text.startswith("Proof of your income")


class TestEscalate:
    def test_hands_an_initial_case_to_the_next_level(self, desk: Desk) -> None:
        case_id = desk.open()
        desk.claim("chen")
        desk.act("escalate", case_id, "chen", reasons=["X02"])
        case = desk.row(case_id)
        assert (case.status, case.level_needed, case.claimed_by_id) == ("WAITING_INITIAL", 2, None)
        assert desk.claim("wu") is None
        assert desk.claim("zhao") == case_id
        desk.act("escalate", case_id, "zhao", reasons=["X02"])
        assert desk.claim("sun") == case_id
        with pytest.raises(authority.OverAuthority):  # the last level is the final reviewer's
            desk.act("escalate", case_id, "sun", reasons=["X02"])
        desk.recommend(case_id, "sun")
        assert desk.claim("qian") == case_id


class TestMeanwhile:
    @pytest.mark.parametrize(
        ("name", "values"),
        [
            ("recommend", {"outcome": "approve", "reasons": ["V01"]}),
            ("request_supplement", {"items": ITEMS, "reasons": ["Q01"]}),
            ("suspend", {"reasons": ["W01"], "until": None}),
            ("extend_lease", {}),
            ("checklist.mark", {"keys": ["file"]}),
            ("phone.dial", {"callee": "borrower", "reason": "to verify"}),
        ],
    )
    def test_a_borrower_who_withdrew_or_a_lease_that_ran_out_is_said_by_name(
        self, desk: Desk, name: str, values: dict[str, object]
    ) -> None:
        gone, lapsed = desk.open(), desk.open()
        assert {desk.claim("chen"), desk.claim("chen")} == {gone, lapsed}
        application = desk.application(gone)
        applications.withdraw(application_id=application.pk, by=f"user:{application.user_id}", at=desk.clock.at)
        with pytest.raises(gate.ApplicationLeft):
            desk.act(name, gone, "chen", **values)
        services.close_case(application_id=application.pk, at=desk.clock.at)
        with pytest.raises(gate.CaseMoved):
            desk.act(name, gone, "chen", **values)
        desk.clock.move(minutes=16)
        services.expire_leases(at=desk.clock.at)
        with pytest.raises(gate.LeaseRanOut):
            desk.act(name, lapsed, "chen", **values)
        assert desk.claim("wu") == lapsed
        with pytest.raises(gate.NotYourCase):
            desk.act(name, lapsed, "chen", **values)

    def test_two_tabs_decide_once(self, desk: Desk) -> None:
        case_id = desk.in_final()
        desk.decide(case_id, "zhao")
        before = queries.actions_of(case_id)
        for outcome, reasons in (("approve", ("V01",)), ("decline", ("S03",))):
            with pytest.raises(gate.CaseMoved):
                desk.decide(case_id, "zhao", outcome, reasons)
        assert queries.actions_of(case_id) == before
        assert desk.application(case_id).status == "GRANTED"
