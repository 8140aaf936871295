"""The risk-v1 adapter against the sandbox: what it sends, what it takes for an answer, how it fails."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from lending.common.errors import PermanentError, TransientError
from lending.sandbox.applicants import applicant, rows
from lending.sandbox.vendors import operator
from risk.providers import loop, risk_v1
from risk.providers.base import Subject
from risk.rules import sample
from risk.rules.catalogue import value_at
from risk.rules.strategy import catalogue
from tests.sandbox_server import SandboxClient
from users.queries import SourceView

RECIPIENTS = {
    "blacklist": "blacklist_vendor",
    "aml": "aml_vendor",
    "multi_lender": "multi_lender_vendor",
    "operator": "operator_vendor",
    "bureau": "bureau",
    "bankflow": "bankflow_vendor",
    "phone3": "phone_vendor",
    "phone_list": "phone_list_vendor",
    "device": "device_vendor",
}


def source(code: str, sandbox: SandboxClient, **changed: Any) -> SourceView:
    plain = SourceView(
        id=1,
        code=code,
        name_en=code,
        name_zh=code,
        stage=1,
        scenario="credit",
        price_cents=100,
        timeout_ms=2000,
        fresh_days=0,
        fallback=None,
        dead="refer",
        consent_code="credit_query",
        recipient=RECIPIENTS[code],
        protocol="risk-v1",
        endpoint=f"{sandbox.url}/risk/{code}/v1/query",
        enabled=True,
        client_id="cashloan",
        secret=f"sandbox-{code}",
        authorisation="operator" if code == "operator" else "",
    )
    return replace(plain, **changed)


def ask(code: str, sandbox: SandboxClient, *, row: int = 18, key: str = "pull-1", **changed: Any) -> Mapping[str, Any]:
    person = applicant(row, batch=1, today=date(2026, 3, 2))
    tokens = {"operator": operator.token(person.phone, 4e9)}
    subject = Subject(person.name, person.id_number, person.phone, person.birth_date, "d" * 32, tokens)
    asked = source(code, sandbox, **changed)

    async def work() -> Mapping[str, Any]:
        return await risk_v1.query(client=loop.client(code), source=asked, key=key, subject=subject)

    return loop.submit(work()).result(timeout=10)


class TestQuery:
    @pytest.mark.parametrize("code", RECIPIENTS)
    def test_carries_every_variable_of_its_source(self, code: str, sandbox: SandboxClient) -> None:
        answer = ask(code, sandbox, key=f"pull-{code}")
        assert answer["data"] == sample.vendor_answers(rows()[17])[code]
        for variable in catalogue().values():
            if variable.source == code:
                assert value_at(variable, answer["data"]) is not None

    @pytest.mark.parametrize("code", RECIPIENTS)
    def test_sends_only_what_its_source_needs(self, code: str, sandbox: SandboxClient) -> None:
        ask(code, sandbox, key=f"pull-{code}-fields")
        sent = sandbox.calls(code)[0]["body"]["subject"]
        assert set(sent) == set(risk_v1.FIELDS[RECIPIENTS[code]])

    def test_the_same_key_gives_the_same_answer(self, sandbox: SandboxClient) -> None:
        assert ask("bureau", sandbox, key="pull-9") == ask("bureau", sandbox, key="pull-9")

    def test_a_wrong_signature_is_refused_for_good(self, sandbox: SandboxClient) -> None:
        with pytest.raises(PermanentError, match="bad_signature"):
            ask("bureau", sandbox, key="pull-unsigned", secret="guessed")

    def test_nobody_listening_is_transient(self, sandbox: SandboxClient) -> None:
        with pytest.raises(TransientError, match="Connect"):
            ask("bureau", sandbox, key="pull-down", endpoint="http://127.0.0.1:9/risk/bureau/v1/query")

    def test_a_recipient_without_agreed_fields_is_not_asked(self, sandbox: SandboxClient) -> None:
        with pytest.raises(PermanentError, match="agreed"):
            ask("bureau", sandbox, recipient="somebody_else")
        assert sandbox.calls("bureau") == []
