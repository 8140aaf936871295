"""Experiments: started, ramped, ended; and which of them a borrower is part of."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from lending.common.errors import Conflict, Invalid, NotFound
from lending.common.remembered import remembered
from risk.models import Arm, Binding, Experiment, ExperimentKind, Release, Scenario
from risk.rules import arms
from risk.services import releases
from risk.services.releases import Scope
from users import queries as users
from users.services import acts

PERMISSION = "risk.put_in_force"


class NotAnotherRelease(Invalid):
    code, title = "not_another_release", "The challenger is what serves already, or of another scenario"


class OneIsRunning(Conflict):
    code, title = "experiment_running", "An experiment of this kind runs in this scope"


class ShareOutOfBounds(Invalid):
    code, title = "share_out_of_bounds", "The share is more than 0 and at most 100 per cent"


@dataclass(frozen=True)
class Running:
    """`release`: what decides for this borrower instead of the binding's; `shadow`: what is evaluated beside it."""

    experiment: Experiment | None = None
    arm: str = ""
    release: Release | None = None
    shadow: Experiment | None = None


NONE = Running()


def of(binding: Binding, scope: Scope, user_id: int) -> Running:
    """The narrowest experiments around the case's `scope` that take this borrower in, of each kind.

    Only those within the binding's own scope: where a narrower binding decides, a wider experiment has no say.
    """
    found = _narrowest(binding, scope)
    if not found:
        return NONE
    borrower = users.person(user_id).public_id
    challenger, shadow = found.get(ExperimentKind.CHALLENGER), found.get(ExperimentKind.SHADOW)
    if shadow and not arms.is_in(borrower, shadow.salt, shadow.share_bp):
        shadow = None
    if challenger is None:
        return Running(shadow=shadow)
    if arms.is_in(borrower, challenger.salt, challenger.share_bp):
        return Running(challenger, Arm.CHALLENGER, challenger.challenger, shadow)
    return Running(challenger, Arm.CHAMPION, None, shadow)


def _narrowest(binding: Binding, scope: Scope) -> dict[str, Experiment]:
    """By kind; product before channel before segment, as bindings are chosen."""
    rows = [
        row
        for row in _under_way(binding.scenario_id)
        if row.product_code in {binding.product_code, scope.product_code}
        and row.channel_code in {binding.channel_code, scope.channel_code}
        and row.segment in {binding.segment, scope.segment}
    ]
    by_width = sorted(rows, key=lambda row: (bool(row.product_code), bool(row.channel_code), bool(row.segment)))
    return {row.kind: row for row in by_width}


@remembered
def _under_way(scenario_id: int) -> tuple[Experiment, ...]:
    rows = Experiment.objects.filter(scenario_id=scenario_id, ended_at=None).select_related("challenger__scenario")
    return tuple(rows.defer("challenger__graph", "challenger__authored", "challenger__tests"))


def start(
    *, name: str, kind: str, scope: Scope, release_id: int, share_bp: int, by: str, reason: str, at: datetime
) -> Experiment:
    """From now on, against whatever serves the scope: a binding of exactly this scope, or of a wider one.

    Raises NotFound, NotAnotherRelease, OneIsRunning, ShareOutOfBounds, NotAllowed.
    """
    _check_share(share_bp)
    scenario = Scenario.objects.select_for_update().filter(code=scope.scenario).first()
    release = Release.objects.filter(pk=release_id).first()
    if scenario is None or release is None:
        raise NotFound("There is no such scenario or release.")
    where = {"product_code": scope.product_code, "channel_code": scope.channel_code, "segment": scope.segment}
    champion = releases.in_force(scenario=scope.scenario, role=Binding.Role.DECIDE, at=at, **where)
    if champion is None:
        raise NotFound(f"Nothing serves {scope}; an experiment needs a champion there.")
    if release.scenario_id != scenario.pk or release.pk == champion.release_id or release.emergency_until:
        raise NotAnotherRelease
    if Experiment.objects.filter(scenario=scenario, kind=kind, ended_at=None, **where).exists():
        raise OneIsRunning
    row = Experiment.objects.create(
        name=name,
        scenario=scenario,
        kind=kind,
        challenger=release,
        share_bp=share_bp,
        salt=secrets.token_hex(8),
        started_by=by,
        started_at=at,
        **where,
    )
    acts.record(
        by=by, act="start_experiment", subject=f"experiment:{row.pk}", reason=reason, at=at, permission=PERMISSION
    )
    return row


def ramp(*, experiment_id: int, share_bp: int, by: str, reason: str, at: datetime) -> None:
    """Another share; whoever belongs to the smaller one belongs to the larger. Raises as `start`."""
    _check_share(share_bp)
    row = _running(experiment_id)
    told = f"{row.share_bp / 100:g} % → {share_bp / 100:g} %: {acts.checked(reason)}"
    acts.record(by=by, act="ramp_experiment", subject=f"experiment:{row.pk}", reason=told, at=at, permission=PERMISSION)
    row.share_bp = share_bp
    row.save(update_fields=["share_bp"])


def end(*, experiment_id: int, by: str, reason: str, at: datetime) -> None:
    """Everybody is decided by the champion again. Raises NotFound, NotAllowed."""
    row = _running(experiment_id)
    acts.record(
        by=by, act="end_experiment", subject=f"experiment:{row.pk}", reason=reason, at=at, permission=PERMISSION
    )
    row.ended_by, row.ended_at = by, at
    row.save(update_fields=["ended_by", "ended_at"])


def _running(experiment_id: int) -> Experiment:
    row = Experiment.objects.select_for_update().filter(pk=experiment_id, ended_at=None).first()
    if row is None:
        raise NotFound("There is no such experiment, or it has ended.")
    return row


def _check_share(share_bp: int) -> None:
    if not 0 < share_bp <= arms.PLACES:
        raise ShareOutOfBounds
