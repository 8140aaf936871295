"""Messages: queued in the transaction, sent by the sweep, once."""

import string

import pytest

from lending.common.errors import Invalid
from tests.conftest import Clock
from tests.sandbox_server import SandboxClient
from tests.unit.users.conftest import Borrower
from users.models import Message, Notice, Source
from users.rules import texts
from users.services import accounts, messages, notices

PHONE = "13500000011"


@pytest.fixture
def queued(tables: None, clock: Clock, sandbox: SandboxClient) -> Message:
    user_id = accounts.ensure_user(phone=PHONE, at=clock.at)
    message_id = messages.queue(user_id=user_id, template="card_fix", params={}, key=f"fix-{user_id}", at=clock.at)
    return Message.objects.get(pk=message_id)


def sent_with(sandbox: SandboxClient, key: str) -> list[dict[str, str]]:
    return [message for message in sandbox.sms(PHONE) if message["key"] == key]


class TestQueue:
    def test_the_same_key_is_the_same_message(self, queued: Message, clock: Clock) -> None:
        again = messages.queue(phone=PHONE, template="paid", params={"amount": "¥1"}, key=queued.key, at=clock.at)
        assert again == queued.pk
        assert Message.objects.get().template == "card_fix"

    def test_speaks_the_users_language(self, tables: None, clock: Clock) -> None:
        user_id = accounts.ensure_user(phone=PHONE, at=clock.at)
        accounts.set_language(user_id=user_id, language="en")
        messages.queue(user_id=user_id, template="paid", params={"amount": "¥1"}, key="k", at=clock.at)
        assert Message.objects.get().text.startswith("Your loan of ¥1")

    def test_refuses_what_it_cannot_write(self, tables: None, clock: Clock) -> None:
        for facts in (
            {"phone": PHONE, "template": "nothing", "params": {}},
            {"phone": PHONE, "template": "paid", "params": {}},
            {"template": "card_fix", "params": {}},
        ):
            with pytest.raises(Invalid):
                messages.queue(key="k", at=clock.at, **facts)
        assert not Message.objects.exists()


class TestTexts:
    @pytest.mark.parametrize("template", texts.TEXTS)
    def test_stand_in_both_languages_with_the_same_blanks(self, template: str) -> None:
        def blanks(text: str) -> set[str]:
            return {
                name.removesuffix("_zh").removesuffix("_en") for _, name, _, _ in string.Formatter().parse(text) if name
            }

        chinese, english = texts.TEXTS[template]["zh-hans"], texts.TEXTS[template]["en"]
        assert blanks(chinese) == blanks(english)


class TestSend:
    def test_is_sent_once_and_keeps_the_gateways_number(
        self, queued: Message, sandbox: SandboxClient, clock: Clock
    ) -> None:
        assert messages.run_due(now=clock.at) == 1
        assert messages.run_due(now=clock.at) == 0
        queued.refresh_from_db()
        assert (queued.state, queued.done_at, bool(queued.reference)) == ("sent", clock.at, True)
        assert [message["text"] for message in sent_with(sandbox, queued.key)] == [queued.text]

    def test_a_lost_answer_is_sent_again_under_its_key_and_arrives_once(
        self, queued: Message, sandbox: SandboxClient, clock: Clock
    ) -> None:
        Source.objects.filter(code="sms").update(timeout_ms=200)
        sandbox.control("sms", timeout_rate=1, hang_ms=600)  # done there, but the answer never comes
        messages.run_due(now=clock.at)
        queued.refresh_from_db()
        assert (queued.state, queued.attempts) == ("queued", 1)
        sandbox.reset()
        messages.run_due(now=clock.move(seconds=2))
        queued.refresh_from_db()
        assert queued.state == "sent"
        assert len(sent_with(sandbox, queued.key)) == 1

    def test_gives_up_in_the_end(self, queued: Message, sandbox: SandboxClient, clock: Clock) -> None:
        sandbox.control("sms", error_rate=1, error_status=503)
        for _ in range(messages.MAX_ATTEMPTS):
            messages.run_due(now=clock.move(minutes=5))
        queued.refresh_from_db()
        assert (queued.state, queued.attempts) == ("failed", messages.MAX_ATTEMPTS)
        assert "503" in queued.failure

    def test_a_code_is_not_sent_late_and_its_text_is_emptied(
        self, stranger: Borrower, sandbox: SandboxClient, clock: Clock
    ) -> None:
        stranger.ask_code()
        message = Message.objects.get()
        messages.run_due(now=clock.move(minutes=5))
        message.refresh_from_db()
        assert (message.state, message.text) == ("failed", "")
        assert sent_with(sandbox, message.key) == []

    def test_the_text_of_a_code_is_emptied_once_sent(
        self, stranger: Borrower, sandbox: SandboxClient, clock: Clock
    ) -> None:
        stranger.ask_code()
        messages.run_due(now=clock.at)
        assert (Message.objects.get().state, Message.objects.get().text) == ("sent", "")
        assert len(sandbox.last_code(stranger.phone)) == 6


class TestNotices:
    def test_are_counted_while_open_and_opened_anew_when_closed(self, db: None, clock: Clock) -> None:
        for text in ("first", "second"):
            notices.raise_notice(kind="source_dead", subject="source:id2", text=text, at=clock.move(minutes=1))
        notice = Notice.objects.get()
        assert (notice.times, notice.text, notice.last_at) == (2, "second", clock.at)
        notices.close(notice_id=notice.pk, reason="it answers again", by="system", at=clock.at)
        notices.raise_notice(kind="source_dead", subject="source:id2", text="third", at=clock.at)
        assert Notice.objects.count() == 2
