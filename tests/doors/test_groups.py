"""Who may open and do what: one table of groups, tried at every page and at every form that acts, past the buttons."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.db import models, transaction
from django.test import Client
from django.urls import reverse

from contracts.models import Template
from contracts.services import templates
from funding import services as funding
from funding.models import Funder, FunderLine, FunderStatement, Guarantor, Payout, Programme
from funding.providers.base import PaymentAnswer
from lending import flow
from lending.common.acting import ActingAdmin
from lending.management.commands.bootstrap import DEMO_PASSWORD
from lending.models import Drawdown, Event, Grant, Loan
from lending.services import grants
from review.models import AuthorityVersion, BatchChange
from review.services import authority, batch_rules
from risk import services as risk
from risk.models import Assessment, DataPull, Release
from tests.conftest import Clock
from tests.factories import drawdowns, faces
from tests.factories.applications import judged, submitted
from tests.factories.authority import draft_batch, draft_matrix
from tests.factories.borrowers import borrower
from tests.factories.configuration import bootstrap
from tests.factories.offers import chosen
from tests.factories.snapshot import loaded
from tests.factories.strategies import precheck_draft, stricter_admission, submitted_precheck
from traffic.models import Channel, ChannelKey, ChannelStatement, Lead, Platform, SettlementLine, StatusPush
from traffic.services import (
    adjust_statement,
    approve_statement,
    ask_lead,
    book_payment,
    change_door,
    discard_statement,
    draft_statement,
    end_key,
    issue_key,
    issue_precheck_key,
    push_status,
    resend,
    resume_prechecks,
    switch_platform,
)
from users import queries as users
from users.models import Drill, ListEntry, Notice, Source, Tag, User
from users.rules import notices as rules
from users.services import acts, drills, face_reviews, lists, notices, sources, tags

PAGES: dict[type[models.Model], Any] = admin.site._registry
ACCOUNTS = {
    "initial_reviewer": "initial.chen",
    "analyst": "analyst.lin",
    "funder_ops": "funder.zhou",
    "partner_ops": "partner.wei",
    "legal": "legal.feng",
    "compliance": "compliance.lu",
    "customer_service": "service.tang",
    "auditor": "audit.xu",
    "operations": "ops.gao",
    "final_reviewer": "senior.zhao",
    "lead": "lead.sun",
    "credit_manager": "manager.qian",
    "quality_checker": "quality.han",
}
# What a group must and must not see, where a slip would hurt.
SEES = {
    "initial_reviewer": ("lending.Customer risk.Decision review.Case", "users.AccessLog funding.Payout lending.Entry"),
    "final_reviewer": ("lending.Customer risk.Decision review.Case", "users.AccessLog funding.Payout lending.Entry"),
    "lead": ("users.AccessLog users.StaffAct review.Case", "funding.Payout lending.Entry users.Token"),
    "credit_manager": ("funding.Programme contracts.Template lending.Entry", "contracts.Contract users.Token"),
    "analyst": (
        "risk.Release risk.DataPull review.Override",
        "review.SecondLook lending.Customer users.Profile users.BankCard funding.Payout",
    ),
    "funder_ops": ("funding.Payout users.Notice lending.Entry", "lending.Customer users.Profile risk.Decision"),
    "partner_ops": ("traffic.StatusPush users.Notice", "lending.Customer users.Profile funding.Payout"),
    "legal": ("contracts.Template users.Document", "lending.Customer risk.Decision funding.Payout"),
    "compliance": ("users.AccessLog users.StaffAct lending.Customer", "auth.Group otp_totp.TOTPDevice"),
    "customer_service": ("lending.Customer users.Message lending.Loan", "users.ListEntry risk.Decision review.Case"),
    "auditor": (" ".join(model._meta.label for model in PAGES), ""),
    "quality_checker": (
        "review.SecondLook review.ReviewDay users.Notice",
        "review.Case review.CaseAction users.Profile",
    ),
    "operations": ("lending.Event users.Notice traffic.StatusPush", "auth.Group otp_totp.TOTPDevice"),
}
# (page, act): the groups that may.
MAY = {
    ("users.Notice", "close"): {"funder_ops", "partner_ops", "operations", "lead", "credit_manager"},
    ("users.ListEntry", "take_off"): {"lead", "credit_manager", "compliance"},
    ("users.FaceReview", "same"): {"initial_reviewer", "final_reviewer", "lead", "credit_manager"},
    ("users.FaceReview", "other"): {"initial_reviewer", "final_reviewer", "lead", "credit_manager"},
    ("users.Tag", "take_off"): {"lead", "credit_manager", "compliance"},
    ("lending.Event", "try_again"): {"operations"},
    ("lending.Grant", "freeze"): {"credit_manager", "compliance"},
    ("lending.Grant", "unfreeze"): {"credit_manager", "compliance"},
    ("funding.Payout", "ask_now"): {"funder_ops"},
    ("funding.Payout", "follow_up"): {"funder_ops"},
    ("lending.Drawdown", "reroute"): {"funder_ops"},
    ("funding.Programme", "switch_on"): {"funder_ops"},
    ("funding.Programme", "switch_off"): {"funder_ops"},
    ("funding.Funder", "draft_statement"): {"funder_ops"},
    ("funding.Guarantor", "draft_statement"): {"funder_ops"},
    ("funding.FunderStatement", "approve"): {"funder_ops", "credit_manager"},
    ("funding.FunderStatement", "adjust"): {"funder_ops"},
    ("funding.FunderStatement", "discard"): {"funder_ops"},
    ("traffic.StatusPush", "resend"): {"partner_ops", "operations"},
    ("traffic.Channel", "issue_key"): {"partner_ops"},
    ("traffic.Channel", "issue_precheck_key"): {"partner_ops"},
    ("traffic.Channel", "resume_prechecks"): {"partner_ops"},
    ("traffic.Channel", "draft_statement"): {"partner_ops"},
    ("traffic.Channel", "change_door"): {"partner_ops"},
    ("traffic.ChannelStatement", "approve"): {"partner_ops", "credit_manager"},
    ("traffic.ChannelStatement", "adjust"): {"partner_ops"},
    ("traffic.ChannelStatement", "discard"): {"partner_ops"},
    ("traffic.Lead", "ask_now"): {"partner_ops"},
    ("traffic.Platform", "book"): {"partner_ops"},
    ("traffic.Platform", "switch_on"): {"partner_ops"},
    ("traffic.Platform", "switch_off"): {"partner_ops"},
    ("traffic.ChannelKey", "end_key"): {"partner_ops", "operations"},
    ("contracts.Template", "approve"): {"legal", "credit_manager"},
    ("contracts.Template", "reject"): {"legal", "credit_manager"},
    ("contracts.Template", "withdraw"): {"legal", "credit_manager"},
    ("contracts.Template", "end"): {"legal", "credit_manager"},
    ("review.AuthorityVersion", "approve"): {"lead", "credit_manager"},
    ("review.AuthorityVersion", "discard"): {"lead", "credit_manager"},
    ("review.BatchChange", "approve"): {"lead", "credit_manager"},
    ("review.BatchChange", "discard"): {"lead", "credit_manager"},
    ("risk.Draft", "discard"): {"analyst"},
    ("risk.Submission", "approve"): {"analyst", "credit_manager"},
    ("risk.Submission", "refuse"): {"analyst", "credit_manager"},
    ("risk.Submission", "withdraw"): {"analyst"},
    ("risk.Binding", "roll_back"): {"analyst", "credit_manager"},
    ("risk.Binding", "retire"): {"analyst", "credit_manager"},
    ("risk.Binding", "cancel"): {"analyst", "credit_manager"},
    ("risk.Experiment", "end"): {"analyst", "credit_manager"},
    ("risk.Exemption", "approve"): {"analyst", "credit_manager"},
    ("risk.Exemption", "end"): {"analyst", "credit_manager", "lead"},
    ("users.Source", "switch_on"): {"analyst", "credit_manager", "operations"},
    ("users.Source", "switch_off"): {"analyst", "credit_manager", "operations"},
    ("users.Drill", "stop"): {"analyst", "operations"},
    ("risk.DataPull", "read_again"): {"analyst", "operations"},
}

# What the forms of some acts ask for besides the reason.
MORE = {"month": "2026-02", "rate_per_minute": 60, "last_day": "2035-01-01", "gap": "nothing is guaranteed by then"}
MORE |= {"amount_cents": "1.50", "reference": "HX 1"}


@pytest.fixture
def configured(db: None, clock: Clock) -> None:
    bootstrap()


def signed_in(username: str) -> Client:
    client = Client()
    assert client.login(username=username, password=DEMO_PASSWORD)
    return client


def page(label: str, name: str, *args: Any) -> str:
    return reverse(f"admin:{label.lower().replace('.', '_')}_{name}", args=args)


@pytest.fixture
def made(db: None, clock: Clock) -> dict[tuple[str, str], models.Model]:
    """Everything, and for every act a row that has a use for it."""

    def make() -> dict[tuple[str, str], models.Model]:
        bootstrap()
        return rows(clock.at)

    return loaded("a row for every act", make)


def rows(at: datetime) -> dict[tuple[str, str], models.Model]:
    event = Event.objects.filter(application_id=submitted(at)).latest("pk")
    push = StatusPush.objects.get(pk=push_status(event_id=event.pk, at=at))
    StatusPush.objects.filter(pk=push.pk).update(state="failed")
    event.parked_at = at
    event.save()
    notices.raise_notice(kind="rare", subject="thing:1", text="text", at=at)
    Channel.objects.filter(pk="CARDMATE").update(precheck_stopped_at=at)
    entry = lists.add(kind="grey", subject="phone", value="13800138000", reason="shared", by="system", at=at)
    tags.put(user_id=borrower(at), tag="velocity", source="decision:1 shared", at=at)
    limits = [grants.open(application_id=judged(at, "approve", reasons=()), at=at) for _ in range(2)]
    grants.freeze(grant_id=limits[1], reason="overdue", by="system", at=at)
    return (
        {
            ("users.Notice", "close"): Notice.objects.get(kind="rare"),
            ("users.ListEntry", "take_off"): ListEntry.objects.get(pk=entry),
            ("users.Tag", "take_off"): Tag.objects.get(),
            ("lending.Event", "try_again"): event,
            ("lending.Grant", "freeze"): Grant.objects.get(pk=limits[0]),
            ("lending.Grant", "unfreeze"): Grant.objects.get(pk=limits[1]),
            ("traffic.StatusPush", "resend"): push,
            ("traffic.Channel", "issue_key"): Channel.objects.get(pk="POCKET"),
            ("traffic.Channel", "issue_precheck_key"): Channel.objects.get(pk="POCKET"),
            ("traffic.Channel", "resume_prechecks"): Channel.objects.get(pk="CARDMATE"),
            ("traffic.Channel", "draft_statement"): owed("POCKET"),
            ("traffic.Channel", "change_door"): Channel.objects.get(pk="POCKET"),
            ("traffic.ChannelKey", "end_key"): ChannelKey.objects.get(channel="LOANHUB"),
            ("traffic.ChannelStatement", "approve"): statement_of("LOANHUB", at),
            ("traffic.ChannelStatement", "adjust"): statement_of("LOANHUB", at, month=1),
            ("traffic.ChannelStatement", "discard"): statement_of("CARDMATE", at),
            ("contracts.Template", "approve"): drafted(at),
            ("contracts.Template", "reject"): drafted(at),
            ("contracts.Template", "withdraw"): drafted(at),
            ("contracts.Template", "end"): Template.objects.get(code="guarantee", approved_at__isnull=False),
        }
        | of_strategies(at)
        | of_authority(at)
        | of_sources(at)
        | {("risk.DataPull", "read_again"): quarantined(at)}
        | of_funders(at)
        | {("users.FaceReview", act): faces.looked_at(at) for act in ("same", "other")}
        | {("traffic.Lead", "ask_now"): without_an_answer(at)}
        | of_platforms()
    )


def of_platforms() -> dict[tuple[str, str], models.Model]:
    Platform.objects.filter(pk="BRIDGE").update(enabled=False)
    of = {"book": "SUNNY", "switch_on": "BRIDGE", "switch_off": "SUNNY"}
    return {("traffic.Platform", act): Platform.objects.get(pk=code) for act, code in of.items()}


def owed(channel: str, month: int = 2) -> Channel:
    """A channel with a fee of February, or another month, that no statement has."""
    application = Event.objects.latest("pk").application
    day = datetime(2026, month, 10, tzinfo=UTC)
    SettlementLine.objects.create(
        channel_id=channel, kind="fee", reason="lead", source=f"a test: {channel} {month}", application=application,
        amount_cents=1800, currency="CNY", earned_at=day, on_date=day.date(),
    )  # fmt: skip
    return Channel.objects.get(pk=channel)


def statement_of(channel: str, at: datetime, month: int = 2) -> ChannelStatement:
    owed(channel, month)
    pk = draft_statement(channel_code=channel, month=date(2026, month, 1), reason="as a test", by="system", at=at)
    return ChannelStatement.objects.get(pk=pk)


def earned(party: str, at: datetime) -> FunderLine:
    """A line of February that no statement has."""
    return FunderLine.objects.create(
        programme_id="HYF-D", party_id=party, kind="share", source=f"a test: {party}", loan=Loan.objects.latest("pk"),
        base_cents=100, rate="0.65", amount_cents=35, currency="CNY", on_date="2026-02-10", at=at,
    )  # fmt: skip


def with_funder(party: str, at: datetime) -> FunderStatement:
    earned(party, at)
    said: dict[str, Any] = {"month": date(2026, 2, 1), "reason": "as a test", "by": "system", "at": at}
    return FunderStatement.objects.get(pk=funding.draft_statement(party_code=party, **said))


def of_funders(at: datetime) -> dict[tuple[str, str], models.Model]:
    unknown, back = (funding.start_payout(drawdown_id=drawdowns.signed(at).drawdown_id, at=at) or 0 for _ in range(2))
    Payout.objects.filter(pk=unknown).update(state="UNKNOWN")
    funding.settle_payout(payout_id=back, answer=PaymentAnswer("returned", moved_cents=1_000_000), at=at)
    return {
        ("funding.Payout", "ask_now"): Payout.objects.get(pk=unknown),
        ("funding.Payout", "follow_up"): Payout.objects.get(pk=back),
        ("lending.Drawdown", "reroute"): Drawdown.objects.get(pk=drawdowns.asking(at).drawdown_id),
        ("funding.Programme", "switch_on"): programme("LJB-G", on=False),
        ("funding.Programme", "switch_off"): programme("QTX-O", on=True),
        ("funding.Funder", "draft_statement"): earned("QTX", at) and Funder.objects.get(pk="QTX"),
        ("funding.Guarantor", "draft_statement"): earned("AHG", at) and Guarantor.objects.get(pk="AHG"),
        ("funding.FunderStatement", "approve"): with_funder("HYF", at),
        ("funding.FunderStatement", "adjust"): with_funder("NHT", at),
        ("funding.FunderStatement", "discard"): with_funder("LJB", at),
    }


def without_an_answer(at: datetime) -> Lead:
    lead = chosen(at)
    lead.state, lead.sent_at = "UNKNOWN", at
    lead.save()
    return lead


def of_sources(at: datetime) -> dict[tuple[str, str], models.Model]:
    bureau = Source.objects.get(code="bureau")
    drill_id = drills.start(source_id=bureau.pk, mode="dead", minutes=5, by="system", reason="as a test", at=at)
    return {
        ("users.Source", "switch_on"): Source.objects.get(code="face_b"),
        ("users.Source", "switch_off"): Source.objects.get(code="bankflow"),
        ("users.Drill", "stop"): Drill.objects.get(pk=drill_id),
    }


def quarantined(at: datetime) -> DataPull:
    assessment = Assessment.objects.get(pk=risk.start_assessment(application_id=submitted(at), at=at))
    source = users.source("bureau")
    consent = users.live_consent(assessment.user_id, source.consent_code, source.recipient, at)
    assert consent is not None
    pull = DataPull(
        key="quarantined",
        created_at=at,
        assessment=assessment,
        user=assessment.user,
        source_id=source.id,
        source_code=source.code,
        answers_for=source.code,
        stage=source.stage,
        consent_id=consent.id,
        recipient=source.recipient,
        payload={"data": {"open_credits": 1}},
        quarantined=True,
        settled_at=at,
    )
    pull.died()
    pull.save()
    return pull


def of_authority(at: datetime) -> dict[tuple[str, str], models.Model]:
    return {
        ("review.AuthorityVersion", name): AuthorityVersion.objects.get(number=draft_matrix(by="system", at=at))
        for name in ("approve", "discard")
    } | {
        ("review.BatchChange", name): BatchChange.objects.get(pk=draft_batch("initial", outcome, by="system", at=at))
        for name, outcome in (("approve", "approve"), ("discard", "decline"))
    }


def of_strategies(at: datetime) -> dict[tuple[str, str], models.Model]:
    stricter = stricter_admission(at)
    why = {"by": "system", "reason": "as a test", "at": at}
    later = at + timedelta(days=1)
    narrow = (risk.Scope("admission", product_code=code) for code in ("BIZ", "LINE", "ONCE"))
    taken, ended, coming = narrow
    hour = timedelta(hours=1)
    risk.bind(scope=taken, release=Release.objects.get(key="admission", version=1), begins=at - 2 * hour, **why)
    second = risk.bind(scope=taken, release=stricter, begins=at - hour, **why)
    borrower_id = borrower(at)
    borrower_number = User.objects.get(pk=borrower_id).public_id
    exemptions = [
        risk.ask_exemption(borrower=borrower_number, rule=rule, until=at.date() + timedelta(days=9), **why)
        for rule in ("antifraud.velocity", "antifraud.emulator")
    ]
    return {
        ("risk.Draft", "discard"): precheck_draft(at, key="idle"),
        ("risk.Submission", "approve"): submitted_precheck(at, key="first"),
        ("risk.Submission", "refuse"): submitted_precheck(at, key="second"),
        ("risk.Submission", "withdraw"): submitted_precheck(at, key="third"),
        ("risk.Binding", "roll_back"): second,
        ("risk.Binding", "retire"): risk.bind(scope=ended, release=stricter, begins=at - hour, **why),
        ("risk.Binding", "cancel"): risk.bind(scope=coming, release=stricter, begins=later, **why),
        ("risk.Experiment", "end"): risk.start_experiment(
            name="Age", kind="challenger", scope=risk.Scope("admission"), release_id=stricter.pk, share_bp=1000, **why
        ),
        ("risk.Exemption", "approve"): exemptions[0],
        ("risk.Exemption", "end"): exemptions[1],
    }


def drafted(at: datetime) -> Template:
    author = User.objects.get(username="admin")
    template_id = templates.draft(
        code="note",
        kind="note",
        title_zh="新",
        title_en="New",
        source="<p>{{ amount }}</p>",
        style="",
        declared={"amount": "money"},
        valid_from=at.date() + timedelta(days=1),
        author_id=author.pk,
        at=at,
    )
    return Template.objects.get(pk=template_id)


def programme(code: str, *, on: bool) -> Programme:
    Programme.objects.filter(pk=code).update(enabled=on)
    return Programme.objects.get(pk=code)


class TestGroups:
    def test_each_has_a_demo_account_and_a_line_in_these_tables(self, configured: None) -> None:
        groups = {name for user in User.objects.filter(kind="staff") for name in user.groups.values_list("name")}
        assert {name for (name,) in groups} == set(ACCOUNTS) == set(SEES)

    @pytest.mark.parametrize("group", SEES)
    def test_open_what_is_theirs_and_nothing_else(self, configured: None, group: str) -> None:
        client = signed_in(ACCOUNTS[group])
        sees, never = SEES[group]
        for labels, status in ((sees, 200), (never, 403)):
            found = {label: client.get(page(label, "changelist")).status_code for label in labels.split()}
            assert {label: code for label, code in found.items() if code != status} == {}
        if never:
            refusal = client.get(page(never.split()[0], "changelist"), headers={"Accept-Language": "en"})
            assert "Your account may not do this" in refusal.content.decode()

    def test_every_act_is_in_the_table(self) -> None:
        found = {
            (model._meta.label, name)
            for model, shown in PAGES.items()
            if isinstance(shown, ActingAdmin)
            for name in shown.acts
        }
        assert found == set(MAY)

    @pytest.mark.parametrize("group", ACCOUNTS)
    def test_act_only_where_the_table_says_so(self, made: dict[tuple[str, str], models.Model], group: str) -> None:
        client = signed_in(ACCOUNTS[group])
        own = made["contracts.Template", "withdraw"]  # only who wrote it takes it back
        Template.objects.filter(pk=own.pk).update(author=User.objects.get(username=ACCOUNTS[group]))
        done = set()
        for (label, name), row in made.items():
            place = f"{page(label, 'act', name)}?ids={row.pk}"
            allowed = client.get(place).status_code
            answer = client.post(place, {"reason": "a reason that says enough"} | MORE)
            done_so = (
                200 if name in ("issue_key", "issue_precheck_key") else 302
            )  # a secret is shown on the answer itself, once
            assert (allowed, answer.status_code) in ((200, done_so), (403, 403)), (label, name)
            if allowed == 200:
                done.add((label, name))
        assert done == {act for act, groups in MAY.items() if group in groups}

    def test_services_refuse_who_may_not_even_without_a_page(
        self, made: dict[tuple[str, str], models.Model], clock: Clock
    ) -> None:
        auditor = User.objects.get(username="audit.xu")
        why = {"reason": "a reason that says enough", "by": f"staff:{auditor.pk}", "at": clock.at}
        calls: list[Any] = [
            lambda pk: notices.close(notice_id=pk, **why),
            lambda pk: lists.remove(entry_id=pk, **why),
            lambda pk: tags.take_off(tag_id=pk, **why),
            lambda pk: flow.unpark(event_id=pk, **why),
            lambda pk: grants.freeze(grant_id=pk, **why),
            lambda pk: grants.unfreeze(grant_id=pk, **why),
            lambda pk: resend(push_id=pk, **why),
            lambda pk: issue_key(channel_code=pk, **why),
            lambda pk: issue_precheck_key(channel_code=pk, **why),
            lambda pk: resume_prechecks(channel_code=pk, **why),
            lambda pk: draft_statement(channel_code=pk, month=date(2026, 2, 1), **why),
            lambda pk: change_door(channel_code=pk, networks="", rate_per_minute=9, **why),
            lambda pk: end_key(key_id=pk, **why),
            lambda pk: approve_statement(statement_id=pk, **why),
            lambda pk: adjust_statement(statement_id=pk, amount_cents=1, **why),
            lambda pk: discard_statement(statement_id=pk, **why),
            lambda pk: templates.approve(template_id=pk, by_id=auditor.pk, reason=why["reason"], at=clock.at),
            lambda pk: templates.reject(template_id=pk, **why),
            lambda pk: templates.withdraw(template_id=pk, **why),
            lambda pk: templates.end(template_id=pk, last_day=date(2035, 1, 1), gap=why["reason"], **why),
            lambda pk: risk.discard_draft(draft_id=pk, **why),
            lambda pk: risk.approve_strategy(submission_id=pk, note=why["reason"], by=why["by"], at=clock.at),
            lambda pk: risk.refuse_strategy(submission_id=pk, note=why["reason"], by=why["by"], at=clock.at),
            lambda pk: risk.withdraw_strategy(submission_id=pk, note=why["reason"], by=why["by"], at=clock.at),
            lambda pk: risk.roll_back(binding_id=pk, **why),
            lambda pk: risk.retire(binding_id=pk, **why),
            lambda pk: risk.cancel_binding(binding_id=pk, **why),
            lambda pk: risk.end_experiment(experiment_id=pk, **why),
            lambda pk: risk.approve_exemption(exemption_id=pk, **why),
            lambda pk: risk.end_exemption(exemption_id=pk, **why),
            lambda pk: authority.approve(pk, **why),
            lambda pk: authority.discard(pk, **why),
            lambda pk: batch_rules.approve(pk, **why),
            lambda pk: batch_rules.discard(pk, **why),
            lambda pk: sources.switch(source_id=pk, on=True, **why),
            lambda pk: sources.switch(source_id=pk, on=False, **why),
            lambda pk: drills.stop(drill_id=pk, **why),
            lambda pk: risk.read_again(pull_id=pk, **why),
            lambda pk: funding.ask_payout(payout_id=pk, **why),
            lambda pk: funding.follow_up(payout_id=pk, **why),
            lambda pk: funding.reroute(drawdown_id=pk, **why),
            lambda pk: funding.switch_programme(programme_code=pk, on=True, **why),
            lambda pk: funding.switch_programme(programme_code=pk, on=False, **why),
            lambda pk: funding.draft_statement(party_code=pk, month=date(2026, 2, 1), **why),
            lambda pk: funding.draft_statement(party_code=pk, month=date(2026, 2, 1), **why),
            lambda pk: funding.approve_statement(statement_id=pk, **why),
            lambda pk: funding.adjust_statement(statement_id=pk, amount_cents=1, **why),
            lambda pk: funding.discard_statement(statement_id=pk, **why),
            lambda pk: face_reviews.decide(review_id=pk, same=True, **why),
            lambda pk: face_reviews.decide(review_id=pk, same=False, **why),
            lambda pk: ask_lead(lead_id=pk, **why),
            lambda pk: book_payment(platform=pk, amount_cents=1, reference="1", **why),
            lambda pk: switch_platform(platform=pk, on=True, **why),
            lambda pk: switch_platform(platform=pk, on=False, **why),
        ]
        for row, call in zip(made.values(), calls, strict=True):
            with pytest.raises(acts.NotAllowed), transaction.atomic():
                call(row.pk)


class TestPuttingATagOn:
    @pytest.mark.parametrize("group", ["lead", "customer_service"])
    def test_is_for_those_who_may_and_says_what_is_wrong(self, configured: None, clock: Clock, group: str) -> None:
        user_id, client = borrower(clock.at), signed_in(ACCOUNTS[group])
        place, customer = reverse("admin:users_tag_put", args=[user_id]), page("lending.Customer", "change", user_id)
        good = {"tag": "watch", "until": "2026-04-01", "reason": "two employers named"}
        if group == "customer_service":
            assert (client.get(place).status_code, client.post(place, good).status_code) == (403, 403)
            assert "Put a tag on" not in client.get(customer).content.decode()
            return
        assert "Put a tag on" in client.get(customer).content.decode()
        for wrong in ({"tag": "velocity"}, {"until": "2026-03-01"}, {"until": "soon"}, {"reason": "no"}):
            answer = client.post(place, good | wrong)
            assert (answer.status_code, set(answer.context["form"].errors)) == (200, set(wrong)), wrong
        assert not Tag.objects.exists()
        assert client.post(place, good).headers["Location"] == customer
        assert Tag.objects.get().reason == "two employers named"
        assert "is on already" in client.post(place, good).content.decode()
        assert client.get(reverse("admin:users_tag_put", args=[10**6])).status_code == 404


class TestNoticesOfOthers:
    def test_are_neither_listed_nor_opened_nor_closed(self, configured: None, clock: Clock) -> None:
        notices.raise_notice(kind="payout_unknown", subject="payout:1", text="no answer", at=clock.at)
        notice = Notice.objects.get()
        for username, seen in (("funder.zhou", True), ("partner.wei", False)):
            client = signed_in(username)
            listed = list(client.get(page("users.Notice", "changelist")).context["cl"].queryset)
            assert bool(listed) is seen
            assert (client.get(page("users.Notice", "change", notice.pk)).status_code == 200) is seen
            answer = client.post(f"{page('users.Notice', 'act', 'close')}?ids={notice.pk}", {"reason": "looked at it"})
            assert answer.status_code == 302
            notice.refresh_from_db()
            assert (notice.closed_at is not None) is seen
            Notice.objects.update(closed_at=None, closed_by="", closed_reason="")


class TestKindsOfNotices:
    def test_every_kind_raised_says_what_to_do_and_about_what(self) -> None:
        from tests.house.source import product

        raised = {word for module in product() for word in _kinds(module)}
        assert raised == set(rules.KINDS)
        labels = {model._meta.label for model in PAGES}
        assert {kind.model for kind in rules.KINDS.values()} <= labels
        assert Payout._meta.label in labels


def _kinds(module: Any) -> set[str]:
    return {
        keyword.value.value
        for call in module.calls()
        if module.resolve(call.func).endswith("notices.raise_notice")
        for keyword in call.keywords
        if keyword.arg == "kind"
    }
