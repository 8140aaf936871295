"""Verification by telephone: what answers mean, who may be called when, and what it does to the case."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, connection, transaction
from django.test import Client

from lending.common.errors import Invalid, NotFound
from review import queries
from review.models import PhoneAnswer, PhoneAttempt, PhoneCheck, PhoneQuestion, PhoneScript
from review.rules import phone as rules
from review.rules.phone import Agreement, Question
from review.services import configuration, gate, phone
from tests.conftest import Clock
from tests.unit.review.conftest import Desk
from users import queries as users
from users.models import AccessLog
from users.services import acts

LARGE = {"grade": "B", "amount_cents": 3_000_000}
RIGHT = {
    "applied": "yes",
    "amount": "30000",
    "purpose": "education",
    "employer": "杭州木器厂",
    "city": "杭州",
    "net_income": "12000",
    "instalments": "0",
    "pressed": "no",
    "may_call_employer": "yes",
    "may_call_contact": "no",
}


class TestCompare:
    @pytest.mark.parametrize(
        ("kind", "answer", "filed", "found"),
        [
            ("number", "12000", "12000.00", Agreement.MATCH),
            ("number", "11400", "12000", Agreement.MATCH),
            ("number", "11399", "12000", Agreement.NEAR),
            ("number", "9600", "12000", Agreement.NEAR),
            ("number", "9599", "12000", Agreement.MISMATCH),
            ("number", "0", "0", Agreement.MATCH),
            ("number", "10", "0", Agreement.MISMATCH),
            ("date", "2020-03-01", "2020-03-01", Agreement.MATCH),
            ("date", "2020-04-01", "2020-03-01", Agreement.NEAR),
            ("date", "2020-04-02", "2020-03-01", Agreement.MISMATCH),
            ("text", "杭州 木器厂！", "杭州木器厂", Agreement.MATCH),
            ("text", "ＡＢＣ ltd.", "abc LTD", Agreement.MATCH),
            ("text", "杭州市", "杭州", Agreement.NEAR),
            ("text", "杭州木具厂", "杭州木器厂", Agreement.NEAR),
            ("text", "宁波木器行", "杭州电子厂", Agreement.MISMATCH),
            ("text", "1235", "1234", Agreement.MISMATCH),
            ("text", "23", "1234", Agreement.MISMATCH),
            ("text", "123x", "123X", Agreement.MATCH),
            ("choice", "education", "education", Agreement.MATCH),
            ("choice", "medical", "education", Agreement.MISMATCH),
            ("yes_no", "no", "yes", Agreement.MISMATCH),
            ("text", "?", "杭州", Agreement.CANNOT_TELL),
            ("number", "5", "", Agreement.CANNOT_TELL),
        ],
    )
    def test_says_how_an_answer_fits_the_file(self, kind: str, answer: str, filed: str, found: Agreement) -> None:
        assert rules.compare(kind, answer, filed) == found

    @pytest.mark.parametrize(
        ("kind", "answer", "kept"),
        [("number", " ¥12，000 元", "12000"), ("yes_no", "YES", "yes"), ("date", "2026-01-31", "2026-01-31")],
    )
    def test_keeps_an_answer_in_one_form(self, kind: str, answer: str, kept: str) -> None:
        assert rules.clean(Question("q", kind), answer) == kept

    @pytest.mark.parametrize(
        ("kind", "answer"),
        [
            *[("number", text) for text in ("many", "-1", "NaN", "9" * 13, "")],
            *[("date", "31.1.2026"), ("yes_no", "perhaps"), ("choice", "b"), ("text", "  "), ("text", "x" * 201)],
        ],
    )
    def test_refuses_what_is_no_answer(self, kind: str, answer: str) -> None:
        with pytest.raises(rules.BadAnswer):
            rules.clean(Question("q", kind, options=("a",)), answer)


class TestScript:
    def test_goes_by_the_answer_then_by_the_agreement_then_on(self) -> None:
        asked = [
            Question("a", "yes_no", next={"no": "END", "mismatch": "c"}),
            Question("b", "text"),
            Question("c", "text"),
        ]
        assert rules.following(asked, "a", answer="no", agreement="mismatch") == ""
        assert rules.following(asked, "a", answer="yes", agreement="mismatch") == "c"
        assert rules.following(asked, "a", answer="yes", agreement="match") == "b"
        assert rules.following(asked, "c", answer="x", agreement="") == ""

    @pytest.mark.parametrize(
        "asked",
        [
            [],
            [Question("a", "text"), Question("a", "text")],
            [Question("a", "yes_no", next={"maybe": "END"})],
            [Question("a", "yes_no", next={"no": "z"})],
            [Question("a", "text"), Question("b", "text", next={"*": "a"})],
            [Question("a", "text", next={"*": "c"}), Question("b", "text"), Question("c", "text")],
            [Question("a", "choice")],
        ],
    )
    def test_that_cannot_be_asked_to_its_end_is_refused(self, asked: list[Question]) -> None:
        with pytest.raises(rules.BadScript):
            rules.check(asked)

    @pytest.mark.parametrize(
        ("found", "result"),
        [
            ([(True, "match"), (True, "near"), (False, None)], "verified"),
            ([(True, "match"), (True, "mismatch")], "mismatches"),
            ([(True, "match"), (False, "mismatch"), (False, "match")], "verified"),
            ([(True, "cannot_tell"), (True, "match")], "not_verified"),
            ([], "not_verified"),
        ],
    )
    def test_has_one_result(self, found: list[tuple[bool, str | None]], result: str) -> None:
        assert rules.result(found) == result


class TestContactHours:
    LIMITS = rules.limits("08:00-22:00", "3", "7")

    @pytest.mark.parametrize(
        ("hour", "may"), [(time(7, 59), False), (time(8), True), (time(21, 59), True), (time(22), False)]
    )
    def test_nobody_is_called_at_night(self, hour: time, may: bool) -> None:
        local = datetime.combine(date(2026, 7, 1), hour, UTC)
        if may:
            rules.check_may_call(self.LIMITS, local, [])
        else:
            with pytest.raises(rules.OutsideContactHours):
                rules.check_may_call(self.LIMITS, local, [])

    def test_three_a_day_and_seven_in_seven_days(self) -> None:
        now = datetime(2026, 7, 10, 12, tzinfo=UTC)
        rules.check_may_call(self.LIMITS, now, [now - timedelta(hours=2)] * 2 + [now - timedelta(days=1)])
        with pytest.raises(rules.CalledTooOften, match="a day"):
            rules.check_may_call(self.LIMITS, now, [now - timedelta(hours=2)] * 3)
        week = [now - timedelta(days=day) for day in (1, 1, 2, 3, 4, 5, 6)]
        with pytest.raises(rules.CalledTooOften, match="seven days"):
            rules.check_may_call(self.LIMITS, now, week)
        rules.check_may_call(self.LIMITS, now, [*week[:-1], now - timedelta(days=7)])


@pytest.fixture
def on_call(desk: Desk) -> tuple[Desk, int]:
    """A large case that chen holds in the CALL queue, not yet verified."""
    desk.prepares = False
    case_id = desk.open(**LARGE)
    assert desk.claim("chen") == case_id
    assert desk.view(case_id).queue == "CALL"
    desk.act("checklist.mark", case_id, "chen", keys=["file", "identity", "income"])
    return desk, case_id


def dial(desk: Desk, case_id: int, who: str = "chen", callee: str = "borrower", **values: object) -> int:
    return int(desk.act("phone.dial", case_id, who, callee=callee, reason="to verify", **values))


def reach(desk: Desk, case_id: int, who: str = "chen", callee: str = "borrower", **values: object) -> int:
    attempt_id = dial(desk, case_id, who, callee, **values)
    return int(desk.act("phone.log_call", case_id, who, attempt_id=attempt_id, result="answered"))


def put(desk: Desk, case_id: int, check_id: int, answers: dict[str, str], who: str = "chen") -> list[str]:
    """Answer whatever is asked, to the end or until there is no answer; the keys that were asked."""
    asked = []
    while key := PhoneCheck.objects.get(pk=check_id).at_question:
        if key not in answers:
            break
        desk.act("phone.answer", case_id, who, check_id=check_id, key=key, answer=answers[key])
        asked.append(key)
    return asked


def right(desk: Desk, case_id: int, **other: str) -> dict[str, str]:
    person = users.person(desk.row(case_id).borrower_id)
    return RIGHT | {"id_tail": person.id_number[-4:], "job_changed": "2024-01-01", "income_why": "a bonus"} | other


class TestVerification:
    def test_of_right_answers_is_verified_and_opens_the_way(self, on_call: tuple[Desk, int]) -> None:
        desk, case_id = on_call
        with pytest.raises(phone.VerificationMissing, match="there is none yet"):
            desk.recommend(case_id, "chen")
        asked = put(desk, case_id, reach(desk, case_id), right(desk, case_id))
        assert "job_changed" not in asked  # the employer fits, so nobody asks since when
        log = queries.phone_log(case_id)
        assert (log.required, log.satisfied, log.mismatches) == (True, True, 0)
        assert [check.result for check in log.checks] == ["verified"]
        desk.recommend(case_id, "chen")
        assert desk.row(case_id).status == "WAITING_FINAL"
        assert [row.action for row in queries.actions_of(case_id)][-3:] == ["call", "verify", "recommend"]

    def test_mismatches_are_shown_and_refuse_an_approval_until_an_exception_is_stated(
        self, on_call: tuple[Desk, int]
    ) -> None:
        desk, case_id = on_call
        asked = put(desk, case_id, reach(desk, case_id), right(desk, case_id, employer="宁波电子行", net_income="5000"))
        assert {"job_changed", "income_why"} <= set(asked)
        log = queries.phone_log(case_id)
        assert [answer.key for answer in log.checks[0].mismatches] == ["employer", "net_income"]
        assert (log.checks[0].result, log.satisfied) == ("mismatches", False)
        with pytest.raises(phone.VerificationMissing, match="Mismatches"):
            desk.recommend(case_id, "chen")
        for codes in ([], ["V01"], ["nope"]):
            with pytest.raises((gate.ReasonNeeded, gate.UnknownCode)):
                desk.act("phone.except_from", case_id, "chen", reasons=codes, note="trust me")
        desk.act("phone.except_from", case_id, "chen", reasons=["E03"], note="changed jobs, contract seen")
        desk.recommend(case_id, "chen")
        assert queries.phone_log(case_id).exceptions == (("E03", "changed jobs, contract seen"),)

    def test_is_not_needed_to_decline(self, on_call: tuple[Desk, int]) -> None:
        desk, case_id = on_call
        desk.recommend(case_id, "chen", "decline", ("F04",))
        assert desk.application(case_id).status == "DECLINED"

    def test_ends_at_once_where_the_borrower_did_not_apply(self, on_call: tuple[Desk, int]) -> None:
        desk, case_id = on_call
        assert put(desk, case_id, reach(desk, case_id), {"applied": "no"}) == ["applied"]
        assert queries.phone_log(case_id).checks[0].result == "mismatches"

    def test_goes_back_and_what_was_left_on_another_branch_does_not_count(self, on_call: tuple[Desk, int]) -> None:
        desk, case_id = on_call
        check_id = reach(desk, case_id)
        with pytest.raises(phone.NotTheQuestion):
            desk.act("phone.go_back", case_id, "chen", check_id=check_id)
        answers = right(desk, case_id)
        stop = {key: answers[key] for key in ("applied", "id_tail", "amount", "purpose")}
        put(desk, case_id, check_id, stop | {"employer": "宁波电子行", "job_changed": "2020-01-01"})
        desk.act("phone.go_back", case_id, "chen", check_id=check_id)
        assert desk.act("phone.go_back", case_id, "chen", check_id=check_id) == "employer"
        put(desk, case_id, check_id, answers)
        check = queries.phone_log(case_id).checks[0]
        assert (check.result, check.mismatches) == ("verified", ())
        assert "job_changed" not in [answer.key for answer in check.answers]
        assert PhoneAnswer.objects.filter(question__key="employer").count() == 2

    def test_breaks_off_and_goes_on_in_the_next_call_by_another_reviewer(self, on_call: tuple[Desk, int]) -> None:
        desk, case_id = on_call
        check_id = reach(desk, case_id)
        put(desk, case_id, check_id, {"applied": "yes"})
        desk.act("phone.break_off", case_id, "chen", check_id=check_id)
        with pytest.raises(phone.NotOnThePhone):
            desk.act("phone.answer", case_id, "chen", check_id=check_id, key="id_tail", answer="1234")
        desk.act("release_lease", case_id, "chen", reasons=["L01"])
        assert desk.claim("wu", "CALL") == case_id
        assert reach(desk, case_id, "wu") == check_id
        asked = queries.question(case_id, desk.staff["wu"])
        assert asked is not None
        assert (asked.key, asked.given) == ("id_tail", "")
        put(desk, case_id, check_id, right(desk, case_id), "wu")
        assert queries.phone_log(case_id).checks[0].result == "verified"

    def test_takes_one_answer_from_two_tabs(self, on_call: tuple[Desk, int]) -> None:
        desk, case_id = on_call
        check_id = reach(desk, case_id)
        put(desk, case_id, check_id, {"applied": "yes"})
        with pytest.raises(phone.NotTheQuestion):
            desk.act("phone.answer", case_id, "chen", check_id=check_id, key="applied", answer="no")
        with pytest.raises(rules.BadAnswer):
            desk.act("phone.answer", case_id, "chen", check_id=check_id, key="id_tail", answer=" ")
        with pytest.raises(NotFound):
            desk.act("phone.answer", case_id, "chen", check_id=check_id + 1, key="id_tail", answer="1")

    def test_belongs_to_the_holder_of_the_case(self, on_call: tuple[Desk, int]) -> None:
        desk, case_id = on_call
        attempt_id = dial(desk, case_id)
        refused = [
            ("phone.dial", {"callee": "borrower", "reason": "to verify"}),
            ("phone.log_call", {"attempt_id": attempt_id, "result": "answered"}),
            ("phone.answer", {"check_id": 1, "key": "applied", "answer": "yes"}),
            ("phone.go_back", {"check_id": 1}),
            ("phone.break_off", {"check_id": 1}),
            ("phone.except_from", {"reasons": ["E01"]}),
        ]
        for name, values in refused:
            with pytest.raises(gate.NotYourCase):
                desk.act(name, case_id, "wu", **values)
            with pytest.raises(gate.NotAReviewer):
                desk.act(name, case_id, "lin", **values)


class TestCalls:
    def test_are_logged_with_the_number_masked_and_revealed_for_a_reason(self, on_call: tuple[Desk, int]) -> None:
        desk, case_id = on_call
        with pytest.raises(acts.ReasonRequired):
            desk.act("phone.dial", case_id, "chen", callee="borrower", reason="")
        attempt_id = dial(desk, case_id)
        number = users.person(desk.row(case_id).borrower_id).phone
        logged = AccessLog.objects.latest("pk")
        assert (logged.by, logged.reason, logged.fields) == (
            f"staff:{desk.staff['chen']}",
            "to verify",
            ["borrower phone", "name"],
        )
        assert queries.called_number(attempt_id, desk.staff["chen"]) == number
        assert queries.called_number(attempt_id, desk.staff["wu"]) == ""
        (attempt,) = queries.phone_log(case_id).attempts
        assert (attempt.number, attempt.result) == (f"{number[:3]}****{number[-4:]}", "")
        desk.act("phone.log_call", case_id, "chen", attempt_id=attempt_id, result="voicemail")
        assert queries.called_number(attempt_id, desk.staff["chen"]) == ""

    @pytest.mark.parametrize("result", ["no_answer", "refused", "wrong_number", "voicemail"])
    def test_that_reach_nobody_begin_no_verification(self, on_call: tuple[Desk, int], result: str) -> None:
        desk, case_id = on_call
        attempt_id = dial(desk, case_id)
        with pytest.raises(phone.CallUnderWay):
            dial(desk, case_id)
        with pytest.raises(Invalid):
            desk.act("phone.log_call", case_id, "chen", attempt_id=attempt_id, result="maybe")
        desk.act("phone.log_call", case_id, "chen", attempt_id=attempt_id, result=result)
        with pytest.raises(NotFound):
            desk.act("phone.log_call", case_id, "chen", attempt_id=attempt_id, result="answered")
        assert [row.result for row in queries.phone_log(case_id).attempts] == [result]
        assert not PhoneCheck.objects.exists()

    def test_end_at_the_limits_of_the_servicing_terms(self, on_call: tuple[Desk, int]) -> None:
        desk, case_id = on_call
        for _ in range(3):
            attempt_id = dial(desk, case_id)
            desk.act("phone.log_call", case_id, "chen", attempt_id=attempt_id, result="no_answer")
        with pytest.raises(rules.CalledTooOften):
            dial(desk, case_id)
        assert PhoneAttempt.objects.count() == AccessLog.objects.count() == 3

    def test_are_refused_at_night(self, on_call: tuple[Desk, int], clock: Clock) -> None:
        desk, case_id = on_call
        desk.clock.move(hours=13)
        with pytest.raises(rules.OutsideContactHours):
            dial(desk, case_id)

    def test_to_third_parties_wait_for_the_borrower_s_word(self, on_call: tuple[Desk, int]) -> None:
        desk, case_id = on_call
        for callee, values in (("employer", {"number": "0571-8888 1234"}), ("contact", {"position": 1})):
            with pytest.raises(phone.ThirdPartyNotAsked):
                dial(desk, case_id, callee=callee, **values)
        put(desk, case_id, reach(desk, case_id), right(desk, case_id))
        with pytest.raises(phone.ThirdPartyNotAsked):
            dial(desk, case_id, callee="contact", position=1)
        with pytest.raises(phone.NoNumber):
            dial(desk, case_id, callee="employer", number="12")
        check_id = reach(desk, case_id, callee="employer", number="0571-8888 1234")
        put(desk, case_id, check_id, {"works_here": "yes", "company": "杭州木器厂有限公司", "since": "4_7y"})
        assert [(row.callee, row.result) for row in queries.phone_log(case_id).checks] == [
            ("employer", "verified"),
            ("borrower", "verified"),
        ]

    def test_need_a_script_of_the_queue(self, desk: Desk) -> None:
        case_id = desk.in_final()
        with pytest.raises(phone.NoScript):
            dial(desk, case_id, "zhao")

    def test_are_kept_and_encrypted(self, on_call: tuple[Desk, int]) -> None:
        desk, case_id = on_call
        put(desk, case_id, reach(desk, case_id), {"applied": "yes", "id_tail": "secret-4"})
        with connection.cursor() as cursor:
            cursor.execute("SELECT number FROM review_phoneattempt UNION ALL SELECT answer FROM review_phoneanswer")
            stored = [bytes(row[0]) for row in cursor.fetchall()]
        assert len(stored) == 3
        assert not [value for value in stored if b"secret" in value or b"139" in value]
        for table, change in (
            ("review_phoneattempt", "called_at = now()"),
            ("review_phoneattempt", "result = 'refused'"),
            ("review_phoneanswer", "agreement = 'match'"),
        ):
            for statement in (f"UPDATE {table} SET {change}", f"DELETE FROM {table}"):
                with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
                    cursor.execute(statement)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE review_phoneattempt SET number = 'x'")  # as a change of keys does


class TestScripts:
    def test_are_loaded_once_with_a_required_one_for_the_call_queue(self, desk: Desk) -> None:
        counts = PhoneScript.objects.count(), PhoneQuestion.objects.count()
        configuration.load(at=desk.clock.at)
        assert (PhoneScript.objects.count(), PhoneQuestion.objects.count()) == counts
        assert [row.callee for row in PhoneScript.objects.filter(queue__code="CALL", required=True)] == ["borrower"]
        for question in PhoneQuestion.objects.all():
            assert question.text_en
            assert question.text_zh

    def test_a_later_version_is_in_force_and_may_ask_for_nothing(self, on_call: tuple[Desk, int]) -> None:
        desk, case_id = on_call
        PhoneScript.objects.create(
            queue=desk.row(case_id).queue, callee="borrower", version=2, required=False, opening_en="-", opening_zh="-"
        )
        desk.recommend(case_id, "chen")


class TestPage:
    @pytest.fixture
    def chen(self, desk: Desk) -> Client:
        client = Client()
        client.force_login(get_user_model().objects.get(pk=desk.staff["chen"]))
        return client

    def test_holds_a_call_from_the_number_to_the_result(self, on_call: tuple[Desk, int], chen: Client) -> None:
        desk, case_id = on_call
        base = f"/admin/review/phonecheck/calling/{case_id}/"
        person = users.person(desk.row(case_id).borrower_id)

        def shown() -> str:
            return str(chen.get(base).content.decode())

        def post(name: str, **values: object) -> str:
            return str(chen.post(f"{base}{name}/", values, follow=True).content.decode())

        assert person.phone not in shown()
        answer = post("dial", callee="borrower", reason="to verify")
        assert person.phone in answer
        assert person.name in answer
        post("log", attempt_id=PhoneAttempt.objects.get().pk, result="answered")
        check_id = PhoneCheck.objects.get().pk
        assert "这笔借款是您本人申请的吗？" in shown()
        assert person.phone not in shown()
        assert "yes, no or ?" in post("answer", check_id=check_id, key="applied", answer="perhaps")
        answers: dict[str, str] = right(desk, case_id, employer="宁波电子行")
        while key := PhoneCheck.objects.get().at_question:
            post("answer", check_id=check_id, key=key, answer=answers[key])
        page = str(chen.get(f"/admin/review/case/{case_id}/change/").content.decode())
        assert "您现在的工作单位是？" in page
        assert "宁波电子行" not in page
        assert "宁波电子行" not in shown()
        post("except", reasons=["E03"], note="seen")
        assert queries.phone_log(case_id).satisfied
        revealed = f"/admin/review/phonecheck/{check_id}/revealed/"
        assert "宁波电子行" in str(chen.post(revealed, {"reason": "to compare"}).content.decode())

    def test_is_for_readers_of_the_desk_alone(self, on_call: tuple[Desk, int], chen: Client) -> None:
        _, case_id = on_call
        base = f"/admin/review/phonecheck/calling/{case_id}/"
        assert chen.get(f"{base}dial/").status_code == 404
        assert chen.post(f"{base}marry/").status_code == 404
        assert chen.get("/admin/review/phonecheck/calling/999999/").status_code == 404
        chen.logout()
        assert chen.get(base).status_code == 302
