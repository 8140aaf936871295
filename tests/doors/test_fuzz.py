"""The borrower API against its own document: whatever is sent, no answer that the document does not know."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from lending.models import Application, Grant
from lending.services import supplements
from tests.conftest import Clock
from tests.factories import loans as factory
from tests.factories.applications import judged
from tests.factories.borrowers import consent
from tests.factories.configuration import configure
from tests.factories.offers import offered
from tests.factories.tokens import access_token
from tests.sandbox_server import SandboxClient
from users.models import BankCard, Consent

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 15
METHODS = ("get", "post", "put", "patch", "delete")
TEXTS = st.sampled_from(["\0", "\u202e\u200b", "𠮷", "😀" * 300, "x" * 70_000, "'; --", "%00", "\uffff", " "])
NUMBERS = st.sampled_from([10**30, -1, 0, 2**63, 1.5])


def document() -> dict[str, Any]:
    from drf_spectacular.generators import SchemaGenerator

    made: dict[str, Any] = json.loads(json.dumps(SchemaGenerator().get_schema(request=None, public=True), default=str))
    return made


SCHEMA = schemathesis.openapi.from_dict(document())
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]


@pytest.fixture
def rows(clock: Clock, db: None, sandbox: SandboxClient, tmp_path: Any, settings: Any) -> dict[str, Any]:
    """A borrower with one of everything: the token, and ids by what an address or a body calls them."""
    settings.MEDIA_ROOT = tmp_path
    at: datetime = clock.at
    configure(at, ("lending", "users", "funding", "traffic"))
    owner = factory.taker(at)
    consent(owner.user_id, "device", at)
    grant_id = factory.granted(at, owner)
    loan = factory.paid_out(at, owner, grant_id)
    asked = judged(at, "refer", user_id=owner.user_id, product_code="BIZ", purpose="business")
    supplements.request(application_id=asked, items=[("income_proof", "流水")], by="staff:1", at=at)
    offer = offered(at, user_id=owner.user_id, product_code="ONCE")
    return {
        "token": access_token(owner.user_id, at),
        "offers": str(offer.public_id),
        "offer_id": str(offer.public_id),
        "applications": str(Application.objects.get(pk=asked).public_id),
        "drawdowns": str(loan.drawdown.public_id),
        "loans": str(loan.public_id),
        "grant_id": str(Grant.objects.get(pk=grant_id).public_id),
        "card_id": str(BankCard.objects.get(pk=owner.card_id).public_id),
        "consent_id": str(Consent.objects.filter(user=owner.user_id)[0].public_id),
        "code": "LINE",
    }


def known(case: Any, rows: dict[str, Any]) -> None:
    """Put the borrower's own ids where the case has made some up."""
    word = case.path.split("/")[3]
    own = {"public_id": ""} | rows | ({"public_id": rows[word]} if word in rows else {})
    case.path_parameters = {name: own.get(name) or value for name, value in (case.path_parameters or {}).items()}
    ids = {name for name in rows if name.endswith("_id")}
    for said in (case.body, case.query):
        if isinstance(said, dict):
            said |= {name: rows[name] for name in said.keys() & ids}


@st.composite
def cases(draw: st.DrawFn, operation: Any, rows: dict[str, Any]) -> Any:
    """What fits the document, what does not, and now and then one field with a value of the worst kind."""
    modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE] if operation.body or operation.query else []
    case = draw(operation.as_strategy(generation_mode=draw(st.sampled_from(modes or [GenerationMode.POSITIVE]))))
    if draw(st.integers(0, 3)):
        known(case, rows)
    if isinstance(case.body, dict) and case.body and not draw(st.integers(0, 2)):
        name = draw(st.sampled_from(sorted(case.body)))
        case.body[name] = draw(TEXTS | NUMBERS | st.none() | st.lists(TEXTS, max_size=2))
    return case


def fuzz(operation: Any, rows: dict[str, Any], app: Any) -> None:
    @given(case=cases(operation, rows))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def sent(case: Any) -> None:
        point = transaction.savepoint()  # every example meets the same borrower
        try:
            response = case.call(app=app, headers={"Authorization": f"Bearer {rows['token']}"})
        finally:
            transaction.savepoint_rollback(point)
        case.validate_response(response, checks=CHECKS)

    sent()


@pytest.fixture
def app() -> Iterator[Any]:
    """The platform as a server sees it, on this test's own connection."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    handler = get_wsgi_application()

    def serve(environ: dict[str, Any], start_response: Any) -> Any:
        return handler(environ | {"REMOTE_ADDR": "127.0.0.1"}, start_response)

    yield serve
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def test_answers_as_documented(rows: dict[str, Any], app: Any) -> None:
    wrong = {}
    for operation in OPERATIONS:
        try:
            fuzz(operation, rows, app)
        except BaseExceptionGroup as error:
            wrong[operation.label] = "\n".join(map(str, error.exceptions))
        except Exception as error:
            wrong[operation.label] = str(error)
    assert not wrong, "\n\n".join(f"{label}\n{said}" for label, said in wrong.items())


def test_covers_every_operation() -> None:
    paths = document()["paths"].values()
    assert len(OPERATIONS) == sum(method in path for path in paths for method in METHODS) > 45
