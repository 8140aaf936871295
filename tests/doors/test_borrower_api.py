"""The borrower's door: whatever is sent, the answer has a name, and only what is right changes anything."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Model
from django.test import Client
from rest_framework.views import APIView

from funding.models import Programme
from lending.api.urls import api_urlpatterns
from lending.common.clock import business_date
from lending.common.throttle import ByAddress, ByUser
from lending.models import (
    Application,
    Drawdown,
    Event,
    Grant,
    IdempotencyKey,
    Journal,
    Loan,
    Product,
    Repayment,
    Supplement,
)
from lending.services import applications, drawdowns, grants, repayments, supplements
from tests.conftest import Clock
from tests.factories import loans as factory
from tests.factories.applications import judged, submitted
from tests.factories.borrowers import borrower, consent
from tests.factories.configuration import configure
from tests.factories.loans import Taker
from tests.factories.staff import officer
from tests.factories.tokens import access_token
from traffic.models import Offer
from traffic.services import match_offers
from users.models import BankCard
from users.services import accounts, consents

KEYS = count(1)
OPEN_TO_ALL = ("products", "products/<slug:code>/quote")
METHODS = ("get", "post", "put", "patch", "delete")
SUBMIT = {"amount_cents": 1_000_000, "months": 12, "purpose": "education"}
# What each door with a body accepts; ids in it are filled in by the test.
BODIES: dict[str, dict[str, Any]] = {
    "applications": {"product": "LINE"},
    "products/<slug:code>/quote": {"amount_cents": 1_000_000, "months": 12},
    "applications/<uuid:public_id>/submit": SUBMIT,
    "applications/<uuid:public_id>/appeal": {"reason": "look again"},
    "applications/<uuid:public_id>/supplements": {"texts": {"income_proof": "x"}},
    "drawdowns": {**SUBMIT, "grant_id": str(uuid4()), "card_id": str(uuid4())},
    "drawdowns/<uuid:public_id>/card": {"card_id": str(uuid4())},
    "drawdowns/<uuid:public_id>/contracts/sign": {"code": "123456"},
    "loans/<uuid:public_id>/repayments": {"amount_cents": 1},
    "offers/<uuid:public_id>/accept": {"version": "1", "code": "123456"},
}


def doors() -> Iterator[tuple[str, str]]:
    """(method, route) of everything lending serves."""
    for pattern in api_urlpatterns:
        view: type[APIView] = pattern.callback.view_class  # type: ignore[union-attr]
        yield from ((method, str(pattern.pattern)) for method in METHODS if hasattr(view, method))


DOORS = list(doors())
CLOSED = [door for door in DOORS if door[1] not in OPEN_TO_ALL]
WITH_ID = [door for door in DOORS if "<uuid:" in door[1]]
WITH_BODY = [("post", route) for route in BODIES]


class Caller:
    """Somebody with a token, or nobody without one. Every post carries a fresh Idempotency-Key."""

    def __init__(self, client: Client, token: str = "") -> None:
        self.client, self.token = client, token

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        sent: dict[str, Any] = {}
        if method == "post":
            headers.setdefault("Idempotency-Key", f"key-{next(KEYS)}")
            raw = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
            sent = {"data": raw, "content_type": headers.pop("content_type", "application/json")}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        return getattr(self.client, method)(f"/api/v1/{path}", headers=headers, **sent)


Watched: tuple[type[Model], ...] = (
    Application,
    Grant,
    Drawdown,
    Loan,
    Event,
    IdempotencyKey,
    Journal,
    Repayment,
    Supplement,
)


@contextmanager
def nothing_changes() -> Iterator[None]:
    def state() -> list[Any]:
        return [sorted(map(repr, model._default_manager.values())) for model in Watched]

    before = state()
    yield
    assert state() == before


def problem(answer: Any) -> tuple[int, str]:
    """Status and code of an answer that is a problem in full."""
    assert answer.headers["Content-Type"].startswith("application/problem+json"), answer.content
    body = answer.json()
    assert {"type", "title", "status", "code", "detail"} <= set(body)
    assert body["status"] == answer.status_code
    return answer.status_code, body["code"]


@pytest.fixture
def at(clock: Clock, db: None) -> datetime:
    configure(clock.at, ("lending", "users", "funding", "traffic"))
    return clock.at


@pytest.fixture
def owner(at: datetime) -> Taker:
    return factory.taker(at)


@pytest.fixture
def call(at: datetime, owner: Taker, client: Client) -> Caller:
    """As the owner."""
    return Caller(client, access_token(owner.user_id, at))


@pytest.fixture
def stranger(at: datetime, client: Client) -> Caller:
    return Caller(client, access_token(borrower(at), at))


@pytest.fixture
def rows(at: datetime, owner: Taker) -> dict[str, str]:
    """The owner's things, by the first word of their address."""
    grant_id = factory.granted(at, owner)
    loan = factory.paid_out(at, owner, grant_id)
    grant = Grant.objects.get(pk=grant_id)
    match_offers(application_id=grant.application_id, trigger="no_funder", at=at)
    return {
        "applications": str(grant.application.public_id),
        "grants": str(grant.public_id),
        "drawdowns": str(loan.drawdown.public_id),
        "loans": str(loan.public_id),
        "offers": str(Offer.objects.get().public_id),
        "card": str(BankCard.objects.get(pk=owner.card_id).public_id),
    }


def address(route: str, rows: dict[str, str]) -> str:
    filled = route.replace("<uuid:public_id>", rows.get(route.split("/")[0], str(uuid4())))
    return filled.replace("<uuid:contract_id>", str(uuid4())).replace("<slug:code>", "LINE")


class TestWhoMayCall:
    @pytest.mark.parametrize(("method", "route"), CLOSED, ids=lambda part: str(part))
    def test_nobody_without_a_token(self, db: None, clock: Clock, client: Client, method: str, route: str) -> None:
        for token in ("", "nonsense"):
            answer = Caller(client, token)(method, address(route, {}), BODIES.get(route))
            assert problem(answer) == (401, "unauthenticated")
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")

    def test_what_belongs_to_somebody_else_is_not_there(
        self, at: datetime, call: Caller, stranger: Caller, rows: dict[str, str]
    ) -> None:
        assert {route.split("/")[0] for _, route in WITH_ID} == {"applications", "drawdowns", "loans", "offers"}
        with nothing_changes():
            for method, route in WITH_ID:
                for path in (address(route, rows), address(route, {})):  # another's, and nobody's: the same answer
                    answer = stranger(method, path, BODIES.get(route))
                    assert problem(answer) == (404, "not_found"), (method, route)
                    assert rows[route.split("/")[0]] not in json.dumps(answer.json()["detail"])
        for word in ("applications", "drawdowns", "loans", "offers"):
            assert call("get", f"{word}/{rows[word]}").status_code == 200
            assert stranger("get", word).json() == []

    def test_nor_is_it_usable_in_a_body(
        self, at: datetime, owner: Taker, call: Caller, stranger: Caller, rows: dict[str, str], client: Client
    ) -> None:
        other = factory.taker(at)
        foreign = Caller(client, access_token(other.user_id, at))
        theirs = str(BankCard.objects.get(pk=other.card_id).public_id)
        asks = [
            (foreign, "drawdowns", {**SUBMIT, "grant_id": rows["grants"], "card_id": theirs}),
            (call, "drawdowns", {**SUBMIT, "grant_id": rows["grants"], "card_id": theirs}),
            (call, f"drawdowns/{rows['drawdowns']}/card", {"card_id": theirs}),
            (call, f"loans/{rows['loans']}/repayments", {"amount_cents": 1, "card_id": theirs}),
        ]
        with nothing_changes():
            for who, path, body in asks:
                assert problem(who("post", path, body)) == (404, "not_found"), path
            query = f"agreements?moment=drawdown&grant_id={rows['grants']}&amount_cents=100000&months=12"
            assert problem(stranger("get", query)) == (404, "not_found")
        assert call("get", query).status_code == 200

    def test_lists_show_one_s_own(self, call: Caller, rows: dict[str, str]) -> None:
        for word in ("applications", "grants", "drawdowns", "loans", "offers"):
            assert [row["id"] for row in call("get", word).json()] == [rows[word]]
        assert call("get", f"loans/{rows['loans']}/schedule").json()[11]["number"] == 12


class TestWhatIsSent:
    @pytest.fixture
    def addresses(self, at: datetime, owner: Taker, call: Caller) -> list[tuple[str, str]]:
        """(route, address) of every door with a body; the application is the owner's."""
        mine = {"applications": str(Application.objects.get(pk=submitted(at, user_id=owner.user_id)).public_id)}
        return [(route, address(route, mine)) for _, route in WITH_BODY]

    @pytest.mark.parametrize(
        ("raw", "expected"),
        [
            (b"{", (400, "malformed")),
            (b'{"a": NaN}', (400, "malformed")),
            (b"\xff\xfe{}", (400, "malformed")),
            (b'{"a": ' + b"9" * 5000 + b"}", (400, "malformed")),
            (b"[" * 100_000, (400, "malformed")),
            (b'{"a": "' + b"x" * 1024 * 1024 + b'"}', (413, "too_large")),
            (b"[]", (422, "invalid")),
            (b'"text"', (422, "invalid")),
        ],
        ids=["cut off", "not a number", "not utf-8", "endless number", "too deep", "too large", "a list", "a word"],
    )
    def test_a_body_that_cannot_be_read_has_its_name_at_every_door(
        self, call: Caller, addresses: list[tuple[str, str]], raw: bytes, expected: tuple[int, str]
    ) -> None:
        with nothing_changes():
            for route, path in addresses:
                assert problem(call("post", path, raw)) == expected, route

    def test_only_json_is_read(self, call: Caller, addresses: list[tuple[str, str]]) -> None:
        with nothing_changes():
            for route, path in addresses:
                answer = call("post", path, b"<a/>", content_type="application/xml")
                assert problem(answer) == (415, "unsupported_media_type"), route

    def test_wrong_values_are_named_by_field(self, call: Caller, addresses: list[tuple[str, str]]) -> None:
        wrong: list[Any] = [None, "x", "\ud800", "\0", -1, 1.5, True, [], {}, 10**30]
        right = {  # DRF reads a number as a word, and a whole number as an id
            **dict.fromkeys(("product", "reason", "code", "version"), ("x", -1, 1.5, 10**30)),
            **dict.fromkeys(("grant_id", "card_id"), (True, 10**30)),
            "texts": ({},),
        }
        with nothing_changes():
            for route, path in addresses:
                for field in BODIES[route]:
                    for value in wrong:
                        if any(value is good or (value == good and value is not True) for good in right.get(field, ())):
                            continue
                        answer = call("post", path, json.dumps(BODIES[route] | {field: value}).encode())
                        assert problem(answer) == (422, "invalid"), (route, field, value, answer.content)
                        assert {name.split(".")[0] for name in answer.json()["fields"]} == {field}

    def test_missing_fields_are_all_named(self, call: Caller) -> None:
        answer = call("post", "drawdowns", {})
        assert problem(answer) == (422, "invalid")
        assert set(answer.json()["fields"]) == {"grant_id", "amount_cents", "months", "card_id", "purpose"}

    def test_an_address_that_is_none(self, call: Caller) -> None:
        assert problem(call("get", "nothing/here")) == (404, "not_found")
        assert call("get", "applications/not-a-uuid").status_code == 404
        assert problem(call("delete", "applications")) == (405, "method_not_allowed")

    def test_names_that_fit_no_product(self, call: Caller) -> None:
        with nothing_changes():
            assert problem(call("post", "applications", {"product": "NOPE"})) == (409, "product_closed")
            for code in ("NOPE", "%00", "line", "..", "a" * 500):
                answer = call("post", f"products/{code}/quote", BODIES["products/<slug:code>/quote"])
                assert answer.status_code == 404, code

    @pytest.mark.parametrize("key", ["", "x" * 129])
    def test_a_key_is_needed_where_money_or_a_row_comes_of_it(
        self, call: Caller, rows: dict[str, str], key: str
    ) -> None:
        asks = [
            ("applications", BODIES["applications"]),
            ("drawdowns", {**SUBMIT, "grant_id": rows["grants"], "card_id": rows["card"]}),
            (f"loans/{rows['loans']}/repayments", {"amount_cents": 100}),
            (f"loans/{rows['loans']}/withdrawal", None),
        ]
        with nothing_changes():
            for path, body in asks:
                answer = call("post", path, body, **{"Idempotency-Key": key})
                assert problem(answer) == (422, "idempotency_key_missing"), path


class TestOutOfOrder:
    """What does not fit the present state is refused by name and changes nothing."""

    def application(self, pk: int) -> str:
        return f"applications/{Application.objects.get(pk=pk).public_id}"

    def test_applications(self, at: datetime, owner: Taker, call: Caller) -> None:
        draft = applications.start(user_id=owner.user_id, product_code="LINE", channel_code="OWN", by=owner.by, at=at)
        texts = {"texts": {"income_proof": "x"}}
        steps: list[tuple[Callable[[], object], list[tuple[str, Any, str]]]] = [
            (
                lambda: None,
                [
                    ("appeal", {"reason": "no"}, "appeal_closed"),
                    ("supplements", texts, "wrong_state"),
                ],
            ),
            (
                lambda: applications.submit(
                    application_id=draft, method="equal_instalment", **SUBMIT, by=owner.by, at=at
                ),
                [("submit", SUBMIT, "wrong_state"), ("appeal", {"reason": "no"}, "appeal_closed")],
            ),
            (
                lambda: applications.withdraw(application_id=draft, by=owner.by, at=at),
                [
                    ("submit", SUBMIT, "wrong_state"),
                    ("cancel", None, "wrong_state"),
                    ("appeal", {"reason": "no"}, "appeal_closed"),
                    ("supplements", texts, "wrong_state"),
                ],
            ),
        ]
        for act, refusals in steps:
            act()
            with nothing_changes():
                for word, body, code in refusals:
                    answer = call("post", f"{self.application(draft)}/{word}", body)
                    assert problem(answer) == (409, code), word

    def test_before_everything_is_declared(self, at: datetime, client: Client) -> None:
        user_id = accounts.ensure_user(phone="13955556666", at=at)
        call = Caller(client, self.first_token(user_id, at))
        started = call("post", "applications", {"product": "LINE"}).json()
        with nothing_changes():
            answer = call("post", f"applications/{started['id']}/submit", SUBMIT)
            assert problem(answer) == (409, "profile_incomplete")
            assert "id_number" in answer.json()["missing"]

    def first_token(self, user_id: int, at: datetime) -> str:
        for code in ("service", "privacy"):
            consent(user_id, code, at)
        return access_token(user_id, at)

    def test_drawdowns(self, at: datetime, owner: Taker, call: Caller, rows: dict[str, str]) -> None:
        path = f"drawdowns/{rows['drawdowns']}"
        with nothing_changes():
            for word, body, code in (
                ("cancel", None, "wrong_state"),
                ("card", {"card_id": rows["card"]}, "wrong_state"),
                ("contracts/sign", {"code": "123456"}, "not_signable"),
            ):
                assert problem(call("post", f"{path}/{word}", body)) == (409, code), word

    def test_limits(self, at: datetime, owner: Taker, call: Caller, rows: dict[str, str]) -> None:
        body = {**SUBMIT, "grant_id": rows["grants"], "card_id": rows["card"]}
        grant_id = Grant.objects.get().pk
        with nothing_changes():
            assert problem(call("post", "drawdowns", body | {"amount_cents": 4_010_000})) == (409, "grant_not_usable")
            assert problem(call("post", "drawdowns", body | {"amount_cents": 50_010})) == (422, "invalid")
        grants.freeze(grant_id=grant_id, reason="a look", by=officer(at), at=at)
        with nothing_changes():
            assert problem(call("post", "drawdowns", body)) == (409, "grant_not_usable")

    def test_consents_that_do_not_name_who_would_be_asked(
        self, at: datetime, call: Caller, rows: dict[str, str], owner: Taker
    ) -> None:
        consents.withdraw(user_id=owner.user_id, consent_id=owner.share_id, by=owner.by, at=at)
        with nothing_changes():
            body = {**SUBMIT, "grant_id": rows["grants"], "card_id": rows["card"]}
            answer = call("post", "drawdowns", body)
            assert problem(answer) == (409, "consent_not_live")
            assert answer.json()["recipients"] == ["LJB", "HYF", "QTX", "AHG"]
            for wrong in ({"amount_cents": 1}, {"months": 7}):  # what was asked comes first
                assert problem(call("post", "drawdowns", body | wrong)) == (422, "invalid")

    def test_no_lender_that_would_take_it(self, at: datetime, call: Caller, rows: dict[str, str]) -> None:
        Programme.objects.update(enabled=False)
        with nothing_changes():
            body = {**SUBMIT, "grant_id": rows["grants"], "card_id": rows["card"]}
            assert problem(call("post", "drawdowns", body)) == (409, "no_lender")

    def test_loans(self, at: datetime, clock: Clock, call: Caller, rows: dict[str, str]) -> None:
        loan = Loan.objects.get()
        path = f"loans/{rows['loans']}"
        too_much = loan.instalments.get(number=1).open_cents + 1
        with nothing_changes():
            answer = call("post", f"{path}/repayments", {"amount_cents": too_much})
            assert problem(answer) == (422, "amount_not_owed")
            assert answer.json()["settlement_cents"] == loan.principal_cents
        clock.move(hours=25)
        token = access_token(loan.user_id, clock.at)
        call.token = token
        with nothing_changes():
            assert problem(call("post", f"{path}/withdrawal")) == (409, "cooling_off_over")
        repayments.post(loan_id=loan.pk, amount_cents=1_100_000, received_at=clock.at, key="k", at=clock.at)
        with nothing_changes():
            assert problem(call("get", f"{path}/settlement-quote")) == (409, "wrong_state")
            assert problem(call("post", f"{path}/repayments", {"amount_cents": 1})) == (409, "wrong_state")
            assert problem(call("post", f"{path}/withdrawal")) == (409, "withdrawal_closed")

    def test_one_payment_of_a_loan_at_a_time(self, call: Caller, rows: dict[str, str]) -> None:
        path = f"loans/{rows['loans']}/repayments"
        first = call("post", path, {"amount_cents": 100}, **{"Idempotency-Key": "x" * 128})
        assert first.status_code == 202
        again = call("post", path, {"amount_cents": 100}, **{"Idempotency-Key": "x" * 128})
        assert again.json() == first.json()
        with nothing_changes():
            assert problem(call("post", path, {"amount_cents": 100})) == (409, "collection_open")
        assert [row["state"] for row in call("get", path).json()["collections"]] == ["DUE"]


class TestSupplements:
    def test_words_and_files_come_in_one_go(
        self, at: datetime, owner: Taker, call: Caller, settings: Any, tmp_path: Any
    ) -> None:
        settings.MEDIA_ROOT = tmp_path
        pk = judged(at, "refer", user_id=owner.user_id)
        supplements.request(
            application_id=pk, items=[("income_proof", "流水"), ("job_note", "说明")], by="staff:1", at=at
        )
        path = f"applications/{Application.objects.get(pk=pk).public_id}/supplements"
        assert [item["kind"] for item in call("get", path).json()[0]["items"]] == ["income_proof", "job_note"]

        def send(content: bytes) -> Any:
            file = SimpleUploadedFile("slip.pdf", content, "application/pdf")
            return call.client.post(
                f"/api/v1/{path}",
                {"file.income_proof": file, "text.job_note": "六年"},
                headers={"Authorization": f"Bearer {call.token}"},
            )

        with nothing_changes():
            assert problem(send(b"MZ not a document")) == (422, "unreadable_file")
            surprising = call("post", path, b'{"texts": {"\\ud800": "x", "job_note": "y"}}')
            assert problem(surprising) == (422, "invalid")
        answer = send(b"%PDF-1.4 slip %%EOF")
        assert (answer.status_code, answer.json()["status"]) == (200, "REFERRED")


class TestThrottling:
    @pytest.mark.parametrize("scope", ["user", "anon"])
    def test_too_many_are_told_when_to_come_again(
        self, call: Caller, client: Client, monkeypatch: pytest.MonkeyPatch, scope: str
    ) -> None:
        monkeypatch.setattr(ByUser if scope == "user" else ByAddress, "rate", "2/min", raising=False)
        caller, path = (call, "grants") if scope == "user" else (Caller(client), "products")
        assert [caller("get", path).status_code for _ in range(2)] == [200, 200]
        answer = caller("get", path)
        assert problem(answer) == (429, "too_many_requests")
        assert 1 <= int(answer.headers["Retry-After"]) <= 60


class TestQuote:
    def test_every_product_at_every_term_and_method(self, at: datetime, client: Client) -> None:
        caller = Caller(client)
        shown = caller("get", "products").json()
        assert [row["code"] for row in shown] == ["BIZ", "LINE", "ONCE"]
        for row in shown:
            for months in row["terms_months"]:
                for method in row["methods"]:
                    for amount in (row["amount_min_cents"], row["amount_max_cents"]):
                        body = {"amount_cents": amount, "months": months, "method": method}
                        answer = caller("post", f"products/{row['code']}/quote", body)
                        assert answer.status_code == 200, answer.content
                        self.adds_up(answer.json(), Decimal(row["ceiling_xirr"]), business_date(at))

    def adds_up(self, quote: dict[str, Any], ceiling: Decimal, on: date) -> None:
        lines = quote["schedule"]
        assert len(lines) == quote["months"]
        assert sum(line["principal_cents"] for line in lines) == quote["amount_cents"]
        assert sum(line["interest_cents"] for line in lines) == quote["total_interest_cents"]
        assert quote["total_cents"] == quote["amount_cents"] + quote["total_interest_cents"]
        assert lines[-1]["balance_cents"] == 0
        assert lines[0]["due_on"] > on.isoformat()
        assert Decimal(quote["annual_rate"]) == Decimal("0.204")  # the dearest: nobody is promised a better one
        assert Decimal(quote["irr12"]) < Decimal(quote["xirr"]) <= ceiling
        assert quote["currency"] == "CNY"

    def test_the_price_of_a_grade(self, at: datetime, client: Client) -> None:
        caller, body = Caller(client), {"amount_cents": 1_000_000, "months": 12}
        prices = {grade: Decimal(self.ask(caller, body | {"grade": grade})["annual_rate"]) for grade in "ABCD"}
        assert prices == {
            "A": Decimal("0.108"),
            "B": Decimal("0.144"),
            "C": Decimal("0.18"),
            "D": Decimal("0.204"),
        }
        assert problem(caller("post", "products/LINE/quote", body | {"grade": "E"})) == (404, "not_found")

    def ask(self, caller: Caller, body: dict[str, Any]) -> Any:
        return caller("post", "products/LINE/quote", body).json()

    @pytest.mark.parametrize(
        ("code", "asked", "field"),
        [
            ("LINE", {"amount_cents": 90_000}, "amount_cents"),
            ("LINE", {"amount_cents": 5_010_000}, "amount_cents"),
            ("LINE", {"amount_cents": 100_050}, "amount_cents"),
            ("BIZ", {"amount_cents": 550_000}, "amount_cents"),
            ("ONCE", {"months": 3}, "months"),
            ("ONCE", {"method": "equal_principal"}, "method"),
            ("LINE", {"method": "balloon"}, "method"),
        ],
    )
    def test_only_what_the_product_allows(
        self, at: datetime, client: Client, code: str, asked: dict[str, Any], field: str
    ) -> None:
        body = {"amount_cents": 1_000_000, "months": 12} | asked
        answer = Caller(client)("post", f"products/{code}/quote", body)
        assert problem(answer) == (422, "invalid")
        assert set(answer.json()["fields"]) == {field}

    def test_what_is_closed_is_not_there(self, at: datetime, client: Client) -> None:
        Product.objects.filter(code="BIZ").update(active=False)
        caller = Caller(client)
        assert "BIZ" not in [row["code"] for row in caller("get", "products").json()]
        body = {"amount_cents": 1_000_000, "months": 12}
        assert problem(caller("post", "products/BIZ/quote", body)) == (404, "not_found")


class TestTheWay:
    """The answers of the doors along the way, without workers."""

    def test_from_draft_to_loan(self, at: datetime, owner: Taker, call: Caller) -> None:
        started = call("post", "applications", {"product": "LINE"}, **{"Idempotency-Key": "a"})
        assert started.status_code == 201
        replay = call("post", "applications", {"product": "LINE"}, **{"Idempotency-Key": "a"})
        assert (replay.status_code, replay.json()) == (201, started.json())
        path = f"applications/{started.json()['id']}"
        submitted_ = call("post", f"{path}/submit", SUBMIT).json()
        assert (submitted_["status"], submitted_["amount_cents"], submitted_["currency"]) == (
            "SUBMITTED",
            1_000_000,
            "CNY",
        )
        assert [event["status"] for event in submitted_["timeline"]] == ["DRAFT", "SUBMITTED"]
        assert re.fullmatch(r"2026-03-02T(02|10):00:00(Z|\+08:00)", submitted_["submitted_at"])
        assert call("post", f"{path}/cancel").json()["status"] == "WITHDRAWN"

    def test_a_refusal_shows_its_reasons_and_the_way_to_a_person(
        self, at: datetime, owner: Taker, call: Caller
    ) -> None:
        pk = judged(at, "decline", reasons=["S01"], user_id=owner.user_id)
        path = f"applications/{Application.objects.get(pk=pk).public_id}"
        shown = call("get", path).json()
        assert shown["can_ask_for_human"] is True
        assert shown["reasons"][0]["text_en"].startswith("Little or negative")
        assert datetime.fromisoformat(shown["reapply_at"]) == at + timedelta(days=30)
        refused = call("post", "applications", {"product": "ONCE"})
        assert problem(refused) == (409, "cooling_off")
        assert datetime.fromisoformat(refused.json()["reapply_at"]) == at + timedelta(days=30)
        again = call("post", f"{path}/appeal", {"reason": "我有工资单"}).json()
        assert (again["status"], again["reasons"], again["can_ask_for_human"]) == ("REFERRED", [], False)

    def test_a_drawdown_holds_the_limit_and_can_be_cancelled(
        self, at: datetime, call: Caller, rows: dict[str, str]
    ) -> None:
        body = {**SUBMIT, "grant_id": rows["grants"], "card_id": rows["card"]}
        made = call("post", "drawdowns", body)
        assert made.status_code == 201, made.content
        assert call("get", "grants").json()[0]["pending_cents"] == 1_000_000
        drawdown = f"drawdowns/{made.json()['id']}"
        assert call("get", f"{drawdown}/contracts").json() == []
        assert call("post", f"{drawdown}/cancel").json()["status"] == "CANCELLED"
        assert call("get", "grants").json()[0]["free_cents"] == 4_000_000

    def test_a_drawdown_without_a_lender_says_when_it_goes_on(
        self, at: datetime, owner: Taker, call: Caller, rows: dict[str, str]
    ) -> None:
        pk = factory.requested(at, owner, Grant.objects.get().pk)
        path = f"drawdowns/{Drawdown.objects.get(pk=pk).public_id}"
        for reason, again in (("M01", "2026-03-02T15:00:00Z"), ("M02", None)):
            if reason == "M01":
                drawdowns.record_check(drawdown_id=pk, outcome="approve", reasons=(), decision_id=None, at=at)
            else:
                drawdowns.reopen_routing(drawdown_id=pk, at=at)
            drawdowns.no_funder(drawdown_id=pk, reasons=[reason], at=at)
            told = call("get", path).json()
            assert (told["pays_from"], told["asks_again_at"]) == (None, again)

    def test_a_dear_one_is_refused_by_name(self, at: datetime, call: Caller, rows: dict[str, str]) -> None:
        Product.objects.filter(code="LINE").update(ceiling_xirr=Decimal("0.15"))
        body = {**SUBMIT, "grant_id": rows["grants"], "card_id": rows["card"]}
        with nothing_changes():
            answer = call("post", "drawdowns", body)
            assert problem(answer) == (422, "above_ceiling")
            assert Decimal(answer.json()["xirr"]) > Decimal("0.15")

    def test_a_withdrawal_collects_the_principal(self, call: Caller, rows: dict[str, str]) -> None:
        answer = call("post", f"loans/{rows['loans']}/withdrawal")
        assert (answer.status_code, answer.json()["amount_cents"]) == (202, 1_000_000)

    def test_a_cancelled_loan_has_nothing_due(self, at: datetime, call: Caller, rows: dict[str, str]) -> None:
        drawdowns.returned(drawdown_id=Drawdown.objects.get().pk, at=at)
        shown = call("get", f"loans/{rows['loans']}").json()
        assert (shown["status"], shown["outstanding_principal_cents"], shown["next_due"]) == ("CANCELLED", 0, None)

    def test_agreements_name_the_recipients(self, at: datetime, call: Caller, rows: dict[str, str]) -> None:
        query = f"agreements?moment=drawdown&grant_id={rows['grants']}&amount_cents=100000&months=12"
        named = {row["code"]: row["recipients"] for row in call("get", query).json()}
        assert named["funder_share"] == ["LJB", "HYF", "QTX", "AHG"]
        assert problem(call("get", "agreements?moment=drawdown")) == (422, "invalid")
        assert problem(call("get", "agreements?moment=lunch")) == (422, "invalid")
        assert {row["code"] for row in call("get", "agreements?moment=apply").json()} >= {"identity", "bureau_query"}
