"""A channel's keys: two live at once, changed in peace, ended at once."""

from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from lending.common.errors import Invalid, NotFound
from tests.factories.staff import officer
from traffic import services
from traffic.models import Channel, ChannelKey
from traffic.rules import flows
from traffic.services.keys import KeyEnded, NoDoor, TooManyKeys
from users.models import Amendment, StaffAct

WHY = "it was in an e-mail"


class TestIssueKey:
    def test_the_former_one_lives_on_for_two_weeks_and_a_third_is_refused(self, at: datetime) -> None:
        by = officer(at)
        secret = services.issue_key(channel_code="LOANHUB", reason=WHY, by=by, at=at)
        new, former = ChannelKey.objects.filter(channel="LOANHUB")
        assert (new.secret, new.valid_to, former.valid_to) == (secret, None, at + timedelta(days=14))
        assert len(secret) >= 40
        with pytest.raises(TooManyKeys):
            services.issue_key(channel_code="LOANHUB", reason=WHY, by=by, at=at)
        services.issue_key(channel_code="LOANHUB", reason=WHY, by=by, at=at + timedelta(days=15))
        assert StaffAct.objects.filter(act="issue_key").count() == 2

    @pytest.mark.parametrize(("channel", "error"), [("OWN", NoDoor), ("NOBODY", NotFound)])
    def test_not_for_who_does_not_call(self, at: datetime, channel: str, error: type[Exception]) -> None:
        with pytest.raises(error):
            services.issue_key(channel_code=channel, reason=WHY, by=officer(at), at=at)

    def test_database_refuses_two_newest(self, at: datetime) -> None:
        with pytest.raises(IntegrityError, match="channel_one_newest_key"), transaction.atomic():
            ChannelKey.objects.create(channel_id="LOANHUB", secret="x", issued_by="system", issued_at=at)

    def test_a_secret_is_not_in_the_database_as_it_is(self, at: datetime) -> None:
        secret = services.issue_key(channel_code="LOANHUB", reason=WHY, by=officer(at), at=at)
        stored = ChannelKey.objects.extra(select={"raw": "secret"}).first()
        assert stored is not None
        assert secret.encode() not in bytes(stored.raw)


class TestEndKey:
    def test_once(self, at: datetime) -> None:
        key = ChannelKey.objects.get(channel="LOANHUB")
        services.end_key(key_id=key.pk, reason=WHY, by=officer(at), at=at)
        with pytest.raises(KeyEnded):
            services.end_key(key_id=key.pk, reason=WHY, by=officer(at), at=at)


class TestChangeDoor:
    def test_keeps_what_was_and_what_is(self, at: datetime) -> None:
        services.change_door(
            channel_code="LOANHUB", networks="203.0.113.7, 2001:db8::/32", rate_per_minute=9, reason=WHY,
            by=officer(at), at=at,
        )  # fmt: skip
        channel = Channel.objects.get(pk="LOANHUB")
        assert (channel.ip_allow, channel.rate_per_minute) == (["203.0.113.7/32", "2001:db8::/32"], 9)
        kept = {row.field: (row.before, row.after) for row in Amendment.objects.all()}
        assert kept == {"ip_allow": ("", "203.0.113.7/32 2001:db8::/32"), "rate_per_minute": ("600", "9")}

    @pytest.mark.parametrize(("networks", "rate"), [("203.0.113.7/24", 9), ("everywhere", 9), ("", 0), ("", 6001)])
    def test_refuses_what_is_no_address_and_no_rate(self, at: datetime, networks: str, rate: int) -> None:
        with pytest.raises(Invalid):
            services.change_door(
                channel_code="LOANHUB", networks=networks, rate_per_minute=rate, reason=WHY, by=officer(at), at=at
            )
        assert Channel.objects.get(pk="LOANHUB").ip_allow == []


@pytest.mark.parametrize(
    ("address", "networks", "allowed"),
    [
        ("203.0.113.7", [], True),
        ("203.0.113.7", ["203.0.113.0/24"], True),
        ("203.0.114.7", ["203.0.113.0/24"], False),
        ("2001:db8::1", ["203.0.113.0/24", "2001:db8::/32"], True),
        ("", ["203.0.113.0/24"], False),
    ],
)
def test_is_allowed(address: str, networks: list[str], allowed: bool) -> None:
    assert flows.is_allowed(address, networks) is allowed


def test_every_flow_of_the_channels_is_known(at: datetime) -> None:
    assert {channel.flow for channel in Channel.objects.all()} <= set(flows.OPERATIONS)
