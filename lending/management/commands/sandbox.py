"""`manage.py sandbox`: play the other side of every third party, until stopped."""

import asyncio
import signal
import socket
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

from lending.sandbox import app, people, verdicts


class Command(BaseCommand):
    help = "Serve the sandbox: vendors, funders, payment channel and SMS gateway, for development and tests only."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, help="default: SANDBOX_PORT (8100)")
        parser.add_argument(
            "--state", type=Path, help="file that remembers what was done (default: .run/sandbox.sqlite3)"
        )
        parser.add_argument(
            "--rebuild-personas",
            action="store_true",
            help="write which sample rows the shipped strategy approves, refers and declines, and exit",
        )

    def handle(self, *, host: str, port: int | None, state: Path | None, rebuild_personas: bool, **_: Any) -> None:
        if not getattr(settings, "SANDBOX_URL", None):
            raise CommandError("The sandbox exists only under development and test settings.")
        if rebuild_personas:
            self._rebuild()
            return
        port = port or settings.SANDBOX_PORT
        self._require_free(host, port)
        self.stdout.write(f"Sandbox on http://{host}:{port}/")
        self.stdout.flush()
        asyncio.run(serve(host=host, port=port, state=state or settings.RUN_DIR / "sandbox.sqlite3"))

    def _rebuild(self) -> None:
        people.PERSONAS.write_text(verdicts.as_text(), encoding="utf-8")
        self.stdout.write(f"{people.PERSONAS.name} written")

    def _require_free(self, host: str, port: int) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                raise CommandError(f"Port {port} is taken. Set SANDBOX_PORT to another one.") from None


async def serve(*, host: str, port: int, state: Path) -> None:
    """One process, so that killing it leaves nothing behind."""
    server = Server(
        app.create_app(state),
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        websockets=False,
        log_level=LogLevels.error,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.stop)
    await server.serve()
