"""A read whose SQL is written once gives what its queryset gives, to whoever asks and with whatever values."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from django.db import connection, connections, transaction
from django.db.models import Q, QuerySet
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from lending.common.compiled import compiled
from tests.conftest import Clock
from tests.factories.borrowers import id_number, phone
from users.models import Profile, User
from users.services import accounts, profiles

pytestmark = pytest.mark.django_db


@compiled
def with_profile(user_id: int) -> QuerySet[User]:
    return User.objects.filter(pk=user_id).select_related("profile")


@compiled
def made_before(language: str, at: datetime) -> QuerySet[User, int]:
    rows = User.objects.filter(Q(created_at__lt=at) | Q(created_at=at), language=language, kind="borrower")
    return rows.order_by("pk").values_list("pk", flat=True)


@compiled
def locked(user_id: int) -> QuerySet[User]:
    return User.objects.select_for_update().filter(pk=user_id)


def test_rows_are_those_of_the_queryset_with_what_belongs_to_them_and_no_further_statement(clock: Clock) -> None:
    ids = [someone(serial, clock.at) for serial in range(3)]
    for user_id in [*ids, *ids]:
        with CaptureQueriesContext(connection) as seen:
            (user,) = with_profile(user_id=user_id)
            profile = user.profile
        assert len(seen) == 1
        assert (user, user.phone) == (User.objects.get(pk=user_id), User.objects.get(pk=user_id).phone)
        assert profile == Profile.objects.get(user_id=user_id)
        assert profile.id_number == Profile.objects.get(user_id=user_id).id_number
    assert with_profile(user_id=0) == []


def test_one_value_used_twice_and_values_that_look_like_sql(clock: Clock) -> None:
    pk = someone(1, clock.at)
    language = User.objects.get(pk=pk).language
    assert made_before(language=language, at=clock.at) == [pk]
    assert made_before(language=language, at=clock.at - timedelta(microseconds=1)) == []
    assert made_before(language="' OR true --", at=clock.at) == []
    assert made_before(language="%s", at=clock.at) == []
    assert made_before(at=clock.at, language=language) == [pk]


def test_what_would_need_another_statement_is_refused(clock: Clock) -> None:
    for wrong in ({}, {"user_id": None}, {"user_id": 1, "at": clock.at}, {"pk": 1}):
        with pytest.raises(TypeError, match="with_profile takes user_id"):
            with_profile(**wrong)

    @compiled
    def heedless(user_id: int) -> QuerySet[User]:
        return User.objects.all()

    with pytest.raises(TypeError, match="does not use all"):
        heedless(user_id=1)


@pytest.mark.django_db(transaction=True)
def test_a_read_that_locks_needs_a_transaction_every_time_and_locks(clock: Clock) -> None:
    pk = someone(1, clock.at)
    with transaction.atomic():
        locked(user_id=pk)
        with ThreadPoolExecutor(1) as pool:
            free = pool.submit(_free, pk).result()
    assert free == []
    with pytest.raises(TransactionManagementError):
        locked(user_id=pk)


@pytest.mark.django_db(transaction=True)
def test_threads_have_a_connection_each(clock: Clock) -> None:
    ids = [someone(serial, clock.at) for serial in range(4)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(_read, ids * 10))
    assert found == ids * 10


def test_a_thread_that_is_given_another_connection_uses_that(clock: Clock) -> None:
    pk = someone(1, clock.at)
    assert [user.pk for user in with_profile(user_id=pk)] == [pk]
    former = connections["default"]
    del connections["default"]
    try:
        with connection.cursor() as cursor:  # outside the test's transaction, where nobody is
            cursor.execute("SELECT 1")
        assert with_profile(user_id=pk) == []
        connection.close()
    finally:
        connections["default"] = former
    assert [user.pk for user in with_profile(user_id=pk)] == [pk]


def someone(serial: int, at: datetime) -> int:
    with transaction.atomic():
        user_id = accounts.ensure_user(phone=phone(serial), at=at)
        profiles.save(user_id=user_id, by=f"user:{user_id}", at=at, name="王建国", id_number=id_number(serial))
    return user_id


def _read(user_id: int) -> int:
    try:
        return with_profile(user_id=user_id)[0].pk
    finally:
        connection.close()


def _free(pk: int) -> list[User]:
    try:
        with transaction.atomic():
            return list(User.objects.select_for_update(skip_locked=True).filter(pk=pk))
    finally:
        connection.close()
