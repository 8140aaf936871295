"""auth/otp, auth/token, auth/refresh, through HTTP."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache

from lending.common.attempts import Limit
from lending.common.crypto import blind_index
from tests.conftest import Clock
from tests.unit.users.conftest import PHONE, Borrower, newest_code
from users.models import Consent, LoginCode, Message, Token, User
from users.services import auth, codes

ACCEPTED = {"service": "1", "privacy": "1"}


def exchange(borrower: Borrower, code: str, accepted: dict[str, str] = ACCEPTED):
    return borrower.call("post", "auth/token", {"phone": borrower.phone, "code": code, "accepted": accepted}, token="")


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


class TestAskForACode:
    def test_sends_six_digits_and_keeps_only_their_hash(self, stranger: Borrower) -> None:
        assert stranger.ask_code().status_code == 202
        code, row = newest_code(), LoginCode.objects.get()
        assert len(code) == 6
        assert code not in (row.code_hash, row.phone_index)
        assert not User.objects.exists()  # nobody is registered by asking

    def test_needs_the_notice_accepted_first(self, stranger: Borrower) -> None:
        answer = stranger.ask_code(accept_notice=False)
        assert (answer.status_code, answer.json()["code"]) == (422, "notice_not_accepted")
        assert not Message.objects.exists()

    def test_once_a_minute(self, stranger: Borrower, clock: Clock) -> None:
        stranger.ask_code()
        clock.move(seconds=40)
        answer = stranger.ask_code()
        assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (429, "code_too_soon", "20")
        clock.move(seconds=20)
        assert stranger.ask_code().status_code == 202

    def test_ten_a_day(self, stranger: Borrower, clock: Clock) -> None:
        for _ in range(10):
            assert stranger.ask_code().status_code == 202
            clock.move(minutes=2)
        answer = stranger.ask_code()
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_codes")
        clock.move(seconds=int(answer["Retry-After"]))
        assert stranger.ask_code().status_code == 202

    @pytest.mark.parametrize("phone", ["12345", "0571-88888888", "13912345678901", "", "not a phone"])
    def test_refuses_what_is_no_mobile_number(self, stranger: Borrower, phone: str) -> None:
        answer = stranger.ask_code(phone=phone)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_phone")
        assert answer["Content-Type"] == "application/problem+json"

    def test_one_phone_however_written(self, stranger: Borrower) -> None:
        stranger.ask_code(phone="+86 139 1234 5678")
        assert Message.objects.get().phone == PHONE
        assert stranger.ask_code(phone="139-1234-5678").status_code == 429

    def test_other_purposes_need_a_token(self, stranger: Borrower) -> None:
        answer = stranger.ask_code(purpose="consent", subject="credit_query")
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")

    def test_in_the_language_asked_for(self, stranger: Borrower) -> None:
        stranger.ask_code(language="en")
        assert "sign-in code" in Message.objects.get().text


class TestSignIn:
    def test_makes_the_account_and_records_both_agreements(self, stranger: Borrower) -> None:
        stranger.ask_code()
        answer = exchange(stranger, newest_code())
        assert answer.status_code == 200
        user = User.objects.get()
        given = Consent.objects.filter(user=user).order_by("code").values_list("code", "version", "ip")
        assert list(given) == [("privacy", "1", "127.0.0.1"), ("service", "1", "127.0.0.1")]
        assert (user.kind, user.phone, user.has_usable_password()) == ("borrower", PHONE, False)
        kept = set(Token.objects.values_list("token_hash", flat=True))
        assert len(kept) == 2
        assert not kept & {answer.json()["access"], answer.json()["refresh"]}

    def test_again_is_the_same_account_and_asks_for_no_agreement(self, borrower: Borrower, clock: Clock) -> None:
        clock.move(minutes=2)
        borrower.ask_code()
        assert exchange(borrower, newest_code(), {}).status_code == 200
        assert User.objects.count() == 1
        assert Consent.objects.count() == 2

    def test_refuses_without_the_current_agreements(self, stranger: Borrower) -> None:
        stranger.ask_code()
        code = newest_code()
        answer = exchange(stranger, code, {"service": "0"})
        assert (answer.status_code, answer.json()["code"]) == (422, "agreements_not_accepted")
        assert set(answer.json()["fields"]) == {"accepted.service", "accepted.privacy"}
        assert not User.objects.exists()
        assert exchange(stranger, code).status_code == 200  # the code was not used up

    def test_refuses_a_wrong_used_expired_or_replaced_code(self, stranger: Borrower, clock: Clock) -> None:
        stranger.ask_code()
        first = newest_code()
        assert exchange(stranger, wrong(first)).json()["code"] == "wrong_code"
        clock.move(minutes=1)
        stranger.ask_code()
        second = newest_code()
        if first != second:
            assert exchange(stranger, first).json()["code"] == "wrong_code"
        assert exchange(stranger, second).status_code == 200
        assert exchange(stranger, second).json()["code"] == "wrong_code"
        clock.move(minutes=1)
        stranger.ask_code()
        third = newest_code()
        clock.move(minutes=5)
        assert exchange(stranger, third).json()["code"] == "wrong_code"

    def test_five_tries_and_the_right_code_is_no_use_any_more(self, stranger: Borrower) -> None:
        stranger.ask_code()
        code = newest_code()
        tries = [exchange(stranger, wrong(code)).json()["code"] for _ in range(5)]
        assert tries == ["wrong_code"] * 5
        answer = exchange(stranger, code)
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_tries")
        assert not User.objects.exists()

    def test_tries_are_counted_though_the_request_rolled_back(self, stranger: Borrower) -> None:
        stranger.ask_code()
        exchange(stranger, wrong(newest_code()))
        assert cache.get(f"code-tries:{LoginCode.objects.get().pk}") == 1

    def test_where_tries_cannot_be_counted_no_code_is_accepted(self, stranger: Borrower, settings: Any) -> None:
        stranger.ask_code()
        redis = "django.core.cache.backends.redis.RedisCache"
        settings.CACHES = {"default": {"BACKEND": redis, "LOCATION": "redis://127.0.0.1:1/0"}}
        answer = exchange(stranger, newest_code())
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")

    def test_a_code_of_another_phone_is_wrong(self, stranger: Borrower) -> None:
        stranger.ask_code()
        code = newest_code()
        other = Borrower(stranger.client, "13812345678")
        other.ask_code()
        if newest_code() != code:
            assert exchange(other, code).json()["code"] == "wrong_code"

    @pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", None])
    def test_refuses_what_is_no_code(self, stranger: Borrower, code: str | None) -> None:
        answer = exchange(stranger, code)  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")

    def test_a_closed_account_stays_out(self, borrower: Borrower, clock: Clock) -> None:
        User.objects.update(is_active=False)
        assert borrower.call("get", "me").status_code == 401
        clock.move(minutes=2)
        borrower.ask_code()
        assert exchange(borrower, newest_code()).json()["code"] == "account_closed"


class TestLimits:
    def test_twenty_wrong_codes_a_day_for_a_phone_over_all_of_them(self, stranger: Borrower, clock: Clock) -> None:
        for _ in range(4):
            stranger.ask_code()
            assert {exchange(stranger, wrong(newest_code())).json()["code"] for _ in range(5)} == {"wrong_code"}
            clock.move(minutes=2)
        stranger.ask_code()
        answer = exchange(stranger, newest_code())
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_wrong_codes")
        assert not User.objects.exists()
        other = Borrower(stranger.client, "13812345678")
        other.ask_code()
        assert exchange(other, newest_code()).status_code == 200

    def test_signing_in_counts_apart_from_signing(self, borrower: Borrower, clock: Clock) -> None:
        """Guessing at somebody's sign-in must not keep them from what they are doing."""
        for _ in range(5):
            clock.move(minutes=2)
            borrower.ask_code()
            for _ in range(5):
                exchange(borrower, wrong(newest_code()))
        assert borrower.consent("credit_query", with_code=True).status_code == 201

    def test_a_right_code_is_no_failure(self, stranger: Borrower, clock: Clock, monkeypatch: Any) -> None:
        monkeypatch.setattr(codes, "WRONG_A_DAY", Limit("code-phone", 1, 3600))
        for _ in range(3):
            stranger.ask_code()
            assert exchange(stranger, newest_code()).status_code == 200
            clock.move(minutes=2)

    def test_one_device_cannot_try_many_phones(self, stranger: Borrower) -> None:
        def guess(device: str, phone: str, right: bool = False) -> str:
            other = Borrower(stranger.client, phone)
            if not LoginCode.objects.filter(phone_index=blind_index(phone, "phone")).exists():
                other.ask_code()
            code = texts[phone] = texts.get(phone) or newest_code()
            body = {"phone": phone, "code": code if right else wrong(code), "accepted": ACCEPTED}
            sent = {"data": body, "content_type": "application/json", "headers": {"Device-Id": device}}
            return stranger.client.post("/api/v1/auth/token", **sent).json().get("code", "in")

        texts: dict[str, str] = {}
        phones = [f"1381234567{digit}" for digit in range(5)]
        assert {guess("stolen", phone) for phone in phones for _ in range(4)} == {"wrong_code"}
        assert guess("stolen", phones[0], right=True) == "too_many_wrong_codes"
        assert guess("my own", phones[0], right=True) == "in"

    def test_one_device_cannot_send_codes_to_everybody(self, stranger: Borrower, monkeypatch: Any) -> None:
        monkeypatch.setattr(codes, "CODES_OF_A_DEVICE", Limit("code-sent-device", 2, 3600))
        body = {"accept_notice": True}
        answers = [
            stranger.client.post(
                "/api/v1/auth/otp",
                data=body | {"phone": f"1381234567{digit}"},
                content_type="application/json",
                headers={"Device-Id": "one"},
            )
            for digit in range(3)
        ]
        assert [answer.status_code for answer in answers] == [202, 202, 429]
        assert answers[-1].json()["code"] == "too_many_codes_of_device"
        assert Message.objects.count() == 2


class TestTokens:
    def test_access_ends_after_half_an_hour(self, borrower: Borrower, clock: Clock) -> None:
        assert borrower.call("get", "me").status_code == 200
        clock.move(minutes=30)
        answer = borrower.call("get", "me")
        assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")

    @pytest.mark.parametrize("token", ["nonsense", "a b", "é"])
    def test_refuses_any_other_token(self, borrower: Borrower, token: str) -> None:
        assert borrower.call("get", "me", token=token).status_code == 401

    def test_a_refresh_token_is_no_access_token(self, borrower: Borrower) -> None:
        assert borrower.call("get", "me", token=borrower.tokens["refresh"]).status_code == 401

    def test_refresh_rotates(self, borrower: Borrower, clock: Clock) -> None:
        clock.move(hours=1)
        answer = borrower.call("post", "auth/refresh", {"refresh": borrower.tokens["refresh"]}, token="")
        assert answer.status_code == 200
        assert borrower.call("get", "me", token=answer.json()["access"]).status_code == 200
        assert answer.json()["refresh"] != borrower.tokens["refresh"]
        assert Token.objects.values("family").distinct().count() == 1

    def test_a_refresh_token_used_twice_ends_the_whole_family(self, borrower: Borrower) -> None:
        second = borrower.call("post", "auth/refresh", {"refresh": borrower.tokens["refresh"]}, token="").json()
        answer = borrower.call("post", "auth/refresh", {"refresh": borrower.tokens["refresh"]}, token="")
        assert (answer.status_code, answer.json()["code"]) == (401, "refresh_refused")
        assert borrower.call("get", "me", token=second["access"]).status_code == 401
        assert borrower.call("post", "auth/refresh", {"refresh": second["refresh"]}, token="").status_code == 401

    def test_reuse_ends_only_that_family(self, borrower: Borrower, clock: Clock) -> None:
        clock.move(minutes=2)
        other = Borrower(borrower.client, borrower.phone).sign_in()
        for _ in range(2):
            borrower.call("post", "auth/refresh", {"refresh": borrower.tokens["refresh"]}, token="")
        assert other.call("get", "me").status_code == 200

    def test_sign_out_ends_it(self, borrower: Borrower) -> None:
        assert borrower.call("post", "auth/sign-out").status_code == 204
        assert borrower.call("get", "me").status_code == 401
        assert borrower.call("post", "auth/refresh", {"refresh": borrower.tokens["refresh"]}).status_code == 401

    def test_the_sweep_forgets_tokens_long_over(self, borrower: Borrower, clock: Clock) -> None:
        assert auth.forget_expired(at=clock.at + timedelta(days=8)) == 1  # the access token; refresh lives 30 days
