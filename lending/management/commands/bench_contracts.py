"""`manage.py bench_contracts`: a shipped loan agreement set as a PDF beside WeasyPrint alone, and sealed. No database.

Ours is what the worker makes: the text filled in, its characters looked for in the fonts, the page set; then the file
read, deciphered and sealed. The peer gets the finished page, with the fonts and the parsed styles that ours keeps.
"""

import gc
import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from statistics import median
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import weasyprint
from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from weasyprint.text.fonts import FontConfiguration

from contracts.rules import samples
from contracts.services import configuration, files, production
from lending.common import clock, vault
from lending.rules.schedule import Terms, build_schedule

RATIO, SEAL_MS = 1.15, 25.0
CODE = "loan-agreement-direct"
FACES = "contracts/fonts/node_modules/@expo-google-fonts/noto-sans-sc"
OWN_STYLE = """
@font-face {{ font-family: Contract; font-weight: 400; src: url("{faces}/400Regular/NotoSansSC_400Regular.ttf") }}
@font-face {{ font-family: Contract; font-weight: 600; src: url("{faces}/600SemiBold/NotoSansSC_600SemiBold.ttf") }}
html {{ font-family: Contract }}
"""
OURS, PEER, COLD, SEAL = "ours, PDF", "WeasyPrint alone", "WeasyPrint, nothing kept", "ours, seal"
Contract, Template = apps.get_model("contracts", "Contract"), apps.get_model("contracts", "Template")
Act = Callable[[], Any]


class Command(BaseCommand):
    help = "Measures a contract's PDF beside WeasyPrint alone, and its seal; exits 1 where a target is missed."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--rounds", type=int, default=15, help="of each, in turns; the median counts")

    def handle(self, *args: Any, **options: Any) -> None:
        wrong = self.measure(rounds=options["rounds"], at=clock.now())
        if wrong:
            raise CommandError("; ".join(wrong))

    def measure(self, *, rounds: int, at: datetime) -> list[str]:
        """What missed its target."""
        contract = agreement(at)
        page, kept = bare_call(contract, at)
        pdf = production._make(contract, at)
        signed = agreement(at)
        signed.render()
        signed.sign()
        signed.file = files.store(contract=signed, pdf=pdf)
        try:
            found = beside(
                {
                    OURS: lambda: production._make(contract, at),
                    PEER: lambda: weasyprint.HTML(string=page).write_pdf(**kept),
                    COLD: lambda: _nothing_kept(page, contract.template.style),
                    SEAL: lambda: production._make(signed, at),
                },
                rounds=rounds,
            )
        finally:
            vault.forget(signed.file)
        for name, seconds in found.items():
            self.stdout.write(f"  {name:<26} {median(seconds) * 1e3:8.1f} ms, fastest {min(seconds) * 1e3:8.1f} ms")
        ratio, seal = median(found[OURS]) / median(found[PEER]), median(found[SEAL]) * 1e3
        self.stdout.write(f"     ratio {ratio:.2f} to {PEER} (target at most {RATIO:g}), of {len(pdf):,} bytes")
        self.stdout.write(f"     ratio {median(found[OURS]) / median(found[COLD]):.2f} to {COLD}")
        self.stdout.write(f"     seal {seal:.1f} ms (target at most {SEAL_MS:g})")
        wrong = [f"ratio {ratio:.2f}"] if ratio > RATIO else []
        return wrong + ([f"seal {seal:.1f} ms"] if seal > SEAL_MS else [])


def agreement(at: datetime) -> Any:
    """A contract over the shipped text, as it would lie in the database: twelve instalments."""
    table = json.loads((configuration.DATA / "contract_templates.json").read_text())
    row = next(row for row in table["templates"] if row["code"] == CODE)
    page, types = configuration.source(row["page"]), table["types"]
    template = Template(
        code=CODE,
        kind=row["kind"],
        title_zh=row["title_zh"],
        title_en=row["title_en"],
        version=1,
        source=page,
        style=(configuration.PAGES / "style.css").read_text(),
        variables={name: types[name] for name in sorted(configuration.names_in(page, types))},
    )
    return Contract(
        public_id=uuid4(),
        number="XX-20260302-0000000000",
        kind=row["kind"],
        template=template,
        values=samples.sample(template.variables) | {"plan": _plan(at)},
        created_at=at,
    )


def _plan(at: datetime) -> list[dict[str, Any]]:
    return [
        {
            "number": line.number,
            "due": line.due_on.isoformat(),
            "principal_cents": line.principal_cents,
            "interest_cents": line.interest_cents,
            "fee_cents": 0,
            "total_cents": line.principal_cents + line.interest_cents,
            "balance_cents": line.balance_cents,
        }
        for line in build_schedule(Terms(1_000_000, Decimal("0.144"), 12, at.date()))
    ]


def bare_call(contract: Any, at: datetime) -> tuple[str, Mapping[str, Any]]:
    """The page that our way hands to WeasyPrint, and the fonts and styles that it hands with it."""
    seen: list[tuple[str, Mapping[str, Any]]] = []
    made = weasyprint.HTML.__init__
    pages: list[str] = []

    def reads(self: Any, *args: Any, **kwargs: Any) -> None:
        pages.append(kwargs["string"])
        made(self, *args, **kwargs)

    def writes(self: Any, **kwargs: Any) -> bytes:
        seen.append((pages[-1], kwargs))
        return b""

    with patch.object(weasyprint.HTML, "__init__", reads), patch.object(weasyprint.HTML, "write_pdf", writes):
        production._make(contract, at)
    return seen[0]


def _nothing_kept(page: str, style: str) -> Any:
    """As the manual begins: the whole faces, and everything read anew for each document."""
    fonts = FontConfiguration()
    faces = OWN_STYLE.format(faces=(settings.BASE_DIR / FACES).as_uri())
    sheet = weasyprint.CSS(string=faces + style, font_config=fonts)
    return weasyprint.HTML(string=page).write_pdf(stylesheets=[sheet], font_config=fonts)


def beside(acts: Mapping[str, Act], *, rounds: int) -> dict[str, list[float]]:
    """Seconds of each act; they take turns, so that a busy machine slows all of them alike."""
    for act in acts.values():
        act()
    taken: dict[str, list[float]] = {name: [] for name in acts}
    for _ in range(rounds):
        for name, act in acts.items():
            gc.collect()  # what the one before left behind is not this one's
            begun = time.perf_counter()
            act()
            taken[name].append(time.perf_counter() - begun)
    return taken
