"""Two at once: real connections, real commits."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, transaction

from lending.common.errors import DomainError
from tests.conftest import Clock
from tests.unit.users.conftest import PHONE, newest_code
from users.models import LoginCode, Token, User
from users.services import accounts, auth, configuration

pytestmark = pytest.mark.django_db(transaction=True)
IP = "127.0.0.1"


@pytest.fixture
def at(clock: Clock) -> datetime:
    configuration.load_levels()
    configuration.load_documents(at=clock.at)
    return clock.at


def together(act: Callable[[], Any], times: int = 4) -> list[Any]:
    """What each of `times` threads got: the result, or the error's code."""
    barrier = Barrier(times)

    def run(_: int) -> Any:
        try:
            barrier.wait(timeout=10)
            with transaction.atomic(durable=True):
                return act()
        except DomainError as error:
            return error.code
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))


def ask(at: datetime) -> None:
    auth.request_code(phone=PHONE, purpose="login", ip=IP, at=at, notice_accepted=True)


def sign_in(at: datetime, code: str) -> auth.TokenPair:
    return auth.exchange(phone=PHONE, code=code, accepted={"service": "1", "privacy": "1"}, ip=IP, at=at)


def test_one_account_for_one_phone(at: datetime) -> None:
    assert len(set(together(lambda: accounts.ensure_user(phone=PHONE, at=at)))) == 1
    assert User.objects.count() == 1


def test_one_code_a_minute(at: datetime) -> None:
    answers = together(lambda: ask(at))
    assert sorted(answers, key=str) == [None, "code_too_soon", "code_too_soon", "code_too_soon"]
    assert LoginCode.objects.count() == 1


def test_a_code_signs_in_once(at: datetime) -> None:
    with transaction.atomic():
        ask(at)
    code = newest_code()
    answers = together(lambda: sign_in(at, code))
    assert sum(isinstance(answer, auth.TokenPair) for answer in answers) == 1
    assert answers.count("wrong_code") == 3
    assert Token.objects.count() == 2


def test_a_refresh_token_is_exchanged_once_and_its_reuse_ends_the_family(at: datetime) -> None:
    with transaction.atomic():
        ask(at)
    with transaction.atomic():
        pair = sign_in(at, newest_code())
    answers = together(lambda: auth.refresh(refresh=pair.refresh, at=at), times=2)
    assert sum(isinstance(answer, auth.TokenPair) for answer in answers) == 1
    assert answers.count(None) == 1
    assert not Token.objects.filter(revoked_at=None).exists()
