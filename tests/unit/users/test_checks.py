"""Identity checks: asked, answered by the vendor or its fallback, kept. The vendors are the sandbox's."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from lending.sandbox import applicants
from tests.conftest import Clock
from tests.sandbox_server import SandboxClient
from tests.unit.users.conftest import ID_NUMBER, Borrower
from users import queries
from users.models import Check, Notice, Profile, Source
from users.services import checks, retention


@pytest.fixture
def asked(declared: Borrower, sandbox: SandboxClient) -> Borrower:
    answer = declared.call("post", "me/checks", {"kind": "id2"})
    assert (answer.status_code, answer.json()["state"]) == (202, "pending")
    return declared


def run(clock: Clock) -> Check:
    check = Check.objects.latest("pk")
    checks.run_check(check_id=check.pk, now=clock.at)
    check.refresh_from_db()
    return check


class TestRequest:
    def test_needs_name_and_number(self, borrower: Borrower) -> None:
        borrower.consent("identity")
        answer = borrower.call("post", "me/checks", {})
        assert (answer.status_code, answer.json()["code"]) == (409, "profile_incomplete")

    def test_needs_the_consent(self, borrower: Borrower) -> None:
        borrower.call("put", "me/profile", {"name": "王建国", "id_number": ID_NUMBER})
        answer = borrower.call("post", "me/checks", {})
        assert (answer.status_code, answer.json()["missing"]) == (409, ["identity"])
        assert not Check.objects.exists()

    def test_while_one_waits_it_is_that_one(self, asked: Borrower) -> None:
        assert asked.call("post", "me/checks", {}).json()["id"] == Check.objects.get().pk

    def test_an_answer_that_is_fresh_is_not_bought_again(self, asked: Borrower, clock: Clock) -> None:
        run(clock)
        asked.call("post", "me/checks", {})
        assert Check.objects.count() == 1

    @pytest.mark.parametrize("kind", ["card4", "face", "nothing", "", None])
    def test_refuses_another_kind(self, declared: Borrower, kind: str | None) -> None:
        assert declared.call("post", "me/checks", {"kind": kind}).status_code == 422

    def test_details_stand_still_while_they_are_checked(self, asked: Borrower) -> None:
        answer = asked.call("put", "me/profile", {"name": "王二"})
        assert (answer.status_code, answer.json()["code"]) == (409, "check_under_way")

    def test_five_a_day(self, declared: Borrower, sandbox: SandboxClient, clock: Clock) -> None:
        sandbox.control("id2", force={ID_NUMBER: "mismatch"})
        for name in "一二三四五":
            declared.call("put", "me/profile", {"name": f"王{name}"})
            assert declared.call("post", "me/checks", {}).status_code == 202
            run(clock)
        declared.call("put", "me/profile", {"name": "王六"})
        answer = declared.call("post", "me/checks", {})
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_checks")


class TestRun:
    def test_passes_and_counts_the_price(self, asked: Borrower, clock: Clock) -> None:
        check = run(clock)
        assert (check.state, check.price_cents, check.checked_at) == ("passed", 20, clock.at)
        result = queries.identity_result(check.user_id, clock.at)
        assert result is not None
        assert (result.state, result.source_code, result.price_cents) == ("passed", "id2", 20)
        assert asked.call("get", "me/checks").json()[0]["state"] == "passed"

    @pytest.mark.parametrize("word", ["mismatch", "no_record"])
    def test_fails_where_they_do_not_agree(
        self, asked: Borrower, sandbox: SandboxClient, clock: Clock, word: str
    ) -> None:
        sandbox.control("id2", force={ID_NUMBER: word})
        check = run(clock)
        assert (check.state, check.failure, check.price_cents) == ("failed", word, 20)

    def test_is_asked_once_however_often_run(self, asked: Borrower, sandbox: SandboxClient, clock: Clock) -> None:
        for _ in range(3):
            run(clock)
        assert len(sandbox.calls("id2")) == 1

    @pytest.mark.parametrize("fault", [{"error_rate": 1}, {"malformed_rate": 1}])
    def test_asks_the_second_vendor_where_the_first_fails(
        self, asked: Borrower, sandbox: SandboxClient, clock: Clock, fault: dict[str, int]
    ) -> None:
        sandbox.control("id2", **fault)
        check = run(clock)
        result = queries.identity_result(check.user_id, clock.at)
        assert result is not None
        assert (result.state, result.source_code, check.price_cents) == ("passed", "id2_b", 20)

    def test_counts_a_lost_answer_as_spent(self, asked: Borrower, sandbox: SandboxClient, clock: Clock) -> None:
        Source.objects.filter(code="id2").update(timeout_ms=50)
        sandbox.control("id2", latency_ms=500)
        check = run(clock)
        assert (check.state, check.price_cents) == ("passed", 40)

    def test_a_source_switched_off_is_not_asked(self, asked: Borrower, sandbox: SandboxClient, clock: Clock) -> None:
        Source.objects.filter(code="id2").update(enabled=False)
        assert run(clock).state == "passed"
        assert (len(sandbox.calls("id2")), len(sandbox.calls("id2_b"))) == (0, 1)

    def test_both_failing_is_tried_again_then_dead_with_a_notice(
        self, asked: Borrower, sandbox: SandboxClient, clock: Clock
    ) -> None:
        sandbox.control("id2", error_rate=1)
        sandbox.control("id2_b", error_rate=1)
        assert run(clock).state == "pending"
        assert run(clock).attempts == 1  # not before its back-off
        clock.move(seconds=1)
        assert run(clock).state == "pending"
        clock.move(seconds=2)
        check = run(clock)
        assert (check.state, check.attempts, check.price_cents) == ("dead", 3, 0)
        assert Notice.objects.get().kind == "source_dead"
        result = queries.identity_result(check.user_id, clock.at)
        assert result is not None
        assert (result.state, result.source_code) == ("dead", "")

    @pytest.mark.parametrize("code", ["id2", "id2_b"])
    def test_what_nobody_could_read_is_kept(
        self, asked: Borrower, sandbox: SandboxClient, clock: Clock, code: str
    ) -> None:
        Source.objects.exclude(code=code).update(enabled=False)
        sandbox.control(code, malformed_rate=1)
        for _ in range(3):
            check = run(clock)
            clock.move(minutes=1)
        assert (check.state, check.source, check.reply is not None) == ("dead", None, True)

    def test_a_dead_one_may_be_asked_again(self, asked: Borrower, sandbox: SandboxClient, clock: Clock) -> None:
        for vendor in ("id2", "id2_b"):
            sandbox.control(vendor, error_rate=1)
        for _ in range(3):
            run(clock)
            clock.move(minutes=1)
        sandbox.reset()
        asked.call("post", "me/checks", {})
        assert (Check.objects.count(), run(clock).state) == (2, "passed")

    def test_the_reply_is_kept_as_long_as_its_source_says(self, asked: Borrower, clock: Clock) -> None:
        check = run(clock)
        days = Source.objects.get(code="id2").retention_days
        assert retention.run_retention(now=clock.at + timedelta(days=days)) == 0
        assert retention.run_retention(now=clock.at + timedelta(days=days, seconds=1)) == 1
        check.refresh_from_db()
        assert (check.reply, check.state, check.price_cents) == (None, "passed", 20)

    def test_a_worker_that_died_is_followed_by_the_sweep(self, asked: Borrower, clock: Clock) -> None:
        check = Check.objects.get()
        Check.objects.filter(pk=check.pk).update(leased_until=clock.move(seconds=60), attempts=1)
        assert checks.run_due(now=clock.at) == 0
        clock.move(seconds=1)
        assert checks.run_due(now=clock.at) == 1
        check.refresh_from_db()
        assert check.state == "passed"


class TestIdentityResult:
    def test_holds_for_what_was_checked_and_as_long_as_it_is_fresh(self, asked: Borrower, clock: Clock) -> None:
        check = run(clock)
        assert queries.identity_result(check.user_id, clock.move(days=179)) is not None
        assert queries.identity_result(check.user_id, clock.move(days=1)) is None
        Profile.objects.update(name="李四")
        assert queries.identity_result(check.user_id, check.created_at) is None

    def test_a_confirmed_name_cannot_be_changed(self, asked: Borrower, clock: Clock) -> None:
        run(clock)
        answer = asked.call("put", "me/profile", {"name": "李四"})
        assert (answer.status_code, answer.json()["code"]) == (409, "identity_confirmed")
        assert asked.call("put", "me/profile", {"name": "王建国", "city": "宁波"}).status_code == 200


class TestDemoIdentity:
    def test_another_name_under_a_true_number_fails(
        self, stranger: Borrower, sandbox: SandboxClient, clock: Clock, another: Callable[[str], Borrower]
    ) -> None:
        person = applicants.applicant(row=9, batch=3, today=clock.at.date())
        borrower = another(person.phone)
        borrower.call("put", "me/profile", {"name": "别人", "id_number": person.id_number})
        borrower.consent("identity")
        borrower.call("post", "me/checks", {})
        assert run(clock).state == "failed"
