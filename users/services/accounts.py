"""Accounts: made once, never twice."""

from collections.abc import Sequence
from datetime import datetime

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.db.models import QuerySet

from lending.common import bulk
from lending.common.compiled import compiled
from lending.common.crypto import blind_index
from users.models import Token, User, UserKind
from users.rules import identity


def open_account(*, phone: str, at: datetime) -> tuple[int, bool]:
    """The id of the borrower with this phone, and whether the account was made now. Raises InvalidPhone."""
    number = identity.phone(phone)
    index = blind_index(number, "phone")
    new = User(kind=UserKind.BORROWER, phone=number, phone_index=index, password=make_password(None), created_at=at)
    if bulk.insert_new(new):
        return new.pk, True
    return User.objects.values_list("pk", flat=True).get(phone_index=index), False


def ensure_user(*, phone: str, at: datetime) -> int:
    """As `open_account`, where it does not matter whether it is new."""
    return open_account(phone=phone, at=at)[0]


def lock(user_id: int) -> User:
    """The account, until the end of the transaction. Raises User.DoesNotExist."""
    for user in _locked(user_id=user_id):
        return user
    raise User.DoesNotExist


@compiled
def _locked(user_id: int) -> QuerySet[User]:
    return User.objects.select_for_update().filter(pk=user_id)


def make_staff(
    *,
    username: str,
    password: str,
    full_name: str = "",
    groups: Sequence[str] = (),
    is_superuser: bool = False,
    at: datetime,
) -> int:
    """The id of the staff account; an existing one keeps its password and gets the groups.

    Raises django's ValidationError where the password is too weak. The groups must exist.
    """
    user = User.objects.filter(username=username, kind=UserKind.STAFF).first()
    if user is None:
        validate_password(password, User(username=username, full_name=full_name))
        user = User.objects.create_user(
            username, password, full_name=full_name, is_superuser=is_superuser, language="zh-hans", created_at=at
        )
    user.groups.set(Group.objects.filter(name__in=groups))
    return user.pk


def set_language(*, user_id: int, language: str) -> None:
    """The language of messages to this borrower: zh-hans or en."""
    user = lock(user_id)
    user.language = language
    user.save(update_fields=["language"])


def end_sign_ins(*, user_id: int, at: datetime) -> None:
    """Every token and every web session of this borrower is over, on all devices."""
    user = lock(user_id)
    user.set_unusable_password()  # a session holds a digest of it, so all of them go
    user.save(update_fields=["password"])
    Token.objects.filter(user_id=user_id, revoked_at=None).update(revoked_at=at)
