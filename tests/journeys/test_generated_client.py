"""An app by the REST API alone: the client is generated from our OpenAPI document, and nothing else is known of us."""

import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from subprocess import run
from types import ModuleType
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import call_command

from lending.management.demo import texts
from lending.sandbox.applicants import Applicant
from tests.conftest import Clock
from tests.journeys.conftest import person, work
from tests.sandbox_server import SandboxClient

pytestmark = pytest.mark.django_db(transaction=True)

APPROVED_ROW, SUPPLEMENT_ROW = 34, 11
PACKAGE = "generated_cash_loan"
PATIENCE_SECONDS = 300
# The generator reads files only as octets; the document says what they are.
CONFIG = "content_type_overrides:\n" + "".join(
    f"  {kind}: application/octet-stream\n" for kind in ("application/pdf", "application/zip", "image/jpeg")
)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The generated client, with every warning an error: an operation it cannot make is missing to its user."""
    folder = tmp_path_factory.mktemp("client")
    document, config = folder / "openapi.yaml", folder / "config.yaml"
    call_command("spectacular", file=str(document), validate=True, fail_on_warn=True)
    config.write_text(CONFIG)
    tool = Path(sys.executable).with_name("openapi-python-client")
    command = [tool, "generate", "--path", document, "--output-path", folder / PACKAGE, "--config", config]
    made = run(
        [*map(str, command), "--meta", "none", "--fail-on-warning"],
        cwd=folder,
        env={"PATH": f"{tool.parent}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    sys.path.insert(0, str(folder))
    yield import_module(PACKAGE)
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
        del sys.modules[name]


class App:
    """A borrower's app. `api("me.me_profile_save")` is a generated function, `model("SignInRequest")` a model."""

    def __init__(self, package: ModuleType, url: str, sandbox: SandboxClient, who: Applicant, clock: Clock) -> None:
        self.package, self.sandbox, self.who, self.clock = package, sandbox, who, clock
        self.models, self.url = import_module(f"{package.__name__}.models"), url
        self.client = package.Client(base_url=url, timeout=30)

    def __call__(self, operation: str, *args: Any, **kwargs: Any) -> Any:
        """The parsed answer; an error or one that the document does not know fails."""
        answer = import_module(f"{self.package.__name__}.api.{operation}").sync_detailed(
            *args, client=self.client, **kwargs
        )
        assert answer.status_code < 300, answer.content.decode(errors="replace")
        assert answer.parsed is not None or answer.status_code == 204, f"{operation} has no answer in the document"
        assert not isinstance(answer.parsed, self.models.Problem)
        return answer.parsed

    def model(self, model: str, /, **fields: Any) -> Any:
        return getattr(self.models, model)(**fields)

    def until(self, look: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            if seen := look():
                return seen
            work()
            self.clock.move(seconds=1)
            time.sleep(0.05)
        raise AssertionError("waited in vain")

    def sms(self, seen: str) -> str:
        return str(self.until(lambda: texts.code_after(self.sandbox.sms(self.who.phone), seen)))

    def code(self, purpose: str, subject: str = "", **more: Any) -> str:
        seen = texts.newest(self.sandbox.sms(self.who.phone))
        kind = self.models.OneTimeCodePurposeEnum(purpose)
        self("auth.auth_otp", body=self.model("OneTimeCodeRequest", purpose=kind, subject=subject, **more))
        return self.sms(seen)

    def sign_in(self) -> None:
        code = self.code("login", phone=self.who.phone, accept_notice=True)
        read = self("agreements.agreements_list", moment=self.models.AgreementsListMoment.REGISTER)
        accepted = self.models.SignInRequestAccepted.from_dict({one.code: one.version for one in read})
        body = self.model("SignInRequest", phone=self.who.phone, code=code, accepted=accepted)
        tokens = self("auth.auth_token", body=body)
        tokens = self("auth.auth_refresh", body=self.model("RefreshRequest", refresh=tokens.refresh))
        self.client = self.package.AuthenticatedClient(base_url=self.url, token=tokens.access, timeout=30)

    def fill_in(self) -> None:
        who, wish = self.who, self.who.wish
        declared = self.model(
            "DeclaredRequest",
            housing=self.models.HousingEnum(wish.housing),
            savings=self.models.SavingsEnum(who.savings),
        )
        profile = self.model(
            "ProfileChangeRequest",
            name=who.name,
            id_number=who.id_number,
            id_expires_on=who.id_expires_on,
            province=self.models.ProvinceEnum(who.province),
            city=who.city,
            address=who.address,
            employment=self.models.EmploymentEnum(wish.employment),
            employer=who.employer,
            job=who.job,
            net_income_cents=wish.net_income_cents,
            instalments_elsewhere_cents=wish.instalments_elsewhere_cents,
            declared=declared,
        )
        assert self("me.me_profile_save", body=profile).name == who.name
        contacts = [
            self.model("NamedContactRequest", relation=self.models.RelationEnum(c.relation), name=c.name, phone=c.phone)
            for c in who.contacts
        ]
        assert len(self("me.me_contacts_replace", body=contacts)) == len(contacts)
        self.accept("apply")
        self.authorise_operator()
        self("me.me_checks_request", body=self.model("CheckOrderRequest"))
        self.until(lambda: all(check.state.value == "passed" for check in self("me.me_checks")))
        assert self("me.me").missing == []

    def authorise_operator(self) -> None:
        """This number's carrier texts a code of its own."""
        seen = texts.newest(self.sandbox.sms(self.who.phone))
        assert self("me.me_operator_start").is_wanted
        self.until(lambda: self("me.me_operator").state.value == "code_sent")
        self("me.me_operator_code", body=self.model("OperatorCodeRequest", code=self.sms(seen)))
        self.until(lambda: self("me.me_operator").state.value == "authorised")

    def accept(self, moment: str, **about: Any) -> None:
        for document in self("agreements.agreements_list", moment=self.models.AgreementsListMoment(moment), **about):
            if document.given or document.accepted_by.value not in ("checkbox", "otp"):
                continue
            otp = self.code("consent", document.code) if document.accepted_by.value == "otp" else None
            recipients = document.recipients if moment == "drawdown" else []
            self(
                "me.me_consents_give",
                body=self.model(
                    "GivenConsentRequest",
                    code=document.code,
                    version=document.version,
                    recipients=recipients,
                    otp=otp,
                ),
            )

    def apply(self) -> UUID:
        wish = self.who.wish
        started = self(
            "applications.applications_create",
            body=self.model("ApplicationStartRequest", product=wish.product),
            idempotency_key=str(uuid4()),
        )
        asked = self.model(
            "ApplicationSubmitRequest",
            amount_cents=wish.amount_cents,
            months=wish.months,
            method=self.models.MethodEnum(wish.method),
            purpose=self.models.LoanPurposeEnum(wish.purpose),
        )
        assert self("applications.applications_submit_create", started.id, body=asked).id == started.id
        return UUID(str(started.id))

    def verdict(self, application_id: UUID) -> Any:
        def look() -> Any:
            found = self("applications.applications_retrieve", application_id)
            ends = ("DECLINED", "REFERRED", "SUPPLEMENT")
            return found if found.grant_id or found.status.value in ends else None

        return self.until(look)

    def bind_card(self) -> UUID:
        seen = texts.newest(self.sandbox.sms(self.who.phone))
        number = self.who.cards[0].number
        card = self("me.me_bank_cards_add", body=self.model("NewCardRequest", number=number, phone=self.who.phone))
        self.until(lambda: {row.id: row.state.value for row in self("me.me_bank_cards")}[card.id] == "checked")
        body = self.model("CardCodeRequest", code=self.sms(seen))
        assert self("me.me_bank_cards_confirm", card.id, body=body).state.value == "confirmed"
        return UUID(str(card.id))

    def draw(self, grant_id: UUID, card_id: UUID) -> Any:
        grant = next(row for row in self("grants.grants_list") if row.id == grant_id)
        terms = {"amount_cents": grant.free_cents, "months": grant.months}
        self.accept("drawdown", grant_id=grant_id, **terms)
        body = self.model(
            "DrawdownRequest",
            grant_id=grant_id,
            card_id=card_id,
            method=self.models.MethodEnum(self.who.wish.method),
            purpose=self.models.LoanPurposeEnum(self.who.wish.purpose),
            **terms,
        )
        return self("drawdowns.drawdowns_create", body=body, idempotency_key=str(uuid4()))

    def drawdown_in(self, drawdown_id: UUID, status: str) -> Any:
        def look() -> Any:
            found = self("drawdowns.drawdowns_retrieve", drawdown_id)
            return found if found.status.value == status else None

        return self.until(look)

    def read_and_sign(self, drawdown_id: UUID) -> None:
        def rendered() -> Any:
            found = self("drawdowns.contracts_list", drawdown_id)
            return found if found and all(one.state == "RENDERED" for one in found) else None

        for document in self.until(rendered):
            pdf = self("drawdowns.drawdowns_contracts_retrieve", drawdown_id, document.id)
            assert pdf.payload.read(5) == b"%PDF-"
        self.clock.move(seconds=6)
        code = self.code("sign", str(drawdown_id))
        self("drawdowns.drawdowns_contracts_sign_create", drawdown_id, body=self.model("SignRequest", code=code))


@pytest.fixture
def app(package: ModuleType, platform: str, sandbox: SandboxClient, clock: Clock) -> Callable[[int], App]:
    return lambda row: App(package, platform, sandbox, person(row, 689), clock)


class TestAClientMadeFromTheDocument:
    def test_leads_from_a_phone_number_to_a_repaid_instalment(self, app: Callable[[int], App]) -> None:
        one = app(APPROVED_ROW)
        product = next(row for row in one("products.products_list") if row.code == one.who.wish.product)
        quote = one(
            "products.products_quote_create",
            product.code,
            body=one.model("QuoteRequest", amount_cents=product.amount_min_cents, months=product.terms_months[0]),
        )
        assert sum(line.principal_cents for line in quote.schedule) == product.amount_min_cents
        one.sign_in()
        one.fill_in()
        application = one.verdict(one.apply())
        assert application.status.value == "GRANTED", application.reasons
        assert [event.status for event in application.timeline][:2] == ["DRAFT", "SUBMITTED"]
        drawdown = one.draw(application.grant_id, one.bind_card())
        one.drawdown_in(drawdown.id, "SIGNING")
        one.read_and_sign(drawdown.id)
        loan_id = one.drawdown_in(drawdown.id, "PAID").loan_id
        loan = one("loans.loans_retrieve", loan_id)
        assert len(one("loans.schedule_list", loan_id)) == loan.months
        pay = one.model("RepaymentRequest", amount_cents=loan.next_due.open_cents)
        one("loans.loans_repayments_create", loan_id, body=pay, idempotency_key=str(uuid4()))
        one.until(lambda: one("loans.repayments_list", loan_id).repayments)
        after = one("loans.loans_retrieve", loan_id)
        assert (after.next_due.number, after.status.value) == (2, "ACTIVE")
        assert after.outstanding_principal_cents < loan.principal_cents
        assert one("loans.loans_settlement_quote_retrieve", loan_id).amount_cents > 0
        assert one("me.data_used_list")

    def test_signs_in_with_wechat_and_is_told_apart_by_the_status(self, app: Callable[[int], App]) -> None:
        one, person = app(APPROVED_ROW), uuid4().hex[:8]

        def wechat() -> Any:
            code = one.model("WechatCodeRequest", app=one.models.AppEnum.MINI, code=f"{person}.{uuid4().hex}")
            return one("auth.auth_wechat", body=code)

        ticket = wechat()
        assert isinstance(ticket, one.models.WechatTicketAnswer)
        code = one.code("login", phone=one.who.phone, accept_notice=True)
        accepted = one.models.SignInRequestAccepted.from_dict({"service": "1", "privacy": "1"})
        body = one.model(
            "SignInRequest", phone=one.who.phone, code=code, accepted=accepted, wechat_ticket=ticket.ticket
        )
        one("auth.auth_token", body=body)
        assert isinstance(wechat(), one.models.TokenAnswer)

    def test_reads_a_refusal_as_a_problem(self, app: Callable[[int], App]) -> None:
        one = app(APPROVED_ROW)
        answer = import_module(f"{PACKAGE}.api.auth.auth_token").sync_detailed(
            client=one.client, body=one.model("SignInRequest", phone=one.who.phone, code="000000")
        )
        assert (answer.status_code, answer.parsed.code) == (422, "wrong_code")
