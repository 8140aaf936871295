"""The authority matrix changes by two people: a whole version is drafted by one and put in force by another."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Max

from lending.common.errors import Conflict, Forbidden, Invalid, NotFound
from lending.models import Application
from review.models import AuthorityRule, AuthorityVersion, Case, CaseStatus
from review.models.authority import VersionState
from review.rules import authority
from review.services import cases, gate, placing, two_people
from users.services import acts

DRAFT, APPROVE = "review.draft_authorityversion", "review.approve_authorityversion"


class NotADraft(Conflict):
    code, title = "authority_not_a_draft", "This version was decided already"


class SamePerson(Forbidden):
    code, title = "authority_same_person", "Somebody else approves what you drafted"


class OutOfDate(Conflict):
    code, title = "authority_out_of_date", "A later version is in force already: draft anew"


def draft(*, cells: Iterable[authority.Rule], reason: str, by: str, at: datetime) -> int:
    """Write a whole new version, not in force yet; its number.

    Raises NotAllowed, ReasonRequired, Invalid.
    """
    rules = tuple(cells)
    acts.require(by=by, permission=DRAFT)
    if wrong := authority.faults(rules):
        raise Invalid("The matrix is not whole.", fields=wrong)
    if not authority.differences(placing.authority_rules()[1], rules):
        raise Invalid("Nothing differs from the version in force.", fields={"cells": "as before"})
    number = 1 + max(_highest(AuthorityVersion, "number"), _highest(AuthorityRule, "version"))
    written = AuthorityVersion.objects.create(number=number, reason=acts.checked(reason), drafted_by=by, drafted_at=at)
    _write(number, rules)
    acts.record(by=by, act="draft_authority", subject=f"authorityversion:{written.pk}", reason=reason, at=at)
    return number


def _highest(model: type[AuthorityVersion] | type[AuthorityRule], field: str) -> int:
    return model._default_manager.aggregate(highest=Max(field))["highest"] or 0


def _write(number: int, rules: Iterable[authority.Rule]) -> None:
    AuthorityRule.objects.bulk_create(
        AuthorityRule(
            version=number,
            amount_to_cents=rule.amount_to_cents,
            column=rule.column,
            initial_level=rule.initial_level,
            final_level=rule.final_level,
        )
        for rule in rules
    )


def load(number: int, rules: Iterable[authority.Rule], *, at: datetime) -> None:
    """A version from the configuration's files, in force at once. Does nothing where the number is there."""
    if AuthorityVersion.objects.filter(number=number).exists():
        return
    version = AuthorityVersion.objects.create(
        number=number, reason="loaded from file", drafted_by="file", drafted_at=at
    )
    _write(number, rules)
    version.approve()
    version.decided_by, version.decided_at = "bootstrap", at
    version.save()


def approve(version_id: int, *, reason: str, by: str, at: datetime) -> None:
    """Put a draft in force. Open cases follow in the next sweeps. Raises NotFound, NotADraft, SamePerson, OutOfDate,
    NotAllowed, ReasonRequired."""
    version = _draft(version_id)
    acts.require(by=by, permission=APPROVE)
    if version.drafted_by == by:
        raise SamePerson()
    if version.number < placing.authority_rules()[0]:
        raise OutOfDate()
    version.approve()
    two_people.decide(version, "approve_authority", reason=reason, by=by, at=at)


def discard(version_id: int, *, reason: str, by: str, at: datetime) -> None:
    """Drop a draft; its author may, too. Raises NotFound, NotADraft, NotAllowed, ReasonRequired."""
    version = _draft(version_id)
    acts.require(by=by, permission=DRAFT)
    version.discard()
    two_people.decide(version, "discard_authority", reason=reason, by=by, at=at)


def _draft(version_id: int) -> AuthorityVersion:
    version = AuthorityVersion.objects.select_for_update().filter(pk=version_id).first()
    if version is None:
        raise NotFound("There is no such version.")
    if version.state != VersionState.DRAFT:
        raise NotADraft(f"v{version.number} is {version.state}.")
    return version


def reroute_open(*, at: datetime, limit: int = 50) -> int:
    """Bring open cases that were placed under an older version where the one in force wants them. How many."""
    number, _ = placing.authority_rules()
    stale = Case.objects.exclude(status=CaseStatus.CLOSED).filter(routed_under__lt=number)
    found = list(stale.order_by("routed_under", "pk").values_list("pk", flat=True)[:limit])
    for case_id in found:
        case = gate.lock(case_id)
        if case.status == CaseStatus.CLOSED:
            continue
        application = Application.objects.get(pk=case.application_id)
        cases.reroute(case, application, by="system", why=f"authority v{number}", at=at)
    return len(found)
