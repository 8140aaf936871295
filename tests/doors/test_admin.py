"""The back office as a whole: every table of every app opens, costs the same full or empty, and edits nothing."""

import base64
import re
import time
from datetime import date, datetime, timedelta
from html import unescape
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.contrib import admin
from django.core.wsgi import get_wsgi_application
from django.db import connection, models, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_otp.plugins.otp_totp.models import TOTPDevice

import funding.services
import risk.services
import traffic.services
from funding.models import Claim, FunderLine, HeadroomGuarantor, Payout, Programme
from lending import flow
from lending.admin import navigation
from lending.common import remembered
from lending.management.commands.bootstrap import DEMO_PASSWORD
from lending.management.demo.borrower import Borrower
from lending.models import Application, Customer, DemoClock, Drawdown, Event, Holiday, Loan, SupplementItem
from lending.sandbox.applicants import Applicant, applicant
from lending.services import supplements
from review.models import (
    AuthorityVersion,
    Case,
    DriftAlarm,
    Finding,
    Override,
    OverrideBrief,
    ReviewDay,
    SamplingRule,
    SecondLook,
)
from review.services import (
    add_note,
    attach,
    authority,
    batch_rules,
    checklist,
    claim_next,
    open_or_resume_case,
    phone,
    recuse,
)
from risk.models import Release, Scenario
from risk.services import backtests, builds, datasets, monitoring
from tests.conftest import APPS, Clock
from tests.factories import drawdowns, faces
from tests.factories.applications import judged, submitted
from tests.factories.authority import draft_batch, draft_matrix
from tests.factories.borrowers import consent, operator_authorised
from tests.factories.configuration import bootstrap
from tests.factories.drawdowns import routing
from tests.factories.offers import chosen
from tests.factories.pictures import picture
from tests.factories.strategies import precheck_draft, stricter_admission
from tests.sandbox_server import SandboxClient
from traffic.models import (
    ChannelDay,
    ChannelOrder,
    JoinLink,
    Lead,
    PartnerCall,
    Precheck,
    SettlementLine,
    StatusPush,
    Touch,
)
from traffic.providers.base import LeadAnswer
from traffic.services import draft_statement, freeze_attribution, push_status, settle_lead
from users.models import AccessLog, Drill, Source, StaffAct, User
from users.providers.wechat import WechatUser
from users.rules.levels import LoanHistory
from users.services import (
    access,
    accounts,
    amendments,
    certificates,
    collected,
    collectors,
    erasure,
    levels,
    lists,
    notices,
    tags,
    wechat_identities,
)

PAGES: dict[type[models.Model], Any] = admin.site._registry
APPROVED_ROW = 34
HARMLESS = {"replay"}  # reads and compares
# What a list with rows looks up for all of them at one go: who the actors are; the bindings and their releases; graphs.
AT_ONE_GO = {
    "funding.FunderStatement": 6,  # above it, for all lenders: payments and claims of the days, deposits
    "funding.HeadroomDay": 3,  # the board above it: days, months and holidays of all programmes
    "lending.Event": 1,
    "lending.Supplement": 1,
    "review.Attachment": 1,
    "review.CaseAction": 1,
    "review.CaseNote": 1,
    "risk.Backtest": 1,
    "risk.Binding": 2,
    "risk.Budget": 11,  # there are three and no more: where each stands
    "risk.Exemption": 1,
    "risk.Release": 1,
    "risk.Variable": 2,  # releases that read it
    "traffic.ChannelStatement": 1,
    "users.AccessLog": 1,
    "users.Amendment": 1,
    "users.StaffAct": 1,
}
BUILD: dict[str, Any] = {
    "variables": ["months"],
    "held_out_percent": 25,
    "max_bins": 5,
    "min_percent": 5,
    "monotone": True,
    "pdo": 40,
    "anchor_score": 600,
    "anchor_odds": 20,
    "bad_percent": None,
}
LISTS_ADD = {table: [403, 403, 200] for table in ("users.ListEntry", "users.Source")}  # the tables that grow here


def address(model: type[models.Model], name: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_{name}", args=args)


@pytest.fixture
def configured(db: None, clock: Clock) -> None:
    bootstrap()


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


def walk_the_way(sandbox: SandboxClient, clock: Clock, settings: Any) -> Applicant:
    """A borrower of the sample comes through the API, in this process, to a loan whose first instalment is paid."""
    settings.SANDBOX_URL = sandbox.url
    settings.PUBLIC_URL = "http://127.0.0.1:1"  # callbacks get lost; the answer is asked for

    def wait(seconds: float) -> None:
        for name in ("lending", *APPS):
            import_module(f"{name}.tasks").sweep()
        clock.move(seconds=max(seconds, 5))
        time.sleep(0.05)

    api = httpx.Client(transport=httpx.WSGITransport(get_wsgi_application()), base_url="http://testserver")
    gateway = httpx.Client(base_url=sandbox.url)
    person = Borrower(api, gateway, applicant(APPROVED_ROW, 1, clock.at.date()), patience=300, wait=wait)
    person.sign_in()
    person.fill_in()
    person.call("POST", "me/devices", json={"fingerprint": "a" * 32, "platform": "web"})
    application = person.await_verdict(person.apply())
    drawdown_id = person.draw(application["grant_id"], person.bind_card())
    person.await_drawdown(drawdown_id, "SIGNING")
    person.sign(drawdown_id)
    loan = person.loan(person.await_drawdown(drawdown_id))
    person.repay(loan["id"], loan["next_due"]["open_cents"])
    return person.person


def play_the_rest(at: datetime, number: int) -> None:
    """A row more in every table that the way of one borrower leaves empty."""
    borrower = Customer.objects.filter(kind="borrower").latest("pk")
    staff = User.objects.get(username="initial.chen")
    by = f"staff:{staff.pk}"
    DemoClock.objects.get_or_create(pk=1)
    Holiday.objects.create(on_date=f"2026-10-0{number}", name="National Day")
    unbiased = f"staff:{User.objects.get(username='first').pk}"  # below, `staff` recuses themselves from this borrower
    access.record(by=unbiased, subject=f"user:{borrower.pk}", fields=["phone"], reason="a call", at=at)
    lists.add(kind="grey", subject="phone", value=f"1380013800{number}", reason="shared", by="system", at=at)
    notices.raise_notice(kind="step_parked", subject=f"event:{number}", text="stuck", at=at)
    tags.put(user_id=borrower.pk, tag=f"t{number}", source="test", at=at)
    consent(borrower.pk, "contacts", at)
    collected.receive(user_id=borrower.pk, contacts=["0" * 64], ip="127.0.0.1", at=at)
    collectors.replace(content=f"number,source\n9551{number},x".encode(), by="system", reason="a test", at=at)
    operator_authorised(borrower.pk, at)
    source = ("bureau", "bankflow")[number % 2]
    Drill.objects.create(
        source=Source.objects.get(code=source), mode="slow", reason="a drill", started_by=by, started_at=at,
        until=at + timedelta(minutes=5), ended_by=by, ended_at=at,
    )  # fmt: skip
    amendments.record(subject=f"source:{source}", changed={"dead": ("stop", "refer")}, by=by, reason="a test", at=at)
    levels.recompute(user_id=borrower.pk, history=LoanHistory(on_time_instalments=3 * (number % 2)), at=at)
    consent(borrower.pk, "certificates", at)
    certificates.add(user_id=borrower.pk, kind="income_proof", content=picture(number), at=at)
    faces.looked_at(at)
    TOTPDevice.objects.create(user=staff, name="phone")
    gone = accounts.ensure_user(phone=f"1370000000{number}", at=at)
    erasure.erase(user_id=gone, kept=["consents"], keep_until=at.date(), by=f"user:{gone}", at=at)
    seen = WechatUser("app", f"openid-{number}", None)
    known = wechat_identities.remember(app="mini", user=seen, at=at)
    wechat_identities.issue_ticket(identity_id=known.identity_id, at=at)
    paid = {
        "guarantor_id": "AHG", "creditor": "LJB", "dpd": 61, "principal_cents": 1, "interest_cents": 0,
        "guarantee_fee_cents": 0, "penalty_cents": 0, "amount_cents": 1, "business_date": at.date(), "at": at,
    }  # fmt: skip
    Claim.objects.get_or_create(loan=Loan.objects.latest("pk"), defaults=paid)
    HeadroomGuarantor.objects.get_or_create(guarantor_id="AHG", defaults={"cap_cents": 1})
    funding.services.handle_callback(provider="heyue", event_id=f"e{number}", payload={"type": "unheard-of"}, at=at)
    application_id = judged(at, "refer", grade="C")
    supplements.request(application_id=application_id, items=[("payslip", "The latest one")], by=by, at=at)
    open_or_resume_case(application_id=judged(at, "refer", grade="C"), at=at)
    case_id = claim_next(by_id=staff.pk, at=at)
    assert case_id
    relations = Finding.objects.filter(action="recuse").values_list("code", flat=True)
    add_note(case_id=case_id, by_id=staff.pk, text=f"Called {number} times", at=at)
    attach(case_id=case_id, by_id=staff.pk, kind="other", title="Page", content=picture(), at=at)
    attempt_id = phone.dial(case_id=case_id, by_id=staff.pk, callee="borrower", reason="a call", at=at)
    check_id = phone.log_call(case_id=case_id, by_id=staff.pk, attempt_id=attempt_id, result="answered", at=at)
    assert check_id
    checklist.mark(case_id=case_id, by_id=staff.pk, keys=["file"], at=at)
    phone.answer(case_id=case_id, by_id=staff.pk, check_id=check_id, key="applied", answer="yes", at=at)
    recuse(case_id=case_id, by_id=staff.pk, reasons=[relations[0]], at=at)
    looked_at_again(at, number)
    lead = chosen(at + timedelta(days=number))
    Lead.objects.filter(pk=lead.pk).update(state="SENT", sent_at=at)
    settle_lead(lead_id=lead.pk, answer=LeadAnswer("paid", paid_cents=100_000), at=at)
    traffic.services.handle_callback(provider="bridge", event_id=f"e{number}", payload={"type": "unheard-of"}, at=at)
    Touch.objects.create(user_id=borrower.pk, channel_id="LOANHUB", kind="session", at=at)
    ChannelDay.objects.create(channel_id="LOANHUB", date=f"2026-10-0{number}", used=1)
    freeze_attribution(application_id=application_id, at=at)
    ChannelOrder.objects.create(
        channel_id="LOANHUB", external_id=str(number), application_id=application_id, request_sha256="0" * 64,
        details_taken=True, received_at=at,
    )  # fmt: skip
    Precheck.objects.create(channel_id="LOANHUB", digest="0" * 8, answer="eligible", hit=False, at=at)
    JoinLink.objects.create(
        token_hash=f"{number:064d}",
        channel_id="LOANHUB",
        user_id=borrower.pk,
        made_at=at,
        expires_at=at + timedelta(minutes=10),
    )
    PartnerCall.objects.create(channel_id="LOANHUB", nonce=f"nonce-{number:016d}", operation="events", at=at)
    SettlementLine.objects.create(
        channel_id="POCKET", kind="fee", reason="lead", source=f"a test: {number}", application_id=application_id,
        amount_cents=1800, currency="CNY", earned_at=at, on_date=f"2026-0{number}-01",
    )  # fmt: skip
    FunderLine.objects.create(
        programme_id="HYF-D", party_id="HYF", kind="share", source=f"a test: {number}", loan=Loan.objects.latest("pk"),
        base_cents=100, rate="0.65", amount_cents=35, currency="CNY", on_date=f"2026-0{number}-01", at=at,
    )  # fmt: skip
    settled: dict[str, Any] = {"month": date(2026, number, 1), "reason": "as a test", "by": by_partners(), "at": at}
    funding.services.draft_statement(party_code="HYF", **settled | {"by": "system"})
    draft_statement(channel_code="POCKET", **settled)
    two = datasets.import_csv(name="two", content=b"months,bad\n12,1\n24,0\n", by="system", at=at)
    builds.start(dataset_id=two.pk, scenario="credit", title="", settings=BUILD, by="system", at=at)
    backtests.start(release_id=Release.objects.get(key="credit").pk, dataset_id=two.pk, by=by_analyst(), at=at)
    draft = precheck_draft(at, key=f"precheck_{number}")
    risk.services.submit_strategy(
        draft_id=draft.pk, revision=draft.revision, note="as a test", emergency_reason="as a test", by="system", at=at
    )
    risk.services.start_experiment(
        name="Age",
        kind=("challenger", "shadow")[number % 2],
        scope=risk.services.Scope("admission"),
        release_id=stricter_admission(at).pk,
        share_bp=1000,
        by="system",
        reason="as a test",
        at=at,
    )
    risk.services.ask_exemption(
        borrower=borrower.public_id,
        rule=f"antifraud.{('velocity', 'emulator')[number % 2]}",
        until=at.date(),
        by=by_analyst(),
        reason="as a test",
        at=at,
    )
    draft = AuthorityVersion.objects.get(number=draft_matrix(by="system", at=at))
    authority.discard(draft.pk, reason="as a test", by="system", at=at)
    batch_rules.discard(draft_batch("initial", "decline", by="system", at=at), reason="as a test", by="system", at=at)
    for scenario in Scenario.objects.all():
        monitoring.measure(scenario_id=scenario.pk, day=at.date(), at=at)


def looked_at_again(at: datetime, number: int) -> None:
    """A second look, an override with its brief, an alarm, a counted day."""
    case = Case.objects.latest("pk")
    staff = User.objects.get(username="initial.wu")
    brief = OverrideBrief.objects.create(
        subject=f"reason:P0{number}", counted=1, first_at=at, created_at=at, told="No rule"
    )
    Override.objects.create(
        case=case, subject=brief.subject, outcome="approve", reviewer=staff, created_at=at, brief=brief
    )
    SecondLook.objects.create(
        case=case,
        queue=case.queue,
        rule=SamplingRule.objects.earliest("pk"),
        reviewer=staff,
        outcome="approve",
        created_at=at,
        checker=User.objects.get(username="quality.han"),
        taken_at=at,
        verdict="decline",
        severity=2,
        done_at=at,
    )
    DriftAlarm.objects.create(
        subject=f"queue:Q{number}", metric="approval", raised_on=at.date(), before_count=50, before_rate=0.5,
        now_count=50, now_rate=0.2, z=-3.1, raised_at=at,
    )  # fmt: skip
    counted = {field.name: number for field in ReviewDay._meta.fields if isinstance(field, models.IntegerField)}
    ReviewDay.objects.create(
        **(counted | {"id": None}),
        day=at.date(), part="closed", queue_code=f"Q{number}", product_code="LINE", reviewer=staff, measured_at=at,
    )  # fmt: skip


def by_analyst() -> str:
    return f"staff:{User.objects.get(username='analyst.lin').pk}"


def by_partners() -> str:
    return f"staff:{User.objects.get(username='partner.wei').pk}"


class Office:
    """The back office, gone through page by page."""

    def __init__(self, client: Client) -> None:
        self.client, self.seen = client, ""

    def get(self, address: str) -> Any:
        answer = self.client.get(address)
        self.seen += answer.content.decode()
        return answer

    def costs(self) -> dict[str, int]:
        """Queries of every list."""
        found = {}
        self.get(address(User, "changelist"))  # what is read once for a process is not a list's
        for model in PAGES:
            with CaptureQueriesContext(connection) as queries:
                assert self.get(address(model, "changelist")).status_code == 200, model
            found[model._meta.label] = len(queries)
        return found

    def pages(self) -> dict[str, int]:
        """What a page of every table answers."""
        rows = {model: PAGES[model].get_queryset(_request(self.client)).last() for model in PAGES}
        return {
            m._meta.label: self.get(address(m, "change", row.pk)).status_code if row else 0 for m, row in rows.items()
        }

    def edits(self) -> dict[str, list[int]]:
        """What changing, deleting and adding answer, for every table with a row."""
        found = {}
        for model, page in self._last_pages().items():
            posts = [page, page.replace("/change/", "/delete/")]
            found[model._meta.label] = [
                *(self.client.post(place, {"post": "yes"}).status_code for place in posts),
                self.client.get(address(model, "add")).status_code,
            ]
        return found

    def may_edit(self) -> list[str]:
        """Tables that would let themselves be added to, changed or deleted from: what `edits` asks, without a page."""
        request = _request(self.client)
        return [
            model._meta.label
            for model, page in PAGES.items()
            if page.has_add_permission(request)
            or page.has_change_permission(request, page.get_queryset(request).last())
            or page.has_delete_permission(request, page.get_queryset(request).last())
        ]

    def _last_pages(self) -> dict[type[models.Model], str]:
        """The page of the last row of every table; "" where there is none."""
        request = _request(self.client)
        rows = {model: page.get_queryset(request).last() for model, page in PAGES.items()}
        return {model: address(model, "change", row.pk) if row else "" for model, row in rows.items()}


def _request(client: Client) -> Any:
    return client.get(reverse("admin:index")).wsgi_request


class TestEveryTable:
    def first(self, clock: Clock) -> "Office":
        accounts.make_staff(username="first", password=DEMO_PASSWORD, is_superuser=True, at=clock.at)
        return Office(signed_in("first"))

    def test_opens_masked_edits_nothing_and_its_list_costs_the_same_empty_and_full(
        self, transactional_db: None, clock: Clock, sandbox: SandboxClient, settings: Any
    ) -> None:
        with transaction.atomic():
            empty = self.first(clock).costs()
            transaction.set_rollback(True)
        remembered.forget()
        bootstrap()
        office = self.first(clock)
        person = walk_the_way(sandbox, clock, settings)
        for number in (1, 2):
            with transaction.atomic():
                play_the_rest(clock.at, number)
        full = office.costs()
        grown = {model: full[model] - empty[model] for model in full if empty[model] != full[model]}
        assert grown == AT_ONE_GO
        assert {model: status for model, status in office.pages().items() if status != 200} == {}
        assert {model: answers for model, answers in office.edits().items() if set(answers) != {403}} == LISTS_ADD

        auditor = Office(signed_in("audit.xu"))
        assert {model: status for model, status in auditor.pages().items() if status != 200} == {}
        assert auditor.may_edit() == []
        secrets = [person.phone, person.name, person.id_number, person.address, person.cards[0].number]
        secrets += [contact.phone for contact in person.contacts]
        assert [secret for secret in secrets if secret in office.seen + auditor.seen] == []


class TestWhoSeesWhat:
    def test_an_auditor_may_run_nothing_that_changes_a_row(self, configured: None) -> None:
        request = _request(signed_in("audit.xu"))
        found = {action for page in PAGES.values() for action in page.get_actions(request)}
        assert found <= HARMLESS

    def test_an_auditor_sees_every_table_in_the_sidebar_in_business_order(self, configured: None) -> None:
        groups = navigation.sidebar(_request(signed_in("audit.xu")))
        assert [group["title"] for group in groups] == ["Work", *(title for title, _ in navigation.GROUPS)]
        shown = {item["link"].split("?")[0] for group in groups for item in group["items"]}
        assert shown == {address(model, "changelist") for model in PAGES}

    def test_the_page_of_an_app_lists_its_tables(self, configured: None) -> None:
        for name, status in (("admin", 200), ("audit.xu", 200), ("partner.wei", 404)):
            answer = signed_in(name).get(reverse("admin:app_list", args=["contracts"]))
            assert (answer.status_code, b"/admin/contracts/contract/" in answer.content) == (status, status == 200)

    def test_staff_of_no_group_see_nothing(self, configured: None, clock: Clock) -> None:
        accounts.make_staff(username="nobody", password=DEMO_PASSWORD, at=clock.at)
        client = signed_in("nobody")
        assert {client.get(address(model, "changelist")).status_code for model in PAGES} == {403}
        assert navigation.sidebar(_request(client)) == []

    def test_what_waits_is_counted(self, configured: None, clock: Clock) -> None:
        request = _request(signed_in("admin"))
        badges = [item.get("badge") for item in navigation.sidebar(request)[0]["items"]]
        assert badges == [None] * len(navigation.WORK)
        parked(clock.at)
        notices.raise_notice(kind="k", subject="s", text="t", at=clock.at)
        open_or_resume_case(application_id=judged(clock.at, "refer", grade="C"), at=clock.at)
        for state in ("UNKNOWN", "RETURNED"):
            payout_id = funding.services.start_payout(drawdown_id=drawdowns.signed(clock.at).drawdown_id, at=clock.at)
            Payout.objects.filter(pk=payout_id).update(state=state, paid_at=clock.at)
        Lead.objects.filter(pk=chosen(clock.at).pk).update(state="UNKNOWN", sent_at=clock.at)
        Programme.objects.update(enabled=False)
        funding.services.allocate(drawdown_id=drawdowns.routing(clock.at), at=clock.at)
        push_id = push_status(event_id=Event.objects.latest("pk").pk, at=clock.at)
        StatusPush.objects.filter(pk=push_id).update(state="failed", seq=1, word="PAY_FAILED")
        shown = navigation.sidebar(_request(signed_in("admin")))[0]["items"]
        assert [item.get("badge") for item in shown] == [1] * len(navigation.WORK)
        client = signed_in("admin")
        assert [client.get(item["link"]).context["cl"].queryset.count() for item in shown][1:6] == [1] * 5


class TestSigningIn:
    def test_leads_to_the_first_page_where_nothing_else_was_asked_for(self, configured: None) -> None:
        page, client = reverse("admin:login"), Client()
        shown = client.get(page).content.decode()
        assert f'name="next" value="{reverse("admin:index")}"' in shown
        body = {"username": "admin", "password": DEMO_PASSWORD, "next": reverse("admin:index")}
        assert client.post(page, body)["Location"] == reverse("admin:index")


class TestSearch:
    @pytest.fixture
    def application(self, configured: None, clock: Clock) -> Application:
        submitted(clock.at)
        return Application.objects.get(pk=submitted(clock.at))

    def found(self, desk: Client, model: type[models.Model], term: str) -> list[int]:
        return [row.pk for row in desk.get(address(model, "changelist"), {"q": term}).context["cl"].queryset]

    def test_finds_an_application_by_the_beginning_of_its_number(self, application: Application, desk: Client) -> None:
        whole = str(application.public_id)
        for term in (whole, whole[:8], whole[:13].upper(), whole.replace("-", "")):
            assert self.found(desk, Application, term) == [application.pk]
        assert self.found(desk, Application, whole[:3]) == []
        assert self.found(desk, Application, "no such thing") == []

    def test_finds_the_rows_of_a_person_by_a_whole_number_only(self, application: Application, desk: Client) -> None:
        owner = User.objects.get(pk=application.user_id)
        for term in (owner.phone, f"+86 {owner.phone}", owner.profile.id_number):
            assert self.found(desk, Application, term) == [application.pk]
            assert self.found(desk, Customer, term) == [owner.pk]
            assert len(self.found(desk, Event, term)) == 2
            assert self.found(desk, Application, term[:-2]) == []

    def test_a_list_of_customers_holds_no_staff(self, application: Application, desk: Client) -> None:
        assert set(self.found(desk, Customer, "")) == set(
            User.objects.filter(kind="borrower").values_list("pk", flat=True)
        )


class TestFilters:
    @pytest.mark.parametrize(("model", "lookup"), [(Programme, "funder__party"), (StatusPush, "channel__party")])
    def test_a_link_opens_where_what_it_filters_by_is_a_party(
        self, desk: Client, model: type[models.Model], lookup: str
    ) -> None:
        page = address(model, "changelist")
        links = re.findall(rf'href="(\?{lookup}__exact=[^"]+)"', desk.get(page).content.decode())
        assert links
        assert {desk.get(page + unescape(link)).status_code for link in links} == {200}


class TestApplicationPage:
    def test_tells_its_story_and_leads_to_what_hangs_on_it(self, desk: Client, clock: Clock) -> None:
        drawdown = Drawdown.objects.get(pk=routing(clock.at))
        application = drawdown.grant.application
        shown = desk.get(address(Application, "change", application.pk)).content.decode()
        for row in (drawdown, drawdown.grant):
            assert address(type(row), "change", row.pk) in shown
        for event in Event.objects.filter(application=application):
            assert address(Event, "change", event.pk) in shown
        assert address(Customer, "change", application.user_id) in shown


class TestSupplements:
    """What a borrower brought is read by who says why; nobody else, and never from the disk."""

    @pytest.fixture
    def page(self, configured: None, clock: Clock, settings: Any, tmp_path: Path) -> str:
        settings.MEDIA_ROOT = tmp_path
        pk = judged(clock.at, "refer")
        supplements.request(
            application_id=pk, items=[("slip", "工资流水"), ("note", "说明")], by="staff:1", at=clock.at
        )
        brought = {"slip": b"%PDF-1.7 salary 12000\n%%EOF"}
        words = {"note": "六年木工"}
        supplements.answer(application_id=pk, texts=words, files=brought, by="user:1", at=clock.at)
        assert all(b"salary" not in path.read_bytes() for path in tmp_path.rglob("*.enc"))
        items = SupplementItem.objects.filter(supplement__application_id=pk)
        self.note = address(SupplementItem, "revealed", items.get(kind="note").pk)
        return address(SupplementItem, "revealed", items.get(kind="slip").pk)

    def test_are_shown_for_a_reason_that_is_kept(self, page: str) -> None:
        reviewer = signed_in("initial.chen")
        assert "base64" not in reviewer.get(page).content.decode()
        assert "base64" not in reviewer.post(page, {"reason": ""}).content.decode()
        shown = reviewer.post(page, {"reason": "income is in doubt"}).content.decode()
        found = re.search(r"data:application/pdf;base64,([^\"]+)", shown)
        assert found
        assert b"salary 12000" in base64.b64decode(unescape(found.group(1)))
        assert "六年木工" in reviewer.post(self.note, {"reason": "income is in doubt"}).content.decode()
        kept = AccessLog.objects.first()
        assert kept is not None
        assert (kept.reason, kept.fields) == ("income is in doubt", ["answer", "file"])
        assert kept.subject == f"user:{Application.objects.get().user_id}"

    def test_are_hidden_from_those_who_may_not(self, page: str) -> None:
        for username in ("audit.xu", "funder.zhou"):
            assert signed_in(username).post(page, {"reason": "let me see"}).status_code == 403
        assert not AccessLog.objects.exists()


def parked(at: datetime) -> Event:
    """A step that failed until it was put aside."""
    event = Event.objects.filter(application_id=submitted(at)).latest("pk")
    event.parked_at, event.attempts, event.last_error = at, flow.MAX_ATTEMPTS, "ProgrammingError: no such table"
    event.save()
    return event


class TestTryAgain:
    def ask(self, *events: Event) -> str:
        place = reverse("admin:lending_event_act", args=["try_again"])
        return f"{place}?ids={','.join(str(event.pk) for event in events)}"

    def test_an_action_asks_why_and_hands_the_steps_back(self, desk: Client, clock: Clock) -> None:
        event = parked(clock.at)
        body = {"action": "try_again", "_selected_action": [event.pk]}
        answer = desk.post(address(Event, "changelist"), body)
        assert answer["Location"] == self.ask(event)
        assert "no such table" in desk.get(answer["Location"]).content.decode()
        for reason in ("", "ok"):
            assert desk.post(answer["Location"], {"reason": reason}).status_code == 200
        event.refresh_from_db()
        assert event.parked_at == clock.at
        assert desk.post(answer["Location"], {"reason": "the table is there now"}).status_code == 302
        event.refresh_from_db()
        assert (event.parked_at, event.attempts) == (None, 0)
        kept = StaffAct.objects.get(subject=f"event:{event.pk}")
        assert (kept.by, kept.reason) == (f"staff:{User.objects.get(username='admin').pk}", "the table is there now")

    def test_only_what_is_stuck_is_asked_about(self, desk: Client, clock: Clock) -> None:
        event = parked(clock.at)
        others = Event.objects.exclude(pk=event.pk)
        shown = desk.get(self.ask(event, *others)).context["rows"]
        assert [row.pk for row, _ in shown] == [event.pk]

    def test_has_a_button_on_the_page(self, desk: Client, clock: Clock) -> None:
        event = parked(clock.at)
        button = reverse("admin:lending_event_ask_try_again", args=[event.pk])
        assert button in desk.get(address(Event, "change", event.pk)).content.decode()
        assert desk.get(button)["Location"] == self.ask(event)
