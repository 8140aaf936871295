"""Every vendor of the register that is switched on, in every fault: each cell ends where the register's row says.

A source that answers, late or twice, is used. One that gives nothing is followed by its fallback; where there is none,
or it is the fallback, its variables are unknown and its row's word (stop, refer, unknown) decides.
"""

import csv
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.db import transaction

from lending.common import breaker
from lending.sandbox.applicants import rows
from risk.models import Assessment, DataPull, PullState
from risk.providers import QUERIES
from risk.rules import engine, strategy
from risk.services import assessments, pulls
from tests.conftest import Clock
from tests.factories import borrowers
from tests.factories.pictures import photo
from tests.sandbox_server import SandboxClient
from tests.unit.risk.conftest import Apply, assessment
from users import queries as users
from users.models import Check, CheckState, Message, MessageState, Notice, Source
from users.services import cards, certificates, checks, configuration, messages, operator

FAULTS: dict[str, dict[str, Any]] = {
    "timeout": {"timeout_rate": 1},  # done there, and never heard of here
    "500": {"error_rate": 1},
    "malformed": {"malformed_rate": 1},
    "duplicate": {},  # asked twice under one key: the first answer was lost with its worker
    "slow": {"latency_ms": 150},  # within the limit
}
ANSWERED = ("duplicate", "slow")
LIMIT_MS = 400  # of the source that is made to hang
ROW = 3  # approved where everything answers
CODE: dict[str, object] = {"code": "123456", "minutes": 5}
CARD = "6222020000000000000"


def switched_on() -> Iterator[tuple[str, str]]:
    """(code, protocol) of the shipped register, the fallbacks too."""
    with (Path(configuration.__file__).parents[1] / "data/configuration/sources.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if row["enabled"] == "yes" and row["protocol"] != "internal":
                yield row["code"], row["protocol"]


SOURCES = dict(switched_on())
ASKED_OVER_THE_LOOP = sorted(code for code, protocol in SOURCES.items() if protocol in QUERIES)
# source: what it is asked for
CHECKS = {"id2": "id2", "id2_b": "id2", "card4": "card4", "card4_b": "card4", "ocr": "ocr"}


def test_no_vendor_is_left_out() -> None:
    assert {*ASKED_OVER_THE_LOOP, *CHECKS, "sms", "operator_auth"} == SOURCES.keys()


def break_down(sandbox: SandboxClient, source: Source, fault: str) -> None:
    sandbox.control(source.code, **FAULTS[fault])
    Source.objects.filter(pk=source.pk).update(pause_ms=1)
    if fault == "timeout":
        Source.objects.filter(pk=source.pk).update(timeout_ms=LIMIT_MS)


def asked_first(source: Source, sandbox: SandboxClient) -> Source:
    """The source itself, or the one whose fallback it is, which is then made to fail."""
    first = Source.objects.filter(fallback=source).first()
    if first is None:
        return source
    sandbox.control(first.code, error_rate=1)
    Source.objects.filter(pk=first.pk).update(pause_ms=1)
    return first


def who_answers(source: Source, fault: str) -> str:
    """By the register alone; "" where nobody is left."""
    if fault in ANSWERED:
        return source.code
    return source.fallback.code if source.fallback else ""


def each_fault(sandbox: SandboxClient) -> Iterator[str]:
    """Every one of them on the same ground: what the last one left is taken back, here and at the vendors."""
    ground = transaction.savepoint()
    for fault in FAULTS:
        yield fault
        transaction.savepoint_rollback(ground)
        sandbox.reset()
        close_breakers()


def close_breakers() -> None:
    """One vendor's faults in a row are more than a breaker takes."""
    store = breaker._store()
    store.delete(*store.keys("breaker:*") or ["none"])


def twice(work: Callable[[], object]) -> None:
    """Once by a worker that dies before anything of it is written, then again."""
    before = transaction.savepoint()
    work()
    transaction.savepoint_rollback(before)
    work()


class TestDataSources:
    @pytest.mark.parametrize("code", ASKED_OVER_THE_LOOP)
    def test_ends_as_declared(
        self, code: str, apply: Apply, at: datetime, sandbox: SandboxClient, subtests: pytest.Subtests
    ) -> None:
        row = assessment(apply(ROW))
        if code == "device":
            borrowers.device(row.user_id, at)
        for fault in each_fault(sandbox):
            with subtests.test(fault=fault):
                self.cell(code, fault, row, at, sandbox)

    def cell(self, code: str, fault: str, row: Assessment, at: datetime, sandbox: SandboxClient) -> None:
        source = Source.objects.select_related("fallback").get(code=code)
        first = asked_first(source, sandbox)
        break_down(sandbox, source, fault)
        if fault == "duplicate":
            twice(lambda: stage(row, first.code, at))
        values, dead = stage(row, first.code, at)  # once more where it is settled: nobody is asked again
        by, found = who_answers(source, fault), {pull.source_code: pull for pull in DataPull.objects.all()}

        ends = {first.code: PullState.DEAD, code: PullState.DEAD} | ({by: PullState.ANSWERED} if by else {})
        assert {each: pull.state for each, pull in found.items()} == ends
        asked = {"timeout": 1, "500": source.retries + 1, "malformed": 1, "duplicate": 2, "slow": 1}[fault]
        keys = [key_of(call["body"]) for call in sandbox.calls(code)]
        assert keys == [f"pull-{row.pk}-{code}"] * asked
        word = {"timeout": "timeout", "500": "http_500", "malformed": "malformed"}.get(fault, "")
        assert found[code].failure.partition(":")[0] == word
        assert found[code].quarantined is (fault == "malformed")  # kept, for whoever mends it
        assert found[code].price_cents == spent(source, fault)
        if fault == "slow":
            assert found[code].latency_ms >= FAULTS["slow"]["latency_ms"]

        told = strategy.inputs_of(rows()[ROW - 1])
        own = [name for name, each in strategy.catalogue().items() if each.source == first.code]
        if by:
            assert {name: values[name] for name in own} == {name: told[name] for name in own}
        else:
            assert {name: values.get(name) for name in own} == dict.fromkeys(own)
        silent = "" if by else first.dead
        assert dead == {f"sources_dead_{word}": int(silent == word) for word in ("stop", "refer")}
        said = strategy.decide(told | dict.fromkeys(own) | values | dead)
        match silent:
            case "":
                assert said.outcome == "approve"
            case "stop":
                assert (said.outcome, said.reasons) == ("decline", ("N01",))
            case "refer":
                assert (said.outcome, said.reasons) == ("refer", ("N01",))
            case _:
                assert said.outcome in ("approve", "refer")  # silence alone never declines


def stage(row: Assessment, code: str, at: datetime) -> tuple[dict[str, Any], dict[str, int]]:
    """Ask the source and what follows it; what is known then, and what is dead."""
    run = assessments._gather(row, at).pulls
    pulls.run_stage(pulls=run, sources=[run.sources[code]], scenario="credit")
    return run.values(), run.dead([run.sources[code]])


def key_of(body: Any) -> str:
    """Of a request as the sandbox keeps it: JSON, or the text of form fields."""
    told = body if isinstance(body, dict) else dict(parse_qsl(body))
    return next(str(told[name]) for name in ("request_id", "lsh", "reqNo") if name in told)


def spent(source: Source, fault: str) -> int:
    """A call that did nothing is free; a lost answer may be billed; so is one that nobody can read."""
    return 0 if fault == "500" else source.price_cents


class TestChecks:
    @pytest.mark.parametrize("code", CHECKS)
    def test_ends_as_declared(
        self,
        code: str,
        configured: None,
        clock: Clock,
        sandbox: SandboxClient,
        subtests: pytest.Subtests,
        settings: Any,
        tmp_path: Path,
    ) -> None:
        settings.MEDIA_ROOT = tmp_path
        check_id = requested(CHECKS[code], clock.at)
        for fault in each_fault(sandbox):
            with subtests.test(fault=fault):
                self.cell(code, fault, check_id, clock, sandbox)

    def cell(self, code: str, fault: str, check_id: int, clock: Clock, sandbox: SandboxClient) -> None:
        source = Source.objects.select_related("fallback").get(code=code)
        first = asked_first(source, sandbox)
        break_down(sandbox, source, fault)
        if fault == "duplicate":
            twice(lambda: checks.run_check(check_id=check_id, now=clock.at))
        for _ in range(checks.MAX_ATTEMPTS + 1):
            checks.run_check(check_id=check_id, now=clock.at)
            clock.move(minutes=1)
        by, check = who_answers(source, fault), Check.objects.select_related("source").get(pk=check_id)

        state = check.state, check.source and check.source.code
        assert state == ((CheckState.PASSED, by) if by else (CheckState.DEAD, None))
        tries = 1 if by else checks.MAX_ATTEMPTS
        assert len(sandbox.calls(code)) == (2 if fault == "duplicate" else tries)
        lost = source.price_cents * tries if fault == "timeout" else 0
        assert check.price_cents == lost + (source.price_cents if by else 0)
        assert Notice.objects.filter(kind="source_dead", subject=f"source:{first.code}").exists() is not bool(by)
        if not by and first.dead == "stop":
            assert verdict_without(first.code) == ("decline", ["N01"])


def requested(kind: str, at: datetime) -> int:
    user_id = borrowers.borrower(at)
    Check.objects.all().delete()  # the one that the factory passes without a vendor
    if kind == "ocr":
        consent = users.document("certificates", at)
        assert consent
        for side, version in (("id_front", consent.version), ("id_back", "")):
            certificates.add(user_id=user_id, kind=side, content=photo(), version=version, ip=borrowers.IP, at=at)
        return Check.objects.get(kind=kind).pk
    if kind == "id2":
        return checks.request(user_id=user_id, kind=kind, at=at)
    cards.add(user_id=user_id, number=CARD, phone=borrowers.phone(77), at=at)
    return Check.objects.get(kind=kind).pk


def verdict_without(kind: str) -> tuple[str, list[str]]:
    """What the shipped strategy says where the check is dead."""
    key, name = {"id2": ("admission", "identity_state"), "card4": ("drawdown", "card_state")}[kind]
    known = strategy.inputs_of(rows()[ROW - 1]) | {name: "dead"}
    inputs = {each: known.get(each) for each in strategy.scenarios()[key]["inputs"]}
    said = engine.evaluate(strategy.shipped_addresses()[key], inputs)
    return said["outcome"], said["reasons"]


class TestTheOperatorsAuthorisation:
    def test_ends_as_declared(
        self, configured: None, clock: Clock, sandbox: SandboxClient, subtests: pytest.Subtests
    ) -> None:
        """Unknown: without it the report is not asked for, and nothing else changes."""
        user_id = borrowers.borrower(clock.at)
        borrowers.consent(user_id, "operator", clock.at)
        phone = users.person(user_id).phone
        for fault in each_fault(sandbox):
            with subtests.test(fault=fault):
                self.cell(fault, user_id, phone, clock, sandbox)

    def cell(self, fault: str, user_id: int, phone: str, clock: Clock, sandbox: SandboxClient) -> None:
        break_down(sandbox, Source.objects.get(code="operator_auth"), fault)
        began, row_id = len(sandbox.sms(phone)), operator.start(user_id=user_id, at=clock.at)
        if fault == "duplicate":
            twice(lambda: operator.run(authorisation_id=row_id, now=clock.at))
        for _ in range(operator.MAX_ATTEMPTS + 1):
            operator.run(authorisation_id=row_id, now=clock.at)
            clock.move(minutes=1)
        stands, answered = users.operator(user_id, clock.at), fault in ANSWERED
        assert (stands.state, stands.why) == (("code_sent", "") if answered else ("expired", "no_answer"))
        assert Notice.objects.filter(kind="source_dead", subject="source:operator_auth").exists() is not answered
        assert len(sandbox.calls("operator_auth", path="/authorisations")) > 0
        began_there = [call for call in sandbox.calls("operator_auth") if call["method"] == "POST"]
        assert len(began_there) == {"duplicate": 2, "500": 1}.get(fault, 1)
        assert len(sandbox.sms(phone)) - began == int(fault in ("timeout", "malformed", *ANSWERED)), "one code, or none"


class TestTextMessages:
    def test_ends_as_declared(
        self, configured: None, clock: Clock, sandbox: SandboxClient, subtests: pytest.Subtests
    ) -> None:
        """One text however often it is sent; what failed for a while goes out when the gateway is back."""
        user_id = borrowers.borrower(clock.at)
        for fault in each_fault(sandbox):
            with subtests.test(fault=fault):
                self.cell(fault, user_id, clock, sandbox)

    def cell(self, fault: str, user_id: int, clock: Clock, sandbox: SandboxClient) -> None:
        phone, key = borrowers.phone(next(borrowers.SERIAL)), f"matrix-{fault}"
        message_id = messages.queue(
            user_id=user_id, phone=phone, template="code_login", params=CODE, key=key, at=clock.at
        )
        break_down(sandbox, Source.objects.get(code="sms"), fault)
        if fault == "duplicate":
            twice(lambda: messages.run_message(message_id=message_id, now=clock.at))
        else:
            messages.run_message(message_id=message_id, now=clock.at)
        state = MessageState.SENT if fault in ANSWERED else MessageState.QUEUED
        state = MessageState.FAILED if fault == "malformed" else state
        assert Message.objects.get(pk=message_id).state == state
        sandbox.reset()
        messages.run_message(message_id=message_id, now=clock.move(minutes=1))
        assert Message.objects.get(pk=message_id).state == (state if fault == "malformed" else MessageState.SENT)
        assert len(sandbox.sms(phone)) == 1
