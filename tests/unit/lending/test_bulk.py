"""Rows inserted or saved our way are those that Django's own way writes."""

from datetime import timedelta

import pytest
from django.core.exceptions import ObjectDoesNotExist
from django.db import DataError, IntegrityError, transaction
from django.forms.models import model_to_dict

from lending.common import bulk
from tests.conftest import Clock
from users.models import LoginCode, Message, User

pytestmark = pytest.mark.django_db


def code(clock: Clock, number: int, *, ip: str | None) -> LoginCode:
    return LoginCode(
        phone_index="a" * 64,
        purpose="sign",
        subject="it's 100 % {} %s",
        code_hash=str(number),
        ip=ip,
        created_at=clock.at,
        expires_at=clock.at + timedelta(minutes=number + 1),
    )


def test_same_rows_in_the_same_order_with_their_keys(clock: Clock, django_assert_num_queries: object) -> None:
    ours = [code(clock, number, ip=None if number % 2 else "10.0.0.7") for number in range(5)]
    with django_assert_num_queries(1):  # type: ignore[operator]
        bulk.insert_rows(ours)
    theirs = LoginCode.objects.bulk_create([code(clock, number, ip=row.ip) for number, row in enumerate(ours)])
    stored = [model_to_dict(LoginCode.objects.get(pk=row.pk)) for row in (*ours, *theirs)]
    for row in stored:
        del row["id"]
    assert stored[:5] == stored[5:]
    assert [row["code_hash"] for row in stored[:5]] == ["0", "1", "2", "3", "4"]
    ours[0].used_at = clock.at
    ours[0].save(update_fields=["used_at"])  # no second row
    assert LoginCode.objects.count() == 10


def test_none_and_what_the_database_refuses(clock: Clock) -> None:
    bulk.insert_rows([])
    wrong = code(clock, 1, ip=None)
    wrong.expires_at = clock.at
    with pytest.raises(IntegrityError, match="expires_after"), transaction.atomic():
        bulk.insert_rows([code(clock, 1, ip=None), wrong])
    assert (wrong.pk, LoginCode.objects.count(), Message.objects.count()) == (None, 0, 0)


def test_a_saved_row_is_as_django_saves_it(clock: Clock, django_assert_num_queries: object) -> None:
    ours, theirs = (code(clock, number, ip="10.0.0.7") for number in (1, 2))
    bulk.insert_rows([ours, theirs])
    for row in (ours, theirs):
        row.ip, row.used_at, row.subject, row.code_hash = None, clock.at, "100 % 'so'", "7"
    with django_assert_num_queries(1):  # type: ignore[operator]
        bulk.save(ours)
    theirs.save()
    first, second = (
        model_to_dict(LoginCode.objects.get(pk=row.pk), exclude=["id", "expires_at"]) for row in (ours, theirs)
    )
    assert first == second
    ours.subject, ours.code_hash = "not named", "8"
    bulk.save(ours, ["code_hash"])
    ours.refresh_from_db()
    assert (ours.subject, ours.code_hash) == ("100 % 'so'", "8")


def test_a_text_that_is_too_long_is_refused_and_never_cut(clock: Clock) -> None:
    row = code(clock, 1, ip=None)
    bulk.insert_rows([row])
    row.purpose = "x" * 1000
    with pytest.raises(DataError, match="too long"), transaction.atomic():
        bulk.save(row)
    row.refresh_from_db()
    assert row.purpose == "sign"
    row.delete()
    row.pk = 1
    with pytest.raises(ObjectDoesNotExist):
        bulk.save(row)


def test_one_that_is_there_already_is_not_written_again(clock: Clock) -> None:
    first, second = (
        User(kind="borrower", phone="13800138000", phone_index="b" * 64, password="!", created_at=clock.at)
        for _ in range(2)
    )
    assert [bulk.insert_new(first), bulk.insert_new(second)] == [True, False]
    assert (User.objects.get().pk, second.pk, second._state.adding) == (first.pk, None, True)
    first.language = "en"
    first.save(update_fields=["language"])
    assert User.objects.get().language == "en"
