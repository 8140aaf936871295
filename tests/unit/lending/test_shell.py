"""The project shell: settings, logs, limits, health, the second factor, the one scheduler."""

import json
import logging
import os
import subprocess
import sys
import time
from typing import Any

import pytest
from celery.beat import Scheduler
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from lending.celery import LockedScheduler
from lending.celery import app as celery_app
from lending.common import health, logs
from lending.management.check import PRODUCTION, ROOT

ADMIN = "/admin/"


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    bare = {"PATH": os.environ["PATH"], **environment}
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=bare, capture_output=True, text=True, check=False)


class TestProductionSettings:
    @pytest.mark.parametrize("name", [name for name in PRODUCTION if name != "DJANGO_SETTINGS_MODULE"])
    def test_stop_with_a_hint_where_one_is_missing(self, name: str) -> None:
        done = manage("check", **{key: value for key, value in PRODUCTION.items() if key != name})
        assert done.returncode != 0
        assert f"{name} is not set. Set it to " in done.stderr

    def test_do_not_take_another_database_for_postgres(self) -> None:
        done = manage("check", **(PRODUCTION | {"DATABASE_URL": "mysql://host/name"}))
        assert "DATABASE_URL is not understood" in done.stderr


def _line(message: str, **extra: Any) -> dict[str, Any]:
    record = logging.getLogger("test").makeRecord("test", logging.INFO, "file", 1, message, (), None, extra=extra)
    return dict(json.loads(logs.Formatter().format(record)))


class TestLogs:
    def test_carry_the_ids_that_are_bound(self) -> None:
        with logs.bound(request_id="r-1"), logs.bound(application_id=7):
            line = _line("something happened")
        assert (line["request_id"], line["application_id"]) == ("r-1", "7")
        assert "request_id" not in _line("afterwards")

    @pytest.mark.parametrize(
        "personal", ["13812345678", "+8613812345678", "110101199003070011", "11010119900307001X", "6222021234567890123"]
    )
    def test_never_carry_a_number_that_is_a_persons(self, personal: str) -> None:
        text = json.dumps(_line(f"Key (phone)=({personal}) already exists.", reply=f"to {personal}"))
        assert personal.removeprefix("+86") not in text
        assert text.count("[redacted]") == 2

    def test_leave_ids_and_amounts_readable(self) -> None:
        kept = "e3b0c442-98fc-41d1-8d12-123456789012 payout-12345 amount_cents=1200000"
        assert _line(kept)["message"] == kept

    def test_hide_fields_by_name(self) -> None:
        assert _line("saved", holder="王小明", id_number="x")["holder"] == "[redacted]"


class TestRequests:
    def test_are_given_an_id_and_keep_one_that_is_sent(self, client: Client) -> None:
        assert len(client.get("/healthz").headers["X-Request-ID"]) == 32
        assert (
            client.get("/healthz", headers={"X-Request-ID": "from-a-proxy"}).headers["X-Request-ID"] == "from-a-proxy"
        )
        forged = client.get("/healthz", headers={"X-Request-ID": 'x" level="info'}).headers["X-Request-ID"]
        assert len(forged) == 32

    def test_are_refused_by_their_announced_size(self, client: Client) -> None:
        body = b'{"phone": "' + b"1" * (1024 * 1024) + b'"}'
        answer = client.post("/api/v1/auth/otp", data=body, content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert answer.headers["Content-Type"] == "application/problem+json"

    def test_are_answered_with_a_content_policy(self, client: Client) -> None:
        headers = client.get("/healthz").headers
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.django_db
class TestHealth:
    def test_is_ready_when_workers_and_sweep_were_seen(self, client: Client) -> None:
        assert client.get("/readyz").status_code == 503
        health.note_life(swept=True)
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["status"]) == (200, "ready")

    def test_is_not_ready_when_the_sweep_stopped(self, client: Client) -> None:
        health.note_life(swept=True)
        cache.set(health.SWEEP_SEEN, time.time() - 2 * health.STALE_SECONDS)
        answer = client.get("/readyz").json()
        assert (answer["workers"]["ok"], answer["sweep"]["ok"]) == (True, False)

    def test_is_alive_all_the_same(self, client: Client) -> None:
        assert client.get("/healthz").json() == {"status": "alive"}

    def test_counts_requests(self, client: Client) -> None:
        client.get("/healthz")
        assert (
            'http_requests_total{method="GET",route="healthz",status="200"}' in client.get("/metrics").content.decode()
        )


@pytest.mark.django_db(transaction=True)  # the command's transaction is durable
class TestSecondFactor:
    @pytest.fixture
    def officer(self, monkeypatch: pytest.MonkeyPatch) -> Any:
        monkeypatch.setenv("STAFF_PASSWORD", "long enough for anybody")
        call_command("staff", "officer", "--superuser")
        return get_user_model().objects.get(username="officer")

    @pytest.fixture(autouse=True)
    def _demanded(self, settings: Any) -> None:
        settings.STAFF_SECOND_FACTOR = True

    def _sign_in(self, client: Client, **more: str) -> int:
        form = {"username": "officer", "password": "long enough for anybody", **more}
        return client.post(f"{ADMIN}login/?next={ADMIN}", form).status_code

    def test_a_password_alone_does_not_open_the_back_office(self, client: Client, officer: Any) -> None:
        assert self._sign_in(client) == 200  # the form again, with its error
        client.force_login(officer)  # however the session came about
        answer = client.get(ADMIN)
        assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (302, f"{ADMIN}login/")
        assert client.get(ADMIN).status_code == 302

    def test_five_wrong_passwords_shut_the_door_for_that_name_and_address(self, client: Client, officer: Any) -> None:
        def enter(password: str, address: str) -> Any:
            form = {"username": "officer", "password": password, "otp_token": "000000"}
            return client.post(f"{ADMIN}login/", form, REMOTE_ADDR=address).content.decode()

        for _ in range(5):
            assert "Too many" not in enter("a guess", "10.0.0.1")
        assert "Too many wrong passwords" in enter("long enough for anybody", "10.0.0.1")
        assert "The code is not valid" in enter("long enough for anybody", "10.0.0.2")  # the password was right

    def test_an_address_cannot_try_every_name(self, client: Client, db: None) -> None:
        for number in range(20):
            client.post(f"{ADMIN}login/", {"username": f"name{number}", "password": "a guess", "otp_token": "000000"})
        form = {"username": "another", "password": "a guess", "otp_token": "000000"}
        assert "Too many wrong passwords" in client.post(f"{ADMIN}login/", form).content.decode()

    def test_staff_come_in_while_the_cache_is_down(self, client: Client, officer: Any, settings: Any) -> None:
        redis = "django.core.cache.backends.redis.RedisCache"
        settings.CACHES = {"default": {"BACKEND": redis, "LOCATION": "redis://127.0.0.1:1/0"}}
        device = TOTPDevice.objects.get(user=officer)
        clock = TOTP(device.bin_key)
        clock.time = time.time()
        assert self._sign_in(client, otp_token=f"{clock.token():06d}") == 302

    def test_the_code_of_the_device_opens_it(self, client: Client, officer: Any) -> None:
        device = TOTPDevice.objects.get(user=officer)
        clock = TOTP(device.bin_key)
        clock.time = time.time()
        assert self._sign_in(client, otp_token=f"{(clock.token() + 1) % 1_000_000:06d}") == 200
        TOTPDevice.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None)
        assert self._sign_in(client, otp_token=f"{clock.token():06d}") == 302
        assert client.get(ADMIN).status_code == 200


@pytest.mark.django_db(transaction=True)
class TestLockedScheduler:
    def test_only_one_ticks_until_it_dies(self, monkeypatch: pytest.MonkeyPatch) -> None:
        ticked: list[object] = []
        monkeypatch.setattr(Scheduler, "tick", lambda self, *_, **__: ticked.append(self) or 1.0)
        first, second = LockedScheduler(celery_app), LockedScheduler(celery_app)
        first.tick(), second.tick(), first.tick()
        assert ticked == [first, first]
        first._connection.close()  # as the server sees a killed process; it lets go of the lock in its own time
        deadline = time.monotonic() + 10
        while ticked[-1] is not second and time.monotonic() < deadline:
            second.tick()
        assert ticked[-1] is second
        first.tick()
        assert ticked[-1] is second
        first._drop_connection()
        second._drop_connection()

    def test_knows_every_sweep(self) -> None:
        scheduler = LockedScheduler(celery_app)
        assert "lending.tasks.sweep" in scheduler.schedule
        assert len(scheduler.schedule) == 20
