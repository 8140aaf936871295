"""The back office as a whole: every table of every app opens, costs the same full or empty, and edits nothing."""

import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

import httpx
import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.db import connection, models, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

import funding.services
from lending import flow
from lending.admin import navigation
from lending.management.commands.bootstrap import DEMO_PASSWORD
from lending.management.demo.borrower import Borrower
from lending.models import Application, Customer, Drawdown, Event, Loan
from lending.sandbox.applicants import applicant
from lending.services import demo_clock, supplements
from review.models import Recusal, Relation
from review.services import claim_next, open_or_resume_case
from tests.conftest import APPS, Clock
from tests.factories.applications import judged, submitted
from tests.sandbox_server import SandboxClient
from traffic.services import match_offers
from users.models import Profile, User
from users.services import access, accounts, levels, lists, notices, tags

PAGES: dict[type[models.Model], Any] = admin.site._registry
APPROVED_ROW = 34
HARMLESS = {"replay"}  # reads and compares


def address(model: type[models.Model], name: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_{name}", args=args)


def pytest_generate_ids(model: type[models.Model]) -> str:
    return model._meta.label


@pytest.fixture
def configured(db: None, clock: Clock) -> None:
    call_command("bootstrap", verbosity=0)


def signed_in(username: str) -> Client:
    client = Client()
    assert client.login(username=username, password=DEMO_PASSWORD)
    return client


@pytest.fixture
def desk(configured: None) -> Client:
    return signed_in("admin")


def work() -> None:
    for name in ("lending", *APPS):
        import_module(f"{name}.tasks").sweep()


@pytest.fixture
def journey(transactional_db: None, configured: None, sandbox: SandboxClient, clock: Clock, settings: Any) -> Callable[[int], Borrower]:
    """Brings a borrower of the sample through the API, in this process, to a loan with its first instalment paid."""
    settings.SANDBOX_URL = sandbox.url
    settings.PUBLIC_URL = "http://127.0.0.1:1"  # callbacks get lost; the answer is asked for

    def wait(seconds: float) -> None:
        work()
        clock.move(seconds=max(seconds, 5))
        time.sleep(0.05)

    def walk(batch: int) -> Borrower:
        api = httpx.Client(transport=httpx.WSGITransport(get_wsgi_application()), base_url="http://testserver")
        gateway = httpx.Client(base_url=sandbox.url)
        person = Borrower(api, gateway, applicant(APPROVED_ROW, batch, clock.at.date()), patience=40, wait=wait)
        person.sign_in()
        person.fill_in()
        application = person.await_verdict(person.apply())
        drawdown_id = person.draw(application["grant_id"], person.bind_card())
        person.await_drawdown(drawdown_id, "SIGNING")
        person.sign(drawdown_id)
        loan = person.loan(person.await_drawdown(drawdown_id))
        person.repay(loan["id"], loan["next_due"]["open_cents"])
        return person

    return walk


def fill(journey: Callable[[int], Borrower], clock: Clock, number: int) -> None:
    """A row more in every table that work fills."""
    journey(number)
    with transaction.atomic():
        _play_the_rest(clock.at, number)


def _play_the_rest(at: datetime, number: int) -> None:
    borrower = Customer.objects.latest("pk")
    staff = User.objects.get(username="initial.chen")
    access.record(by=f"staff:{staff.pk}", subject=f"user:{borrower.pk}", fields=["phone"], reason="a call", at=at)
    lists.add(kind="grey", subject="phone", value=f"1380013800{number}", reason="shared", by="system", at=at)
    notices.raise_notice(kind="step_parked", subject=f"event:{number}", text="stuck", at=at)
    tags.put(user_id=borrower.pk, tag=f"t{number}", source="test", at=at)
    funding.services.handle_callback(provider="heyue", event_id=f"e{number}", payload={"type": "unheard-of"}, at=at)
    application_id = judged(at, "refer", grade="C", reasons=("S03",))
    supplements.request(
        application_id=application_id, items=[("payslip", "The latest one")], by=f"staff:{staff.pk}", at=at
    )
    open_or_resume_case(application_id=judged(at, "refer", grade="C", reasons=("S03",)), at=at)
    claim_next(by_id=staff.pk, at=at)
    Recusal.objects.create(reviewer=staff, borrower=borrower, relation=Relation.values[0], created_at=at)
    match_offers(application_id=application_id, trigger="declined", at=at)


class TestEveryTable:
    def test_opens_and_its_list_costs_as_many_queries_full_as_empty(
        self, db: None, clock: Clock, journey: Callable[[int], Borrower], desk: Client
    ) -> None:
        fill(journey, clock, 1)
        few = self.costs(desk)
        fill(journey, clock, 2)
        demo_clock.move_to(instant=clock.at + timedelta(days=1))
        many = self.costs(desk)
        print(few, many)
        assert {model: (few[model], many[model]) for model in few if few[model] != many[model]} == {}
        empty = {model._meta.label for model in PAGES if not model._default_manager.exists()}
        assert empty == set()

    def costs(self, desk: Client) -> dict[str, int]:
        found = {}
        for model in PAGES:
            desk.get(address(model, "changelist"))  # what is read once for a process is not the list's
            with CaptureQueriesContext(connection) as queries:
                assert desk.get(address(model, "changelist")).status_code == 200, model
            found[model._meta.label] = len(queries)
        return found
