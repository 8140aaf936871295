"""The sidebar, in the order of the business; everybody sees what they may open."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.text import capfirst

import review.queries
import traffic.queries
from funding.queries import board
from lending.models import Drawdown, DrawdownStatus, Event
from users import queries as users

# (title, models by label); a model's plural is what its list is called.
GROUPS = (
    ("Customers", "lending.Customer users.Profile users.Contact users.BankCard users.Device users.Tag"
                            " users.UserLevel users.UserLevelChange users.Certificate users.FaceReview users.Consent"
                            " users.Check users.Message users.ListEntry users.WechatIdentity users.CollectedFeatures"
                            " users.OperatorAuthorisation"),
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
    ("Funding", "funding.Allocation funding.Payout funding.Collection funding.Claim funding.Reservation"
                            " funding.Routing funding.HeadroomDay funding.HeadroomMonth"
                            " funding.HeadroomTotal funding.HeadroomBorrower funding.HeadroomGuarantor funding.Funder"
                            " funding.Programme funding.FunderSettlement funding.FunderStatement funding.FunderLine"
                            " funding.Guarantor funding.CallbackEvent"),
    ("Contracts", "contracts.Contract contracts.Signature contracts.Template"),
    ("Traffic", "traffic.StatusPush traffic.Channel traffic.ChannelKey"
                             " traffic.ChannelOrder traffic.JoinLink traffic.Touch traffic.Attribution"
                             " traffic.ChannelDay traffic.ChannelStatement traffic.SettlementLine"
                             " traffic.Precheck traffic.PrecheckSubject"
                             " traffic.PartnerCall traffic.PartnerStatus"),
    ("Other platforms", "traffic.Lead traffic.Offer traffic.OfferSearch traffic.Platform traffic.PlatformDay"
                             " traffic.PlatformLine traffic.PlatformPayment traffic.PlatformCallback"),
    ("Ledger", "lending.Journal lending.Entry lending.Account"),
    ("Configuration", "lending.Product lending.Grade lending.Reason lending.ServicingTerm lending.Lifetime"
                            " lending.Holiday lending.Party users.Source users.Drill users.Document users.Level"
                            " users.TagKind users.CollectionRule users.CollectorList users.CollectorNumber"
                            " lending.DemoClock"),
    ("Staff & access", "users.User auth.Group otp_totp.TOTPDevice users.StaffAct users.Amendment users.AccessLog"
                                " users.LoginCode users.Token users.WechatTicket users.Erasure lending.IdempotencyKey"),
)  # fmt: skip


@dataclass(frozen=True)
class Waiting:
    """What waits for somebody: a list, narrowed, with how many. `besides`: who may not see that table either, does not
    see the queue."""

    title: str
    icon: str
    model: str
    query: str
    count: Callable[[HttpRequest], int]
    colour: str
    besides: str = ""


def _cases(request: HttpRequest) -> int:
    return review.queries.waiting_cases()


def _notices(request: HttpRequest) -> int:
    return sum(row.count for row in users.open_notices(request.user.has_perm))


def _unknown(request: HttpRequest) -> int:
    return board.unknown_payouts()


def _returned(request: HttpRequest) -> int:
    return board.returned_payouts()


def _waiting(request: HttpRequest) -> int:
    return Drawdown.objects.filter(status=DrawdownStatus.NO_FUNDER).count()


def _given_up(request: HttpRequest) -> int:
    return traffic.queries.failed_pushes()


def _unknown_leads(request: HttpRequest) -> int:
    return traffic.queries.unknown_leads()


def _parked(request: HttpRequest) -> int:
    return Event.objects.filter(parked_at__isnull=False).count()


WORK = (
    Waiting("Review cases", "fact_check", "review.Case", "", _cases, "warning"),
    Waiting("Payouts without an answer", "help", "funding.Payout", "?waits=unknown", _unknown, "danger"),
    Waiting("Payouts that came back", "undo", "funding.Payout", "?waits=returned", _returned, "warning"),
    Waiting(
        "Without a funder",
        "hourglass_empty",
        "lending.Drawdown",
        "?status__exact=NO_FUNDER",
        _waiting,
        "warning",
        besides="funding.Allocation",
    ),
    Waiting("Statuses given up", "send", "traffic.StatusPush", "?state__exact=failed", _given_up, "warning"),
    Waiting("Leads without an answer", "help", "traffic.Lead", "?waits=unknown", _unknown_leads, "warning"),
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
        if may_view(waiting.model, request) and (not waiting.besides or may_view(waiting.besides, request)):
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


@cache
def address(label: str) -> str:
    return reverse(f"admin:{label.lower().replace('.', '_')}_changelist")
