"""Whose borrower it is: found at the grant, from touches within their time, and never changed."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from lending.models import Application
from tests.factories.applications import judged
from tests.factories.configuration import configure
from traffic import services
from traffic.models import Attribution, Touch
from traffic.rules.attribution import Credit, credit
from traffic.rules.attribution import Touch as Seen

GRANT = datetime(2026, 3, 31, 12, tzinfo=UTC)
START = GRANT - timedelta(hours=1)
DAYS = {"LOANHUB": 30, "CARDMATE": 15, "POCKET": 7}


def seen(channel: str, kind: str = "session", *, days: float = 0, hours: float = 0) -> Seen:
    return Seen(channel, kind, START - timedelta(days=days, hours=hours))


@pytest.mark.parametrize(
    ("came_by", "touches", "found"),
    [
        ("OWN", [], ("OWN", None, None, "none")),
        ("POCKET", [], ("POCKET", None, None, "intake")),
        ("POCKET", [seen("CARDMATE", days=1), seen("POCKET", "intake")], ("POCKET", "CARDMATE", "POCKET", "intake")),
        ("OWN", [seen("CARDMATE", days=3), seen("LOANHUB", days=5)], ("CARDMATE", "LOANHUB", "CARDMATE", "last_touch")),
        ("OWN", [seen("CARDMATE", days=16)], ("OWN", None, None, "none")),  # longer ago than it is paid for
        ("OWN", [seen("LOANHUB", days=16)], ("LOANHUB", "LOANHUB", "LOANHUB", "last_touch")),
        ("OWN", [seen("LOANHUB", "precheck", hours=23)], ("LOANHUB", "LOANHUB", "LOANHUB", "last_touch")),
        ("OWN", [seen("LOANHUB", "precheck", hours=25)], ("OWN", None, None, "none")),  # held for a day only
        ("OWN", [seen("LOANHUB", "precheck", hours=-0.5)], ("OWN", None, None, "none")),  # after it had begun
    ],
)
def test_credit(came_by: str, touches: list[Seen], found: tuple[str, str | None, str | None, str]) -> None:
    asked = {"started_at": START, "granted_at": GRANT, "days": DAYS, "hold": timedelta(hours=24)}
    assert credit(came_by=came_by, touches=touches, **asked) == Credit(*found)  # type: ignore[arg-type]


class TestFreezeAttribution:
    def test_is_written_once_and_stays_whatever_comes(self, at: datetime) -> None:
        application_id = judged(at, "approve", reasons=())
        user_id = Application.objects.get(pk=application_id).user_id
        Touch.objects.create(user_id=user_id, channel_id="CARDMATE", kind="session", at=at)
        services.freeze_attribution(application_id=application_id, at=at)
        Touch.objects.create(user_id=user_id, channel_id="LOANHUB", kind="session", at=at)
        services.freeze_attribution(application_id=application_id, at=at)
        found = Attribution.objects.get()
        assert (found.channel_id, found.rule) == ("CARDMATE", "last_touch")

    def test_database_refuses_to_change_it(self, at: datetime) -> None:
        application_id = judged(at, "approve", reasons=())
        services.freeze_attribution(application_id=application_id, at=at)
        with pytest.raises(IntegrityError, match="append_only"), transaction.atomic():
            Attribution.objects.update(channel_id="LOANHUB")
        with pytest.raises(IntegrityError, match="append_only"), transaction.atomic():
            Attribution.objects.all().delete()

    def test_database_refuses_to_empty_it(self, db: None) -> None:
        with pytest.raises(IntegrityError, match="append_only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("TRUNCATE traffic_attribution")


def test_the_grant_freezes_it(at: datetime) -> None:
    from lending import flow

    configure(at, ("funding",))
    application_id = judged(at, "approve", reasons=())
    while flow.run_due(at=at):
        pass
    assert Attribution.objects.get(application_id=application_id).channel_id == "OWN"
