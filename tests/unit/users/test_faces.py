"""The face before money is taken: asked with a token that works once, and needed again after a while."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from tests.conftest import Clock
from tests.sandbox_server import SandboxClient
from tests.unit.users.conftest import ID_NUMBER, Borrower
from users import queries
from users.models import Check, Level, Notice, Source, UserLevel
from users.rules import faces as rules
from users.services import checks, faces


@pytest.fixture
def agreed(declared: Borrower, sandbox: SandboxClient) -> Borrower:
    Source.objects.filter(code="face").update(enabled=True)
    assert declared.consent("biometric").status_code == 201
    return declared


def ask(who: Borrower, token: str = "live-0001") -> Any:
    return who.call("post", "me/face", {"liveness_token": token})


def run(clock: Clock) -> Check:
    check = Check.objects.filter(kind="face").latest("pk")
    checks.run_check(check_id=check.pk, now=clock.at)
    check.refresh_from_db()
    return check


class TestCompare:
    def test_passes_once_for_a_token(self, agreed: Borrower, sandbox: SandboxClient, clock: Clock) -> None:
        answer = ask(agreed)
        assert (answer.status_code, answer.json()["state"]) == (202, "pending")
        check = run(clock)
        assert (check.state, check.price_cents, check.consent.code) == ("passed", 80, "biometric")
        assert ask(agreed).json()["id"] == check.pk
        assert len(sandbox.calls("face")) == 1
        assert ask(agreed, "live-0002").json()["id"] != check.pk

    def test_needs_the_consent(self, declared: Borrower) -> None:
        answer = ask(declared)
        assert (answer.status_code, answer.json()["missing"]) == (409, ["biometric"])

    @pytest.mark.parametrize("token", ["", "short", "x" * 501, "live 0001", "live-\0001", "面容面容面容面容", None])
    def test_refuses_what_is_no_token(self, agreed: Borrower, token: str | None) -> None:
        assert ask(agreed, token).status_code == 422  # type: ignore[arg-type]
        assert not Check.objects.exists()

    def test_somebody_elses_token_is_refused(self, agreed: Borrower, another: Callable[[str], Borrower]) -> None:
        ask(agreed)
        thief = another("13700000001")
        thief.call("put", "me/profile", {"name": "李四", "id_number": "110105199001010015"})
        thief.consent("biometric")
        answer = ask(thief)
        assert (answer.status_code, answer.json()["code"]) in {(422, "liveness_refused"), (409, "profile_incomplete")}
        assert Check.objects.filter(kind="face").count() == 1

    @pytest.mark.parametrize(
        ("token", "word", "reason"),
        [
            ("spoof-0001", "match", "not_live"),
            ("live-0001", "mismatch", "mismatch"),
            ("live-0001", "not_live", "not_live"),
        ],
    )
    def test_fails_with_a_reason(
        self, agreed: Borrower, sandbox: SandboxClient, clock: Clock, token: str, word: str, reason: str
    ) -> None:
        sandbox.control("face", force={ID_NUMBER: word})
        ask(agreed, token)
        check = run(clock)
        assert (check.state, check.failure) == ("failed", reason)
        assert queries.face_needed(check.user_id, clock.at)
        assert not Notice.objects.exists()

    def test_nobody_answering_ends_dead_and_the_money_waits(
        self, agreed: Borrower, sandbox: SandboxClient, clock: Clock
    ) -> None:
        sandbox.control("face", error_rate=1)
        ask(agreed)
        for _ in range(3):
            run(clock)
            clock.move(minutes=1)
        check = Check.objects.get()
        assert (check.state, Notice.objects.get().kind) == ("dead", "source_dead")
        with pytest.raises(faces.FaceNeeded):
            faces.check_passed(user_id=check.user_id, at=clock.at)

    def test_looking_again_replaces_what_waits(self, agreed: Borrower) -> None:
        ask(agreed)
        ask(agreed, "live-0002")
        assert list(Check.objects.order_by("pk").values_list("state", flat=True)) == ["dead", "pending"]

    def test_a_comparison_without_a_token_cannot_be_written(self, agreed: Borrower) -> None:
        ask(agreed)
        with pytest.raises(IntegrityError, match="users_check_liveness"), transaction.atomic():
            Check.objects.update(liveness=None)


class TestNeeded:
    def test_not_while_the_source_is_off(self, declared: Borrower, clock: Clock) -> None:
        user_id = queries.people_with_number(declared.phone)[0]
        assert not queries.face_needed(user_id, clock.at)

    def test_again_after_a_quarter_of_an_hour_or_ninety_days(self, agreed: Borrower, clock: Clock) -> None:
        ask(agreed)
        user_id = run(clock).user_id
        faces.check_passed(user_id=user_id, at=clock.move(minutes=14, seconds=59))
        assert queries.face_needed(user_id, clock.move(seconds=1))
        gold = Level.objects.get(code="V3")
        assert (gold.rank, gold.limit_factor) == (3, Decimal("1.30"))
        UserLevel.objects.create(user_id=user_id, level=gold, since_at=clock.at)
        assert not queries.face_needed(user_id, clock.at)
        assert queries.face_needed(user_id, clock.move(days=90))

    def test_again_for_another_name(self, agreed: Borrower, clock: Clock) -> None:
        ask(agreed)
        user_id = run(clock).user_id
        assert agreed.call("put", "me/profile", {"name": "李四"}).status_code == 200
        assert queries.face_needed(user_id, clock.at)

    @pytest.mark.parametrize(("rank", "days"), [(1, 0), (2, 0), (3, 90), (4, 90)])
    def test_holds_by_rank(self, rank: int, days: int) -> None:
        assert rules.holds(rank).days == days
