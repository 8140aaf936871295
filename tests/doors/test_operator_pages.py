"""From the agreements of an application to the phone operator and back, by code and by the carrier's page."""

import re
from datetime import datetime
from html import unescape
from typing import Any

import httpx
import pytest
from django.test import Client

from lending.models import Application
from lending.services import applications
from tests.conftest import Clock
from tests.doors.test_pages import shown, visit
from tests.factories.borrowers import borrower, operator_authorised
from tests.factories.configuration import configure
from tests.sandbox_server import SandboxClient
from users import queries as users
from users.models import Consent, OperatorAuthorisation
from users.services import consents, operator

PAGE = "/me/operator/"


@pytest.fixture
def at(db: None, clock: Clock, sandbox: SandboxClient) -> datetime:
    configure(clock.at, apps=("lending", "users"))
    return clock.at


def draft(user_id: int, at: datetime) -> Application:
    by = f"user:{user_id}"
    pk = applications.start(user_id=user_id, product_code="LINE", channel_code="OWN", by=by, at=at)
    asked = {"amount_cents": 1_000_000, "months": 12, "method": "equal_instalment", "purpose": "education"}
    applications.plan(application_id=pk, **asked)  # type: ignore[arg-type]
    return Application.objects.get(pk=pk)


def work(at: datetime) -> str:
    row = OperatorAuthorisation.objects.latest("pk")
    operator.run(authorisation_id=row.pk, now=at)
    row.refresh_from_db()
    return str(row.state)


def agreed(client: Client, application: Application) -> str:
    """Tick the operator's consent among the agreements; where that leads."""
    answer = client.post(f"/applications/{application.public_id}/agreements/", {"accept": ["operator"]})
    return str(answer["Location"])


def test_by_code_on_the_way_of_applying(at: datetime, sandbox: SandboxClient) -> None:
    user_id = borrower(at)
    application = draft(user_id, at)
    client, confirm = visit(user_id), f"/applications/{application.public_id}/confirm/"
    plain = client.post(f"/applications/{application.public_id}/agreements/")
    assert plain["Location"] == confirm, "without the consent nobody is sent there"
    place = agreed(client, application)
    assert place.startswith(PAGE)
    page = shown(client, place)
    assert "Ask my phone operator" in page
    assert f'href="{confirm}"' in page, "it may be left out"
    assert "wants your authorisation" in shown(client, confirm)
    assert client.post(PAGE, {"act": "start"}).status_code == 302
    assert 'data-live="started 5"' in shown(client, PAGE)
    assert work(at) == "code_sent"
    assert "data-live" not in shown(client, PAGE)
    assert client.post(PAGE, {"act": "code", "code": "abc"}).status_code == 422
    code = sandbox.last_code(users.person(user_id).phone)
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    spaced = f"{code[:3]} {code[3:]}"
    for typed, state, says in ((wrong, "code_sent", "The code was wrong"), (spaced, "authorised", "31 May 2026")):
        assert client.post(PAGE, {"act": "code", "code": typed}).status_code == 302
        assert work(at) == state
        assert says in shown(client, PAGE)
    page = shown(client, PAGE)
    assert f'href="{confirm}">Continue' in page
    assert "wants your authorisation" not in shown(client, confirm)
    assert "Authorised until 31 May 2026" in shown(client, "/me/")


def test_by_the_carriers_page(at: datetime) -> None:
    user_id = borrower(at, phone="13066660001")
    client = visit(user_id)
    assert "phone operator" in shown(client, PAGE)
    assert client.post(PAGE, {"act": "agree"}).status_code == 422, "not ticked"
    assert client.post(PAGE, {"act": "agree", "accept": "on"}).status_code == 302
    client.post(PAGE, {"act": "start"})
    assert work(at) == "redirected"
    link = re.search(r'href="(http[^"]+/operator/v1/page[^"]+)"', shown(client, PAGE))
    assert link
    address = unescape(link[1]).replace("/page?", "/decide?") + "&answer=agree"
    back = httpx.get(address, trust_env=False).headers["Location"]
    answer: Any = client.get("/me/operator/return/?state=made-up", follow=True)
    assert "was not opened from here" in answer.content.decode()
    assert client.get(f"/me/operator/return/?{back.split('?')[1]}")["Location"] == PAGE
    assert users.operator(user_id, at).state == "redirected", "the browser is not believed"
    assert work(at) == "authorised"


def test_asked_again_once_it_is_over(at: datetime, clock: Clock) -> None:
    user_id = borrower(at)
    operator_authorised(user_id, at)
    application = draft(user_id, at)
    client, confirm = visit(user_id), f"/applications/{application.public_id}/confirm/"
    assert "authorisation is over" not in shown(client, confirm)
    clock.move(days=90)
    assert "Your authorisation has run out" in shown(client, "/me/")
    assert "Ask my phone operator again" in shown(client, PAGE)
    given = Consent.objects.get(user_id=user_id, code="operator")
    consents.withdraw(user_id=user_id, consent_id=given.pk, by=f"user:{user_id}", at=clock.at)
    assert "wants your authorisation" not in shown(client, "/me/")
