"""users' adapters against the sandbox: the same code that runs in production, over a real socket."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import httpx
import pytest

from lending.common import http
from lending.common.errors import PermanentError, UnknownOutcome
from lending.sandbox import applicants
from tests.sandbox_server import SandboxClient
from users import queries
from users.providers import CHECKERS, sms
from users.providers.base import Subject, Verdict
from users.services import configuration

PERSON = applicants.applicant(row=5, batch=2, today=date(2026, 3, 2))
TRUE = Subject(PERSON.name, PERSON.id_number, PERSON.phone, PERSON.cards[0].number, key="check-1")
KINDS = ("id2", "id2_b", "card4", "card4_b")


@pytest.fixture(autouse=True)
def _tables(db: None, sandbox: SandboxClient) -> None:
    configuration.load_sources()


def ask(kind: str, subject: Subject = TRUE) -> Verdict:
    source = queries.source(kind)
    return CHECKERS[source.protocol](source, subject)


@pytest.mark.parametrize("kind", KINDS)
class TestEveryChecker:
    def test_matches_the_true_person(self, kind: str) -> None:
        assert ask(kind).result == "match"

    def test_tells_another_name(self, kind: str) -> None:
        assert ask(kind, replace(TRUE, name="别人")).result == "mismatch"

    def test_is_refused_with_another_secret(self, kind: str) -> None:
        source = queries.source(kind)
        stranger = type(source)(**(vars(source) | {"secret": "not the secret"}))
        with pytest.raises(PermanentError) as caught:
            CHECKERS[source.protocol](stranger, TRUE)
        assert caught.value.code == "bad_signature"

    @pytest.mark.parametrize("word", ["match", "mismatch", "no_record"])
    def test_understands_every_word_of_the_vendor(self, kind: str, word: str, sandbox: SandboxClient) -> None:
        sandbox.control(kind, force={PERSON.id_number: word})
        assert ask(kind).result == word


class Trickle(httpx.SyncByteStream):
    """Two seconds of blanks, each in time for a limit of the single wait."""

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(100):
            time.sleep(0.02)
            yield b" "


def test_an_answer_that_trickles_is_cut_at_the_limit_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, stream=Trickle()))
    monkeypatch.setattr(http._local, "client", httpx.Client(transport=transport), raising=False)
    started = time.monotonic()
    with pytest.raises(UnknownOutcome) as caught:
        CHECKERS["two-element-v1"](replace(queries.source("id2"), timeout_ms=200), TRUE)
    assert (caught.value.code, time.monotonic() - started < 1.5) == ("timeout", True)


@pytest.mark.parametrize("kind", ["card4", "card4_b"])
class TestCard:
    def test_names_the_bank_and_the_kind_of_card(self, kind: str) -> None:
        verdict = ask(kind)
        assert (verdict.bank, verdict.card_type) == (PERSON.cards[0].bank, "debit")

    def test_tells_somebody_elses_card(self, kind: str) -> None:
        other = applicants.applicant(row=6, batch=2, today=date(2026, 3, 2)).cards[0].number
        assert ask(kind, replace(TRUE, card_number=other)).result == "mismatch"


class TestTextMessages:
    def test_one_key_is_one_message(self, sandbox: SandboxClient) -> None:
        source = queries.source("sms")
        first = sms.send(source, key="test-once", phone="13800000001", text="您好 hello")
        assert sms.send(source, key="test-once", phone="13800000001", text="您好 hello") == first
        assert [message["text"] for message in sandbox.sms("13800000001")] == ["您好 hello"]
