"""The benchmark of paths 2 and 3 measures what it says: every way answers, and a storm leaves one of each.

Its servers are processes, which take seconds to start: here one thread of this process stands for each.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from io import BytesIO, StringIO
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.core.wsgi import get_wsgi_application
from django.db import connection
from rest_framework.authentication import TokenAuthentication

from lending.management import bench_bare, bench_drf, bench_server
from lending.management.bench_server import PLATFORM
from lending.management.commands import bench_partner
from tests.conftest import Clock
from tests.factories.configuration import configure
from tests.platform_side import listening
from traffic.services import prechecks

DOORS = {"/precheck": bench_drf.PrecheckView.as_view(), "/applications": bench_drf.IntakeView.as_view()}


def drf(environ: dict[str, Any], start: Any) -> list[bytes]:
    request: Any = WSGIRequest(environ)
    request._dont_enforce_csrf_checks = True
    answer = DOORS[request.path](request).render()
    start(f"{answer.status_code} x", [("Content-Length", str(len(answer.content)))])
    return [answer.content]


APPLICATIONS: dict[str, Any] = {
    "lending.management.bench_bare:precheck": bench_bare.precheck,
    "lending.management.bench_bare:nothing": bench_bare.nothing,
    "lending.management.bench_drf_wsgi:application": drf,
}


@contextmanager
def serving(name: str, **_: str) -> Iterator[int]:
    application = get_wsgi_application() if name == PLATFORM else APPLICATIONS[name]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            sent = {f"HTTP_{key.upper().replace('-', '_')}": value for key, value in self.headers.items()}
            environ = sent | {
                "REQUEST_METHOD": "POST",
                "PATH_INFO": self.path,
                "CONTENT_TYPE": "application/json",
                "CONTENT_LENGTH": str(len(body)),
                "REMOTE_ADDR": "127.0.0.1",
                "SERVER_NAME": "127.0.0.1",
                "SERVER_PORT": "80",
                "wsgi.url_scheme": "http",
                "wsgi.input": BytesIO(body),
            }
            answer = application(environ, self.begin)
            self.end_headers()
            self.wfile.write(b"".join(answer))

        def begin(self, status: str, headers: list[tuple[str, str]]) -> None:
            self.send_response(int(status.split()[0]))
            for header in headers:
                self.send_header(*header)

        def finish(self) -> None:
            super().finish()
            connection.close()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with listening(Handler) as url:
        yield urlsplit(url).port or 0


@pytest.mark.django_db(transaction=True)
def test_every_way_answers_and_a_storm_leaves_one_of_each(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(clock.at, apps=("lending", "users", "funding", "traffic"))
    monkeypatch.setattr(bench_server, "serving", serving)
    monkeypatch.setattr(TokenAuthentication, "authenticate", lambda *_: None)
    monkeypatch.setattr(bench_drf.View, "permission_classes", ())
    monkeypatch.setenv("BENCH_FACTS", prechecks.FACTS)
    monkeypatch.setenv("DATABASE_URL", bench_server._url())
    told = StringIO()
    command = bench_partner.Command(stdout=told)
    try:
        wrong = command.measure(calls=4, intakes=2, rounds=1, storms=1, channels=4, borrowers=5, connections=2, warm=2)
    finally:
        with connection.cursor() as db:
            db.execute("DROP TABLE authtoken_token")
    assert [line for line in wrong if " of " not in line] == []  # so few tell nothing about speed
    assert re.findall(r"^  (\S.*?) +[\d,]+ a second", told.getvalue(), re.MULTILINE) == [
        *bench_partner.SERVERS,
        bench_partner.OURS,
        bench_partner.DRF,
    ]
    assert "0 errors" in told.getvalue()
    assert set(bench_partner.intake_rows().values()) == {2 * (2 + 2) + 1}
