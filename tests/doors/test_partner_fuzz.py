"""The partner API against its own document, every request signed: no answer that the document does not know."""

import itertools
import json
import time
from collections import Counter
from datetime import datetime
from io import BytesIO
from typing import Any

import pytest
import schemathesis
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.settings import patched_settings

import traffic.urls
from lending.common import signed
from lending.models import Application, Grant
from lending.services import supplements
from lending.urls import partner_documented
from tests.conftest import Clock
from tests.doors.test_fuzz import METHODS, app, fuzz
from tests.doors.test_partner_money import granted, own_card
from tests.factories import loans as factory
from tests.factories.applications import judged
from tests.factories.borrowers import borrower
from tests.factories.configuration import configure
from traffic import services

__all__ = ["app"]  # a fixture


def document() -> dict[str, Any]:
    with patched_settings(traffic.urls.DOCUMENT):
        made = SchemaGenerator(patterns=partner_documented).get_schema(request=None, public=True)
    return dict(json.loads(json.dumps(made, default=str)))


OPERATIONS = [found.ok() for found in schemathesis.openapi.from_dict(document()).get_all_operations()]


@pytest.fixture
def rows(clock: Clock, db: None, tmp_path: Any, settings: Any) -> dict[str, Any]:
    """What LOANHUB has brought: an application for which something is asked, and one with a loan."""
    settings.MEDIA_ROOT = tmp_path
    at: datetime = clock.at
    configure(at, ("lending", "users", "funding", "traffic"))
    asked = judged(at, "refer", user_id=borrower(at))
    supplements.request(application_id=asked, items=[("income_proof", "流水")], by="staff:1", at=at)
    Application.objects.update(channel_code="LOANHUB")
    referred = str(Application.objects.get().public_id)
    who = factory.taker(at)
    application_id = granted(at, who)
    loan = factory.paid_out(at, who, Grant.objects.get(user_id=who.user_id).pk)
    return {
        "token": "",
        "applications": referred,
        "application_id": application_id,
        "card_id": own_card(application_id),
        "drawdowns": str(loan.drawdown.public_id),
        "loans": str(loan.public_id),
    }


@pytest.fixture
def seen() -> Counter[str]:
    """How often each status and each code was answered."""
    return Counter()


@pytest.fixture
def signing(app: Any, seen: Counter[str]) -> Any:
    """Signs whatever comes, as it comes."""
    numbers = itertools.count()

    def serve(environ: dict[str, Any], start_response: Any) -> Any:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        said = {"timestamp": str(int(time.time())), "nonce": f"nonce-{next(numbers):020d}"}
        path = environ["PATH_INFO"].encode("latin-1").decode(errors="replace")
        text = signed.canonical(
            method=environ["REQUEST_METHOD"], path=path, query=environ.get("QUERY_STRING", ""), body=body, **said
        )
        headers = {
            "HTTP_X_APP_ID": "loanhub",
            "HTTP_X_TIMESTAMP": said["timestamp"],
            "HTTP_X_NONCE": said["nonce"],
            "HTTP_X_SIGNATURE": signed.sign("sandbox-LOANHUB", text),
        }

        def start(status: str, *rest: Any) -> Any:
            seen[status[:3]] += 1
            return start_response(status, *rest)

        answer = list(app(environ | headers | {"wsgi.input": BytesIO(body)}, start))
        if b'"type":"/errors/' in answer[0]:
            seen[json.loads(b"".join(answer))["code"]] += 1
        return answer

    return serve


def test_answers_as_documented(rows: dict[str, Any], signing: Any, seen: Counter[str]) -> None:
    wrong = {}
    for operation in OPERATIONS:
        try:
            fuzz(operation, rows, signing)
        except BaseExceptionGroup as error:
            wrong[operation.label] = "\n".join(map(str, error.exceptions))
        except Exception as error:
            wrong[operation.label] = str(error)
    assert not wrong, "\n\n".join(f"{label}\n{said}" for label, said in wrong.items())
    listed = {row.code for _, rows in services.errors() for row in rows}
    assert {name for name in seen if not name.isdigit()} <= listed  # the guide has them all
    assert min(seen["200"], seen["404"], seen["422"]) > 5 > seen["401"], seen


def test_covers_every_operation() -> None:
    paths = document()["paths"].values()
    assert len(OPERATIONS) == sum(method in path for path in paths for method in METHODS) == 35
