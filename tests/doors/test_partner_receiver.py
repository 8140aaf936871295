"""The channel's receiver: asked to be sent to again, and its secret changed without a status lost."""

from datetime import datetime
from typing import Any

import pytest

from lending.common import http
from tests.conftest import Clock
from tests.doors.test_partner_api import CONFIGURED, problem, told
from tests.factories.configuration import configure
from tests.factories.partners import cardmate, loanhub
from tests.sandbox_server import SandboxClient
from traffic import services
from traffic.models import Channel, StatusPush


@pytest.fixture
def at(clock: Clock, db: None) -> datetime:
    configure(clock.at, CONFIGURED)
    return clock.at


def states(channel: str = "LOANHUB") -> list[str]:
    return list(StatusPush.objects.filter(channel=channel).order_by("seq").values_list("state", flat=True))


class TestResend:
    def test_sends_again_what_is_asked_for_and_only_the_channel_s_own(self, at: datetime) -> None:
        told(at, count=4)
        told(at, "CARDMATE", count=2)
        for seq, state in ((1, "sent"), (2, "failed"), (3, "kept")):
            StatusPush.objects.filter(seq=seq).update(state=state, sent_at=at)
        answer = loanhub().call("POST", "events/resend", {"from_seq": 2, "to_seq": 9})
        assert (answer.status_code, answer.json()) == (202, {"resent": 2, "on_their_way": 1})
        assert (states(), states("CARDMATE")) == (["sent", "due", "due", "due"], ["sent", "failed"])

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"from_seq": 2, "to_seq": 1}, "to_seq"),
            ({"from_seq": 1, "to_seq": 201}, "to_seq"),
            ({"from_seq": 0, "to_seq": 1}, "from_seq"),
            ({"from_seq": 1}, "to_seq"),
            ({"from_seq": 1, "to_seq": 2**63}, "to_seq"),
        ],
    )
    def test_bad_input_is_named(self, at: datetime, body: dict[str, Any], field: str) -> None:
        answer = loanhub().call("POST", "events/resend", body)
        assert problem(answer) == (422, "invalid")
        assert list(answer.json()["fields"]) == [field]

    def test_without_a_receiver_there_is_nowhere_to_send(self, at: datetime) -> None:
        Channel.objects.filter(pk="LOANHUB").update(callback_url="")
        for operation, body in (("events/resend", {"from_seq": 1, "to_seq": 1}), ("callback-secret", {})):
            assert problem(loanhub().call("POST", operation, body)) == (409, "no_receiver")


class TestSecret:
    def test_the_former_signs_for_fourteen_days_and_then_the_new_one(
        self, at: datetime, clock: Clock, sandbox: SandboxClient
    ) -> None:
        made = cardmate().call("POST", "callback-secret", {}).json()
        channel = Channel.objects.get(pk="CARDMATE")
        assert (made["takes_over_at"], len(made["secret"])) == ("2026-03-16T02:00:00Z", 43)
        assert services.keys.callback_secrets(channel, at) == ("sandbox-CARDMATE", made["secret"])
        told(at, "CARDMATE")
        services.run_due(now=at)
        assert states("CARDMATE") == ["sent"]  # the receiver still knows the former alone
        assert services.keys.callback_secrets(channel, clock.move(days=14)) == (made["secret"], "")
        told(clock.at, "CARDMATE")
        services.run_due(now=clock.at)
        assert states("CARDMATE") == ["sent", "due"]

    def test_asked_again_the_new_one_is_another_and_at_once_ends_the_former(self, at: datetime) -> None:
        first, second = (loanhub().call("POST", "callback-secret", {}).json()["secret"] for _ in range(2))
        found = services.keys.callback_secrets(Channel.objects.get(pk="LOANHUB"), at)
        assert (found, first != second) == (("sandbox-LOANHUB", second), True)
        made = loanhub().call("POST", "callback-secret", {"at_once": True}).json()
        assert services.keys.callback_secrets(Channel.objects.get(pk="LOANHUB"), at) == (made["secret"], "")

    def test_another_channel_s_secret_is_refused_by_the_receiver(self, at: datetime, sandbox: SandboxClient) -> None:
        Channel.objects.filter(pk="LOANHUB").update(callback_secret=Channel.objects.get(pk="POCKET").callback_secret)
        told(at)
        services.run_due(now=at)
        assert states() == ["due"]

    def test_both_signatures_are_over_the_same(self) -> None:
        _, headers = http._request("POST", "http://partner.example/events?a=1", {}, "cashloan", "old", None, "new")
        said = {"method": "POST", "path": "/events?a=1", "timestamp": headers["X-Timestamp"], "body": b"{}"}
        assert headers["X-Signature"] == http.sign(secret="old", **said)
        assert headers["X-Signature-Next"] == http.sign(secret="new", **said)
