"""A request that is repeated gets the first answer; an error leaves nothing; two at once act once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import httpx
import pytest
from django.db import IntegrityError, connection, transaction
from pytest_django.live_server_helper import LiveServer

from lending.common.errors import DomainError
from lending.models import Application, Drawdown, Grant, IdempotencyKey
from lending.services.idempotency import Answer, KeyMissing, KeyReused, once
from tests.conftest import Clock
from tests.factories import loans as factory
from tests.factories.borrowers import borrower
from tests.factories.configuration import configure
from tests.factories.tokens import access_token

REQUEST = {"path": "/api/v1/applications", "body": {"product": "LINE"}}


class Acts:
    """Counts how often it acted."""

    def __init__(self, error: Exception | None = None) -> None:
        self.times, self.error = 0, error

    def __call__(self) -> Answer:
        self.times += 1
        if self.error:
            raise self.error
        return Answer(201, {"number": self.times})


def ask(act: Callable[[], Answer], at: datetime, **changed: Any) -> tuple[Answer, bool]:
    given = {"caller": "user:1", "key": "k1", "request": REQUEST} | changed
    with transaction.atomic():
        return once(**given, at=at, act=act)


class TestOnce:
    def test_acts_once_and_replays(self, at: datetime) -> None:
        act = Acts()
        assert ask(act, at) == (Answer(201, {"number": 1}), False)
        assert ask(act, at) == (Answer(201, {"number": 1}), True)
        assert act.times == 1

    def test_a_key_is_the_caller_s_own(self, at: datetime) -> None:
        act = Acts()
        ask(act, at)
        assert ask(act, at, caller="user:2") == (Answer(201, {"number": 2}), False)

    @pytest.mark.parametrize("other", [{"path": "/elsewhere", "body": {"product": "LINE"}}, REQUEST | {"body": {}}])
    def test_another_request_under_it_is_refused(self, at: datetime, other: dict[str, Any]) -> None:
        act = Acts()
        ask(act, at)
        with pytest.raises(KeyReused):
            ask(act, at, request=other)
        assert act.times == 1

    def test_the_order_of_fields_is_no_difference(self, at: datetime) -> None:
        act = Acts()
        ask(act, at, request={"a": 1, "b": 2})
        assert ask(act, at, request={"b": 2, "a": 1})[1] is True

    @pytest.mark.parametrize("key", [None, "", "x" * 129])
    def test_needs_a_key(self, at: datetime, key: str | None) -> None:
        act = Acts()
        with pytest.raises(KeyMissing):
            ask(act, at, key=key)
        assert act.times == 0

    def test_an_error_is_not_kept(self, at: datetime) -> None:
        with pytest.raises(KeyError):
            ask(Acts(KeyError("x")), at)
        assert not IdempotencyKey.objects.exists()
        assert ask(Acts(), at)[1] is False

    def test_the_database_holds_one_answer_per_key(self, at: datetime) -> None:
        ask(Acts(), at)
        row = IdempotencyKey.objects.get()
        row.pk = None
        with pytest.raises(IntegrityError, match="one_answer_per_key"), transaction.atomic():
            row.save(force_insert=True)


@pytest.mark.django_db(transaction=True)
class TestThroughHttp:
    def test_duplicates_at_the_same_moment_act_once(self, live_server: LiveServer, clock: Clock) -> None:
        with transaction.atomic():
            configure(clock.at, ("lending", "users"))
            user_id = borrower(clock.at)
            token = access_token(user_id, clock.at)

        def post(key: str, product: str = "LINE") -> httpx.Response:
            headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
            return httpx.post(
                f"{live_server.url}/api/v1/applications", json={"product": product}, headers=headers, timeout=30
            )

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: post("same"), range(8)))
        assert Application.objects.count() == 1
        created = [answer for answer in answers if answer.status_code == 201]
        refused = [answer for answer in answers if answer.status_code != 201]
        assert created
        assert len({answer.json()["id"] for answer in created}) == 1
        assert all((a.status_code, a.json()["code"]) == (409, "idempotency_key_in_flight") for a in refused)
        # Once it is done: the first answer, another request refused by name, and an error leaves its key free.
        assert post("same").json() == created[0].json()
        other = post("same", "BIZ")
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
        error = post("second")
        assert (error.status_code, error.json()["code"]) == (409, "open_application_exists")
        assert list(IdempotencyKey.objects.values_list("caller", "key")) == [(f"user:{user_id}", "same")]
        with ThreadPoolExecutor(4) as pool:  # different keys: still one open application of a kind
            answers = list(pool.map(lambda number: post(f"biz-{number}", "BIZ"), range(4)))
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
        self.limit_holds(clock)

    def limit_holds(self, clock: Clock) -> None:
        """Six draws of 20,000 on a line of 50,000 at the same moment: two are held."""
        with transaction.atomic():
            who = factory.taker(clock.at)
            grant_id = factory.granted(clock.at, who)

        def draw(_: int) -> str:
            try:
                with transaction.atomic():
                    factory.requested(clock.at, who, grant_id, amount_cents=2_000_000)
            except DomainError as error:
                return error.code
            finally:
                connection.close()
            return "held"

        with ThreadPoolExecutor(6) as pool:
            assert sorted(pool.map(draw, range(6))) == ["grant_not_usable"] * 4 + ["held"] * 2
        assert Drawdown.objects.filter(grant_id=grant_id).count() == 2
        assert Grant.objects.get(pk=grant_id).pending_cents == 4_000_000
