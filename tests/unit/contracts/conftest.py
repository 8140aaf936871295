"""A drawdown that waits for its contracts, brought there by the services of the product."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from contracts import queries, services
from contracts.models import Contract, Kind
from contracts.services import configuration, templates
from lending.models import Application, Drawdown
from lending.services import drawdowns, grants
from tests.conftest import Clock
from tests.factories.applications import judged
from tests.factories.borrowers import IP, borrower, consent, one_time_code
from tests.factories.configuration import configure
from tests.factories.snapshot import loaded
from users.models import BankCard, Check, User
from users.services import accounts, cards

RARE_NAMES = ("𠮷野㛃", "龚䶮喆", "䲜小𬱖", "欧阳𤧛", "买买提·𠮷㛃 䶮", "䶮（喆）䲜")


@pytest.fixture
def media(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


PLAIN = (
    "<p>{{ number }} {{ lender }} {{ borrower_name }} {{ borrower_id_number }} {{ amount }} {{ card_bank }}"
    "{{ agreement_number }}</p>"
)
PLAIN_TYPES = dict.fromkeys(("lender", "borrower_name", "borrower_id_number", "card_bank", "agreement_number"), "text")


@pytest.fixture
def people(db: None, clock: Clock, media: Path, request: pytest.FixtureRequest) -> dict[str, int]:
    """The configuration; one who writes templates, one who approves: those of `desk` or `staff`, where that is asked
    for, else none."""
    wanted = next((name for name in ("desk", "staff") if name in request.fixturenames), "")
    return dict(loaded(("contracts", wanted, clock.at), lambda: _load(wanted, clock.at)))


def _load(wanted: str, at: datetime) -> dict[str, int]:
    configure(at, apps=("lending", "users"))
    Group.objects.get_or_create(name="legal")
    people = {
        username: accounts.make_staff(username=username, password="a long passphrase", groups=[group], at=at)
        for username, group in ((configuration.AUTHOR, "legal"), (configuration.APPROVER, "credit_manager"))
    }
    if wanted == "staff":
        configuration.load(at=at)
    elif wanted == "desk":
        plain_templates(people, at)
    return people


@pytest.fixture
def staff(people: dict[str, int]) -> dict[str, int]:
    """With the shipped templates."""
    return people


def plain_templates(people: dict[str, int], at: datetime) -> None:
    """One line a document, for what is not about the text: a page is printed in a hundredth of the time."""
    for kind in Kind.values:
        for mode in ("direct", "own") if kind == Kind.LOAN_AGREEMENT else (None,):
            template_id = templates.draft(
                code=f"{kind}-{mode or 'any'}",
                kind=kind,
                title_zh="文",
                title_en="Text",
                source=PLAIN,
                style="",
                declared=PLAIN_TYPES | {"amount": "money"},
                mode=mode,
                valid_from=at.date(),
                author_id=people[configuration.AUTHOR],
                at=at,
            )
            templates.approve(
                template_id=template_id, by_id=people[configuration.APPROVER], reason="read it twice", at=at
            )


def confirmed_card(user_id: int, at: Any, number: str = "6222021234567890128") -> int:
    """What the vendor's answer and the code leave behind; here nobody is asked."""
    card = BankCard.objects.get(pk=cards.add(user_id=user_id, number=number, phone="13900001111", at=at))
    check = Check.objects.get(card_id=card.pk)
    check.passed()
    check.checked_at = at
    check.save()
    card.bank = "青田银行"
    card.checked()
    card.confirmed()
    card.confirmed_at = at
    card.save()
    return card.pk


class Desk:
    """Short names for what the tests do over and over, at the clock's time."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def signing(self, *, funder: str = "HYF", mode: str = "direct", **details: Any) -> int:
        """A drawdown in SIGNING with its funder."""
        at = self.clock.at
        user_id = borrower(at, **({"name": "王建国"} | details))
        application_id = judged(at, "approve", grade="B", reasons=(), user_id=user_id)
        assert Application.objects.get(pk=application_id).status == "GRANTED"
        grant_id = grants.open(application_id=application_id, at=at)
        drawdown_id = drawdowns.confirm(
            grant_id=grant_id,
            amount_cents=1_000_000,
            months=12,
            method="equal_instalment",
            card_id=confirmed_card(user_id, at),
            purpose="education",
            consent_id=consent(user_id, "funder_share", at, ("HYF", "QTX")),
            bureau_consent_id=consent(user_id, "funder_bureau", at, ("HYF", "QTX")),
            candidates=["HYF", "QTX"],
            by=f"user:{user_id}",
            at=at,
        )
        drawdowns.record_check(drawdown_id=drawdown_id, outcome="approve", reasons=(), decision_id=1, at=at)
        self.funded(drawdown_id, funder, mode)
        return drawdown_id

    def funded(self, drawdown_id: int, funder: str, mode: str) -> None:
        at = self.clock.at
        drawdowns.funder_pending(drawdown_id=drawdown_id, funder_code=funder, guarantor_code="", mode=mode, at=at)
        drawdowns.funder_accepted(drawdown_id=drawdown_id, expires_at=at + timedelta(hours=24), at=at)

    def work(self) -> None:
        """What the workers do, until nothing is due."""
        while ids := services.due(at=self.clock.at, limit=50):
            for contract_id in ids:
                services.run_contract(contract_id=contract_id, now=self.clock.at)

    def rendered(self, **details: Any) -> int:
        drawdown_id = self.signing(**details)
        services.issue(drawdown_id=drawdown_id, at=self.clock.at)
        self.work()
        return drawdown_id

    def read(self, drawdown_id: int) -> None:
        services.open_document(contract_id=self.contract(drawdown_id, Kind.COST_SHEET).pk, at=self.clock.at)
        self.clock.move(seconds=5)

    def sign(self, drawdown_id: int, *, code: str | None = None) -> int:
        drawdown = self.drawdown(drawdown_id)
        code = code or one_time_code(drawdown.user_id, "sign", str(drawdown.public_id), self.clock.at)
        return services.sign(drawdown_id=drawdown_id, user_id=drawdown.user_id, code=code, ip=IP, at=self.clock.at)

    def signed(self, **details: Any) -> int:
        drawdown_id = self.rendered(**details)
        self.read(drawdown_id)
        self.sign(drawdown_id)
        return drawdown_id

    def sealed(self, **details: Any) -> int:
        drawdown_id = self.signed(**details)
        self.work()
        return drawdown_id

    def drawdown(self, drawdown_id: int) -> Drawdown:
        return Drawdown.objects.get(pk=drawdown_id)

    def contract(self, drawdown_id: int, kind: str) -> Contract:
        return Contract.objects.exclude(state="VOID").get(drawdown_id=drawdown_id, kind=kind)

    def pdf(self, drawdown_id: int, kind: str) -> bytes:
        return queries.pdf(self.contract(drawdown_id, kind).pk)


@pytest.fixture
def desk(people: dict[str, int], clock: Clock) -> Desk:
    """With plain templates."""
    return Desk(clock)


@pytest.fixture
def shipped(staff: dict[str, int], clock: Clock) -> Desk:
    """With the shipped templates."""
    return Desk(clock)


@pytest.fixture
def office(people: dict[str, int], clock: Clock) -> Client:
    """Of somebody who may do everything."""
    client = Client()
    client.force_login(_staff("admin", clock, is_superuser=True))
    return client


@pytest.fixture
def clerk(people: dict[str, int], clock: Clock) -> User:
    """Sees contracts, and nobody's personal data."""
    return _staff("clerk", clock, groups=["funder_ops"])


def _staff(username: str, clock: Clock, **rights: Any) -> User:
    made = accounts.make_staff(username=username, password="a long passphrase", at=clock.at, **rights)
    return User.objects.get(pk=made)
