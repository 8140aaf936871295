"""The partners' guide says what runs: its numbers, words, errors and samples are the code's own."""

import html
import re
from datetime import datetime
from pathlib import Path

import pytest
from django.test import Client

from lending.common import signed
from lending.common.errors import Invalid
from tests.conftest import Clock
from tests.doors.test_partner_api import CONFIGURED
from tests.factories.configuration import configure
from traffic import queries, services
from traffic.models import PartnerStatus
from traffic.pages.docs import EXAMPLES, FILES, PERSONAS, SECRET
from users.rules import identity

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(params=["en", "zh-hans"])
def guide(request: pytest.FixtureRequest, clock: Clock, db: None) -> str:
    at: datetime = clock.at
    configure(at, CONFIGURED)
    return read_in(request.param)


def read_in(language: str) -> str:
    answer = Client(headers={"Accept-Language": language}).get("/partner/docs/")
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def test_both_languages_name_the_same_things_in_the_same_places(clock: Clock, db: None) -> None:
    configure(clock.at, CONFIGURED)
    english, chinese = (read_in(language) for language in ("en", "zh-hans"))
    assert ("An afternoon" in english, "An afternoon" in chinese) == (True, False)
    for things in (r'<h2 id="(\w+)"', r"(?s)<pre[^>]*>(.*?)</pre>"):
        assert re.findall(things, english) == re.findall(things, chinese) != []
    sections = [re.split(r"<h[23]", guide[guide.index("<article") :]) for guide in (english, chinese)]
    named = [[sorted(re.findall(r"<code>(.*?)</code>", one)) for one in section] for section in sections]
    assert named[0] == named[1]


def test_the_worked_signatures_are_what_the_door_checks(guide: str) -> None:
    for method, path, query, timestamp, nonce, body in EXAMPLES:
        text = signed.canonical(
            method=method, path=path, query=query, timestamp=timestamp, nonce=nonce, body=body.encode()
        )
        signature = signed.sign(SECRET, text)
        assert text in guide
        assert f"X-Signature: {signature}" in guide
        headers = {"X-App-Id": "loanhub", "X-Timestamp": timestamp, "X-Nonce": nonce, "X-Signature": signature}
        read = signed.read(headers=headers, method=method, path=path, query=query, body=body.encode())
        assert signed.matching(read, [SECRET]) == 0
    assert (
        "X-Signature: 19fad1037e3febbf3055bdd4aefd0e865f1776a876d76d34eecc485f7925fe75" in guide
    )  # of the other guide
    assert "19fad1037e3febbf3055bdd4aefd0e865f1776a876d76d34eecc485f7925fe75" in (
        ROOT / "docs" / "partner-api.md"
    ).read_text(encoding="utf-8")


def test_every_word_and_every_error_is_there(guide: str) -> None:
    words = [word.code for word in queries.dictionary()]
    assert set(words) == set(PartnerStatus.objects.values_list("code", flat=True))
    assert words[:3] == ["RECEIVED", "REVIEWING", "NEED_INFO"]
    codes = [row.code for _, rows in services.errors() for row in rows]
    assert len(codes) == len(set(codes)) > 50
    assert [code for code in (*words, *codes) if f"<code>{code}</code>" not in guide] == []


def test_samples_are_shown_as_they_run(guide: str) -> None:
    for name, _ in FILES:
        assert (ROOT / "docs" / "clients" / "partner" / name).read_text(encoding="utf-8") in guide


def test_personas_have_the_digits_that_the_sandbox_decides_by(guide: str) -> None:
    *usable, (_, wrong, _) = PERSONAS
    assert [identity.id_number(number)[14:16] for _, number, _ in usable] == ["00", "90", "91", "92", "93", "94"]
    with pytest.raises(Invalid):
        identity.id_number(wrong)
