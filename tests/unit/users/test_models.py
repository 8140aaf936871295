"""What the database itself refuses, whatever the code above it does."""

import base64
import uuid
from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Model

from lending.common.crypto import blind_index, mask_ip
from tests.unit.users.conftest import CARD, ID_NUMBER, PHONE
from users.models import (
    AccessLog,
    Check,
    Consent,
    Device,
    Document,
    LoginCode,
    Notice,
    Profile,
    StaffAct,
    User,
)
from users.services import accounts, auth, consents, profiles

pytestmark = pytest.mark.django_db


@pytest.fixture
def user_id(tables: None, at: datetime) -> int:
    return accounts.ensure_user(phone=PHONE, at=at)


@pytest.fixture
def consent_id(user_id: int, at: datetime) -> int:
    return consents.give(user_id=user_id, code="identity", version="1", recipients=(), ip="::1", at=at)


def refused(act) -> str:
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        act()
    return str(caught.value)


def require(consent_id: int, user_id: int, recipient: str, at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT users_require_live_consent(%s, %s, %s, %s)", [consent_id, user_id, recipient, at])


class TestUser:
    STAFF = {"kind": "staff", "is_staff": True, "username": "someone", "password": "!"}
    BORROWER = {"kind": "borrower", "phone": PHONE, "phone_index": "0" * 64, "password": "!"}

    def test_either_kind_alone_is_accepted(self, at: datetime) -> None:
        User.objects.create(**self.STAFF, created_at=at)
        User.objects.create(**self.BORROWER, created_at=at)

    @pytest.mark.parametrize(
        "wrong",
        [
            STAFF | {"username": None},
            STAFF | {"phone": PHONE, "phone_index": "0" * 64},
            STAFF | {"is_staff": False},
            BORROWER | {"phone": None, "phone_index": None},
            BORROWER | {"username": "both"},
            BORROWER | {"is_staff": True},
            BORROWER | {"is_superuser": True},
            BORROWER | {"password": "md5$salt$hash"},
            BORROWER | {"kind": "robot"},
        ],
    )
    def test_never_both_and_never_half(self, wrong: dict, at: datetime) -> None:
        assert "staff_xor_borrower" in refused(lambda: User.objects.create(**wrong, created_at=at))

    def test_one_account_a_phone(self, user_id: int, at: datetime) -> None:
        assert accounts.ensure_user(phone="+86" + PHONE, at=at) == user_id
        index = User.objects.get(pk=user_id).phone_index
        twin = self.BORROWER | {"phone_index": index}
        assert "phone_index" in refused(lambda: User.objects.create(**twin, created_at=at))

    def test_phone_and_id_number_are_ciphertext_in_the_table(self, user_id: int, at: datetime) -> None:
        profiles.save(user_id=user_id, by="system", at=at, name="王建国", id_number=ID_NUMBER)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT u.phone, p.id_number, p.name FROM users_user u JOIN users_profile p ON p.user_id = u.id"
            )
            stored = [bytes(value) for value in cursor.fetchone()]
        for clear in (PHONE, ID_NUMBER, "王建国"):
            assert not any(clear.encode() in value for value in stored)
        assert User.objects.get(pk=user_id).phone == PHONE

    def test_what_an_older_key_encrypted_stays_readable(self, user_id: int, settings) -> None:
        newer = base64.b64encode(b"n" * 32).decode()
        settings.FIELD_ENCRYPTION_KEYS = [newer, *settings.FIELD_ENCRYPTION_KEYS]
        user = User.objects.get(pk=user_id)
        assert user.phone == PHONE
        user.save(update_fields=["phone"])  # written again, under the newer key
        settings.FIELD_ENCRYPTION_KEYS = [newer]
        assert User.objects.get(pk=user_id).phone == PHONE

    def test_one_account_an_id_number(self, user_id: int, at: datetime) -> None:
        profiles.save(user_id=user_id, by="system", at=at, id_number=ID_NUMBER)
        other = accounts.ensure_user(phone="13800138000", at=at)
        with pytest.raises(profiles.IdNumberInUse):
            profiles.save(user_id=other, by="system", at=at, id_number=ID_NUMBER)
        row = Profile(user_id=other, id_number=ID_NUMBER, updated_at=at, updated_by="system")
        row.id_index = blind_index(ID_NUMBER, "id_number")
        assert "id_index" in refused(row.save)

    def test_an_id_number_never_without_its_index(self, user_id: int, at: datetime) -> None:
        row = Profile(user_id=user_id, id_number=ID_NUMBER, updated_at=at, updated_by="system")
        assert "id_number_with_index" in refused(row.save)


class TestConsent:
    def test_is_never_edited_or_deleted(self, consent_id: int) -> None:
        consent = Consent.objects.get(pk=consent_id)
        consent.recipients = ["somebody_else"]
        assert "never edited" in refused(consent.save)
        assert "append-only" in refused(consent.delete)

    def test_is_withdrawn_once(self, consent_id: int, user_id: int, at: datetime) -> None:
        consents.withdraw(user_id=user_id, consent_id=consent_id, by="system", at=at)
        row = Consent.objects.filter(pk=consent_id)
        assert "never edited" in refused(lambda: row.update(withdrawn_at=None, withdrawn_by=""))
        with pytest.raises(consents.AlreadyWithdrawn):
            consents.withdraw(user_id=user_id, consent_id=consent_id, by="system", at=at)

    def test_who_and_when_of_a_withdrawal_go_together(self, consent_id: int, at: datetime) -> None:
        rows = Consent.objects.filter(pk=consent_id)
        assert "who_and_when" in refused(lambda: rows.update(withdrawn_at=at))
        assert "who_and_when" in refused(lambda: rows.update(withdrawn_by="user:1"))

    def test_names_a_recipient_and_where_signed_with_a_code_the_code(self, consent_id: int, at: datetime) -> None:
        row = Consent.objects.get(pk=consent_id)
        row.pk, row.public_id, row.recipients = None, uuid.uuid4(), []
        assert "has_recipient" in refused(row.save)
        row.recipients, row.accepted_by = ["platform"], "otp"
        assert "otp_backed" in refused(row.save)

    def test_a_published_text_never_changes(self, tables: None) -> None:
        document = Document.objects.get(code="privacy")
        document.body_zh = "…"
        assert "append-only" in refused(document.save)


class TestRequireLiveConsent:
    def test_is_silent_for_a_live_one(self, consent_id: int, user_id: int, at: datetime) -> None:
        require(consent_id, user_id, "identity_vendor", at)

    def test_refuses_one_that_is_not(self, consent_id: int, user_id: int, at: datetime) -> None:
        other = accounts.ensure_user(phone="13800138000", at=at)
        assert "consent_not_live: consent 0 does not exist" in refused(lambda: require(0, user_id, "platform", at))
        assert "of another user" in refused(lambda: require(consent_id, other, "identity_vendor", at))
        assert "does not name bureau" in refused(lambda: require(consent_id, user_id, "bureau", at))
        consents.withdraw(user_id=user_id, consent_id=consent_id, by="system", at=at)
        assert "is withdrawn" in refused(lambda: require(consent_id, user_id, "identity_vendor", at))

    def test_one_withdrawn_later_was_live_before(self, consent_id: int, user_id: int, at: datetime) -> None:
        consents.withdraw(user_id=user_id, consent_id=consent_id, by="system", at=at + timedelta(hours=1))
        require(consent_id, user_id, "identity_vendor", at)

    def test_guards_a_check_at_insert_and_at_claim(self, consent_id: int, user_id: int, at: datetime) -> None:
        facts = {
            "user_id": user_id,
            "kind": "id2",
            "subject_index": "0" * 64,
            "consent_id": consent_id,
            "created_at": at,
        }
        wrong = {"key": "a", "recipient": "bureau"}
        assert "consent_not_live" in refused(lambda: Check.objects.create(**facts, **wrong))
        check = Check.objects.create(**facts, key="b", recipient="identity_vendor")
        Consent.objects.filter(pk=consent_id).update(withdrawn_at=at, withdrawn_by="system")
        due = Check.objects.filter(pk=check.pk)
        assert "is withdrawn" in refused(lambda: due.update(leased_until=at + timedelta(minutes=1)))


class TestAddresses:
    def test_lie_encrypted_and_are_never_another(self, consent_id: int, at: datetime) -> None:
        own = Consent.objects.filter(pk=consent_id)
        address = own.get().ip
        with connection.cursor() as cursor:
            cursor.execute("SELECT ip FROM users_consent WHERE id = %s", [consent_id])
            assert address.encode() not in bytes(cursor.fetchone()[0])
        assert "never edited" in refused(lambda: own.update(ip="10.9.8.7"))
        assert "never edited" in refused(lambda: own.update(ip=None, version="2"))
        own.update(ip=None)
        assert "never edited" in refused(lambda: own.update(ip=address))
        consents.withdraw(user_id=own.get().user_id, consent_id=consent_id, by="system", at=at)

    @pytest.mark.parametrize(("address", "shown"), [("203.0.113.7", "203.0.*.*"), ("2001:db8::17", "2001:db8:*")])
    def test_are_shown_in_half(self, address: str, shown: str) -> None:
        assert mask_ip(address) == shown


class TestOtherRows:
    def test_the_access_log_is_append_only(self, db: None, at: datetime) -> None:
        row = AccessLog.objects.create(by="staff:1", subject="user:1", fields=["phone"], reason="a call back", at=at)
        row.reason = "another"
        assert "append-only" in refused(row.save)
        assert "append-only" in refused(row.delete)
        assert "has_reason" in refused(
            lambda: AccessLog.objects.create(by="staff:1", subject="user:1", fields=["phone"], reason="", at=at)
        )

    def test_a_sign_in_code_needs_the_notice(self, db: None, at: datetime) -> None:
        row = LoginCode(phone_index="0" * 64, purpose="login", code_hash="0" * 64, created_at=at)
        row.expires_at = at + auth.REFRESH_TTL
        assert "notice_first" in refused(row.save)

    def test_an_open_notice_is_one_row(self, db: None, at: datetime) -> None:
        facts = {"kind": "k", "subject": "s", "text": "t", "severity": "info", "raised_at": at, "last_at": at}
        Notice.objects.create(**facts)
        assert "one_open" in refused(lambda: Notice.objects.create(**facts))
        assert "who_and_when" in refused(lambda: Notice.objects.create(**facts | {"subject": "x"}, closed_at=at))

    def test_a_card_is_with_one_borrower_once(self, declared, at: datetime) -> None:
        answer = declared.call("post", "me/bank-cards", {"number": CARD, "phone": PHONE})
        assert answer.status_code == 201, answer.json()
        again = declared.call("post", "me/bank-cards", {"number": CARD, "phone": PHONE})
        assert again.json()["id"] == answer.json()["id"]


class TestDevice:
    def test_is_neither_kept_nor_seen_again_without_a_live_consent(self, user_id: int, at: datetime) -> None:
        consents.give(user_id=user_id, code="device", version="1", recipients=(), ip="::1", at=at)
        consent = Consent.objects.get(code="device")
        facts = {"user_id": user_id, "platform": "ios", "ip": "::1", "consent": consent, "first_seen_at": at}
        device = Device.objects.create(**facts, fingerprint="one-device", fingerprint_index="1" * 64, last_seen_at=at)
        later = at + timedelta(hours=1)
        consents.withdraw(user_id=user_id, consent_id=consent.pk, by="user:1", at=later)
        device.last_seen_at = later
        assert "is withdrawn" in refused(lambda: device.save(update_fields=["last_seen_at"]))
        new = facts | {"fingerprint_index": "2" * 64, "fingerprint": "another", "last_seen_at": later}
        assert "is withdrawn" in refused(lambda: Device.objects.create(**new))


class TestAppendOnly:
    @pytest.mark.parametrize("model", [AccessLog, StaffAct, Consent, Document])
    def test_cannot_be_emptied_either(self, db: None, model: type[Model]) -> None:
        def empty() -> None:
            with connection.cursor() as cursor:
                cursor.execute(f"TRUNCATE {model._meta.db_table} CASCADE")

        assert "is append-only" in refused(empty)
