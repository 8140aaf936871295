"""The way of a draft into force: checked, submitted, approved by somebody else, released, bound.

A submission holds the draft with all drafts that it asks, frozen; what it was tested as is what is released.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from lending import queries as lending
from lending.common.errors import Conflict, Forbidden, Invalid, NotFound
from risk.models import Binding, Draft, DraftState, Release, ReleaseForm, Segment, Submission, SubmissionState
from risk.queries.backtests import backtest_for
from risk.rules import publication
from risk.rules.document import Flow, enveloped, references
from risk.rules.publication import Part, Report
from risk.rules.reasons import ReasonText
from risk.services import drafts, releases
from risk.services.releases import Scope
from users.services import acts, notices

WRITE, APPROVE, EMERGENCY = "risk.write_strategy", "risk.approve_strategy", "risk.release_emergency"
LONGEST_EMERGENCY = timedelta(hours=72)
FARTHEST = timedelta(days=366)


class NotPublishable(Invalid):
    """Data `blockers`: what the gate has against it."""

    code, title = "not_publishable", "The gate does not let this through"


class OwnSubmission(Forbidden):
    code, title = "own_submission", "Who wrote it does not approve it"


class ChangedMeanwhile(Conflict):
    code, title = "changed_meanwhile", "Something that this asks was released meanwhile; submit it again"


class NotWaiting(Conflict):
    code, title = "not_waiting", "This submission is decided already"


class InstantOutOfBounds(Invalid):
    code, title = "instant_out_of_bounds", "It may come into force from now on, within a year"


def report_of(draft: Draft, scope: Scope | None, at: datetime) -> Report:
    """What the gate finds; writes nothing. `scope`: where it would serve, None where it is released only."""
    working = drafts.working_set(draft)
    if working.problems:
        return publication.unbuildable(working.problems)
    root = releases.serving(scope or Scope(draft.scenario.code), at)
    serving = {row.key: row for row in releases.closure(root)} if root else {}
    return publication.report(
        flows=working.flows,
        parts=[_part(row, working.flows, serving) for row in _in_order(working)],
        pinned=_repinned(working, serving),
        reasons=_register(),
        role=scope.role if scope else "",
        backtest=_backtest(releases.closure_digest(working.flows)),
    )


def draft_report(*, draft_id: int, at: datetime) -> dict[str, Any]:
    """`report_of`, as a submission would keep it: as if it were to decide everywhere, or be released only where
    it is a table that answers no outcome. Raises NotFound."""
    draft = Draft.objects.select_related("scenario").filter(pk=draft_id).first()
    if draft is None:
        raise NotFound("There is no such draft.")
    is_asked_only = draft.form == ReleaseForm.TABLE and drafts.working_set(draft).has_no_outcome
    return publication.as_json(report_of(draft, None if is_asked_only else Scope(draft.scenario.code), at))


def submit(
    *,
    draft_id: int,
    revision: int,
    note: str,
    by: str,
    at: datetime,
    scope: Scope | None = None,
    in_force_from: datetime | None = None,
    emergency_reason: str = "",
) -> Submission:
    """Hand the draft to a second person. With `scope`, approval puts it in force there.

    An `emergency_reason` releases it at once by its author alone, without backtest and coverage, for 72 hours.
    Raises NotFound, StaleDraft, NotBeingWritten, NotPublishable, InstantOutOfBounds, NotAllowed, ReasonRequired.
    """
    draft = Draft.objects.select_for_update(of=("self",)).select_related("scenario").filter(pk=draft_id).first()
    if draft is None:
        raise NotFound("There is no such draft.")
    if draft.state != DraftState.OPEN:
        raise drafts.NotBeingWritten
    if draft.revision != revision:
        raise drafts.StaleDraft(revision=draft.revision, updated_by=draft.updated_by)
    if in_force_from and not at <= in_force_from <= at + FARTHEST:
        raise InstantOutOfBounds(fields={"in_force_from": InstantOutOfBounds.title})
    if scope:
        _check_scope(scope, draft)
    report = report_of(draft, scope, at)
    blockers = report.blockers if not emergency_reason else report.hard_blockers
    if blockers:
        raise NotPublishable(" ".join(blockers[:3]), blockers=list(blockers))
    working = drafts.working_set(draft)
    parts = _in_order(working)
    row = Submission.objects.create(
        draft=draft,
        scenario=draft.scenario,
        parts=[_frozen(each, working.flows) for each in parts],
        closure_sha256=releases.closure_digest(working.flows),
        report=publication.as_json(report),
        note=acts.checked(note),
        written_by=sorted({by}.union(*(each.written_by for each in parts))),
        submitted_by=by,
        submitted_at=at,
        binds=scope is not None,
        role=scope.role if scope else "",
        product_code=scope.product_code if scope else "",
        channel_code=scope.channel_code if scope else "",
        segment=scope.segment if scope else "",
        in_force_from=in_force_from,
        emergency_reason=acts.checked(emergency_reason) if emergency_reason else "",
        emergency_until=at + LONGEST_EMERGENCY if emergency_reason else None,
    )
    for each in parts:
        each.submit()
        each.save(update_fields=["state"])
    acts.record(by=by, act="submit_strategy", subject=f"submission:{row.pk}", reason=note, at=at, permission=WRITE)
    if emergency_reason:
        acts.record(
            by=by,
            act="release_emergency",
            subject=f"submission:{row.pk}",
            reason=emergency_reason,
            at=at,
            permission=EMERGENCY,
        )
        _release(row, by=by, note=emergency_reason, at=at)
        notices.raise_notice(
            kind="emergency_release",
            subject=f"submission:{row.pk}",
            text=f"{draft.key} released by its author alone until {row.emergency_until:%Y-%m-%d %H:%M} UTC: "
            f"{emergency_reason}",
            severity="critical",
            at=at,
        )
    return row


def approve(*, submission_id: int, note: str, by: str, at: datetime) -> Release:
    """Release every part, and put the root in force where that was asked.

    Raises NotFound, NotWaiting, OwnSubmission, ChangedMeanwhile, RefusedByGate, NotAllowed, ReasonRequired.
    """
    row = _waiting(submission_id)
    if by in row.written_by:
        raise OwnSubmission
    acts.record(by=by, act="approve_strategy", subject=f"submission:{row.pk}", reason=note, at=at, permission=APPROVE)
    return _release(row, by=by, note=note, at=at)


def refuse(*, submission_id: int, note: str, by: str, at: datetime) -> None:
    """Back to its writers, with why. Raises NotFound, NotWaiting, OwnSubmission, NotAllowed, ReasonRequired."""
    row = _waiting(submission_id)
    if by in row.written_by:
        raise OwnSubmission("Withdraw what you wrote yourself.")
    acts.record(by=by, act="refuse_strategy", subject=f"submission:{row.pk}", reason=note, at=at, permission=APPROVE)
    row.refuse()
    _decided(row, by=by, note=note, at=at)
    _each_draft(row, "reopen")


def withdraw(*, submission_id: int, note: str, by: str, at: datetime) -> None:
    """Taken back by one who wrote it. Raises NotFound, NotWaiting, NotAllowed, ReasonRequired."""
    row = _waiting(submission_id)
    acts.record(by=by, act="withdraw_strategy", subject=f"submission:{row.pk}", reason=note, at=at, permission=WRITE)
    row.withdraw()
    _decided(row, by=by, note=note, at=at)
    _each_draft(row, "reopen")


def scope_of(row: Submission) -> Scope | None:
    if not row.binds:
        return None
    return Scope(row.scenario.code, row.role, row.product_code, row.channel_code, row.segment)


def _release(row: Submission, *, by: str, note: str, at: datetime) -> Release:
    released: dict[str, Release] = {}
    for part in row.parts:
        flow = enveloped(key=part["key"], scenario=part["scenario"], graph=part["graph"])
        released[part["key"]] = releases.release(
            flow=flow,
            form=part["form"],
            authored=part["authored"] if part["form"] in ("rule_set", "scorecard") else None,
            author=row.submitted_by,
            approver=by,
            at=at,
            tests=part["tests"],
            emergency_until=row.emergency_until,
            asks=released,
        )
    root = released[row.parts[-1]["key"]]
    if root.closure_sha256 != row.closure_sha256:
        raise ChangedMeanwhile
    if scope := scope_of(row):
        begins = row.in_force_from if row.in_force_from and row.in_force_from > at else at
        releases.bind(scope=scope, release=root, by=by, reason=note, at=at, begins=begins, until=row.emergency_until)
    row.approve()
    row.release = root
    _decided(row, by=by, note=note, at=at, also=("release",))
    _each_draft(row, "release")
    return root


def _decided(row: Submission, *, by: str, note: str, at: datetime, also: Sequence[str] = ()) -> None:
    row.decided_by, row.decided_at, row.decision_note = by, at, acts.checked(note)
    row.save(update_fields=["state", "decided_by", "decided_at", "decision_note", *also])


def _each_draft(row: Submission, transition: str) -> None:
    ids = [part["draft_id"] for part in row.parts]
    for draft in Draft.objects.select_for_update().filter(pk__in=ids):
        getattr(draft, transition)()
        draft.save(update_fields=["state"])


def _waiting(submission_id: int) -> Submission:
    found = Submission.objects.select_for_update(of=("self",)).select_related("scenario", "draft")
    row = found.filter(pk=submission_id).first()
    if row is None:
        raise NotFound("There is no such submission.")
    if row.state != SubmissionState.WAITING:
        raise NotWaiting
    return row


def _check_scope(scope: Scope, draft: Draft) -> None:
    if scope.scenario != draft.scenario.code or scope.role not in Binding.Role.values:
        raise Invalid(f"{draft.key} is of the scenario {draft.scenario.code}.")
    if scope.product_code:
        lending.product(scope.product_code)
    if scope.segment and scope.segment not in Segment.values:
        raise Invalid(f"There is no segment {scope.segment!r}.", fields={"segment": "Choose one of the list."})


def _backtest(closure_sha256: str) -> dict[str, Any] | None:
    """What the latest one of exactly this content found; whom it would change is read from it when it is shown."""
    found = backtest_for(closure_sha256)
    if found is None:
        return None
    return {
        "id": found.id,
        "rows": found.rows,
        "errors": found.errors,
        "faults": [{name: value for name, value in fault.items() if name != "refs"} for fault in found.faults],
        "source": found.source,
        "baseline": found.baseline,
        "approval_before": found.approval_before,
        "approval_now": found.approval_now,
        "bad_rate_before": found.bad_rate_before,
        "bad_rate_now": found.bad_rate_now,
        "quality": dict(found.quality) if found.quality else None,
        "swapped_out": found.swaps["out"]["rows"] if found.swaps else None,
        "swapped_in": found.swaps["in"]["rows"] if found.swaps else None,
        "below_the_line": list(found.below_the_line),
        "finished_at": found.finished_at.isoformat(),
    }


def _in_order(working: drafts.WorkingSet) -> list[Draft]:
    """What is asked before what asks; the root last."""
    flows = {flow.key: flow for flow in working.flows}
    rows = {row.key: row for row in working.drafts}
    ordered: dict[str, Draft] = {}

    def visit(key: str) -> None:
        for _, asked in references(flows[key].graph):
            if asked in flows:
                visit(asked)
        if key in rows:
            ordered.setdefault(key, rows[key])

    visit(working.flows[0].key)
    return list(ordered.values())


def _part(row: Draft, flows: Sequence[Flow], serving: Mapping[str, Release]) -> Part:
    former = serving.get(row.key) or releases.latest(row.key)
    return Part(
        key=row.key,
        title=row.title,
        form=row.form,
        authored=row.authored,
        former=_authored(former),
        former_version=former.version if former else None,
        tests=tuple(row.tests),
        required_coverage=row.required_coverage,
        flow=next(flow for flow in flows if flow.key == row.key),
    )


def _repinned(working: drafts.WorkingSet, serving: Mapping[str, Release]) -> list[tuple[str, int, int, list[str]]]:
    """(key, version in force, version to be, differences) of released parts that are taken along in a newer version."""
    mine = {row.key for row in working.drafts}
    found = []
    for flow in working.flows:
        now, then = serving.get(flow.key), releases.latest(flow.key)
        if flow.key in mine or now is None or then is None or now.pk == then.pk:
            continue
        told = publication.differences(then.form, _authored(now), _authored(then) or {})
        found.append((flow.key, now.version, then.version, told))
    return found


def _authored(row: Release | None) -> Mapping[str, Any] | None:
    return None if row is None else row.authored or row.graph


def _frozen(row: Draft, flows: Sequence[Flow]) -> dict[str, Any]:
    return {
        "key": row.key,
        "scenario": row.scenario.code,
        "form": row.form,
        "title": row.title,
        "authored": row.authored,
        "graph": next(flow for flow in flows if flow.key == row.key).graph,
        "tests": row.tests,
        "draft_id": row.pk,
        "revision": row.revision,
        "former_id": row.base_id,
    }


def _register() -> dict[str, ReasonText]:
    return {
        row.code: ReasonText(row.code, row.cls, row.reapply_days, row.distribute, row.text_en, row.text_zh)
        for row in lending.reasons()
    }
