"""Variables counted in the data of the borrower's phone: known where it was sent, unknown where it was refused."""

from datetime import datetime
from typing import Any

from risk.models import Assessment, Variable
from risk.services import facts, register
from tests.factories.borrowers import IP, consent
from tests.unit.risk.conftest import Apply, assessment
from users import queries as users
from users.rules.collected import scrambled
from users.services import collected


def known(subject: Assessment, at: datetime) -> dict[str, Any]:
    return facts.known(subject, register.catalogue(), users.live_consents(subject.user_id, at), at).values


def test_are_unknown_until_sent_and_then_what_was_counted(apply: Apply, at: datetime) -> None:
    subject = assessment(apply(1))
    names = set(Variable.objects.filter(source="self_collected").values_list("name", flat=True))
    before = known(subject, at)
    assert {name: before[name] for name in names} == dict.fromkeys(names)
    for kind in ("device", "sms", "contacts"):
        consent(subject.user_id, kind, at)
    device = {"fingerprint": "d" * 32, "platform": "android", "is_emulator": True}
    book = [scrambled("17000000001"), scrambled("17000000009")]
    collected.receive(user_id=subject.user_id, device=device, sms=[], contacts=book, ip=IP, at=at)
    after = known(subject, at)
    assert {name for name in names if after[name] is None} == {"sms_night_percent"}  # a share of no messages
    assert (after["phone_emulator"], after["book_numbers"], after["book_collectors"]) == (True, 2, 1)
    assert {name for name in before if before[name] != after[name]} - names == {
        "device_borrowers_7d",
        "device_borrowers_30d",
    }
