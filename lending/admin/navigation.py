"""The sidebar, in the order of the business; everybody sees what they may open."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.text import capfirst

import review.queries
from lending.models import Event
from users import queries as users

# (title, models by label); a model's plural is what its list is called.
GROUPS = (
    ("Customers", "lending.Customer users.Profile users.Contact users.BankCard users.Device users.Tag"
                            " users.UserLevel users.UserLevelChange users.Certificate users.Consent users.Check"
                            " users.Message users.ListEntry users.WechatIdentity users.CollectedFeatures"),
    ("Applications & loans", "lending.Application lending.Supplement lending.SupplementItem"
                            " lending.Grant lending.Drawdown lending.Loan lending.Instalment lending.Repayment"
                            " lending.LoanCreditor lending.Event"),
    ("Risk", "risk.Draft risk.Submission risk.Scenario risk.Binding risk.Release risk.Experiment"
                            " risk.Exemption risk.Variable risk.Dataset risk.ScorecardBuild risk.Backtest"
                            " risk.MonitoringDay"
                            " risk.Assessment risk.Decision risk.DataPull risk.Budget"),
    ("Review", "review.Case review.CaseAction review.CaseNote review.Attachment review.Queue"
                             " review.RoutingRule review.BatchRule review.BatchChange review.AuthorityVersion"
                             " review.AuthorityRule review.Finding review.Reviewer review.Recusal"
                             " review.PhoneCheck review.PhoneAttempt"
                            " review.PhoneAnswer review.PhoneScript review.PhoneQuestion"
                            " review.ChecklistItem review.ChecklistTick"
                             " review.SecondLook review.Override review.OverrideBrief"
                             " review.DriftAlarm review.ReviewDay review.SamplingRule review.ErrorClass"
                             " review.QualitySetting"),
    ("Funding", "funding.Allocation funding.Payout funding.Collection funding.Reservation"
                            " funding.Routing funding.HeadroomDay funding.HeadroomMonth funding.Funder"
                            " funding.Programme funding.FunderSettlement funding.Guarantor funding.CallbackEvent"),
    ("Contracts", "contracts.Contract contracts.Signature contracts.Template"),
    ("Traffic", "traffic.StatusPush traffic.OfferSearch traffic.Channel traffic.PartnerStatus"
                             " traffic.Platform"),
    ("Ledger", "lending.Journal lending.Entry lending.Account"),
    ("Configuration", "lending.Product lending.Grade lending.Reason lending.ServicingTerm lending.Lifetime"
                            " lending.Holiday lending.Party users.Source users.Drill users.Document users.Level"
                            " users.TagKind users.CollectionRule users.CollectorNumber"
                            " lending.DemoClock"),
    ("Staff & access", "users.User auth.Group otp_totp.TOTPDevice users.StaffAct users.Amendment users.AccessLog"
                                " users.LoginCode users.Token users.WechatTicket users.Erasure lending.IdempotencyKey"),
)  # fmt: skip


@dataclass(frozen=True)
class Waiting:
    """What waits for somebody: a list, narrowed, with how many."""

    title: str
    icon: str
    model: str
    query: str
    count: Callable[[HttpRequest], int]
    colour: str


def _cases(request: HttpRequest) -> int:
    return review.queries.waiting_cases()


def _notices(request: HttpRequest) -> int:
    return sum(row.count for row in users.open_notices(request.user.has_perm))


def _parked(request: HttpRequest) -> int:
    return Event.objects.filter(parked_at__isnull=False).count()


WORK = (
    Waiting("Review cases", "fact_check", "review.Case", "", _cases, "warning"),
    Waiting("Notices", "notifications", "users.Notice", "?closed_at__isempty=1", _notices, "warning"),
    Waiting("Parked events", "report", "lending.Event", "?step=parked", _parked, "danger"),
)


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = [{"title": "Work", "items": _work(request)}]
    for title, labels in GROUPS:
        items = [_item(label) for label in labels.split() if may_view(label, request)]
        groups.append({"title": title, "items": items, "collapsible": True})
    return [group for group in groups if group["items"]]


def may_view(label: str, request: HttpRequest) -> bool:
    page = admin.site._registry.get(apps.get_model(label))
    return page is not None and bool(page.has_view_permission(request))


def _work(request: HttpRequest) -> list[dict[str, Any]]:
    items = []
    for waiting in WORK:
        if may_view(waiting.model, request):
            link = address(waiting.model) + waiting.query
            item = {
                "title": waiting.title,
                "icon": waiting.icon,
                "link": link,
                "active": request.get_full_path() == link,
            }
            if count := waiting.count(request):
                item |= {"badge": count, "badge_variant": waiting.colour}
            items.append(item)
    return items


def _item(label: str) -> dict[str, Any]:
    title = capfirst(str(apps.get_model(label)._meta.verbose_name_plural))
    return {"title": title, "link": address(label)}


def address(label: str) -> str:
    return reverse(f"admin:{label.lower().replace('.', '_')}_changelist")
