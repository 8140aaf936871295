"""What analysts work on: drafts, and the submissions of drafts to a second person."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django_fsm import FSMModelMixin, transition

from lending.common import clock
from lending.common.crypto import EncryptedJSONField
from lending.common.states import StateField
from risk.models.strategy import Binding, Release, ReleaseForm, Scenario, Scope


class DraftState(models.TextChoices):
    OPEN = "open", "Being written"
    SUBMITTED = "submitted", "Waits for approval"
    RELEASED = "released", "Released"
    DISCARDED = "discarded", "Discarded"


class Draft(FSMModelMixin, models.Model):
    """The working copy of one flow, rule set, table or scorecard. One a key is being written at a time.

    `authored`: the form's own shape; for a flow and a table the JDM graph. `tests`: `[{name, inputs, expect}]`, and
    encrypted because inputs may be those of a person.
    `revision` rises with every save: who saves over somebody else's is told. `written_by`: all who changed it.
    """

    key = models.CharField(max_length=60)
    scenario = models.ForeignKey(Scenario, models.PROTECT, related_name="drafts")
    form = models.CharField(max_length=10, choices=ReleaseForm)
    title = models.CharField(max_length=120)
    notes = models.TextField(blank=True, help_text="Why it was begun")
    authored = models.JSONField()
    tests = EncryptedJSONField(default=list, blank=True)
    required_coverage = models.PositiveSmallIntegerField(
        default=80, help_text="Per cent of rules that tests must reach"
    )
    revision = models.PositiveIntegerField(default=1)
    state = StateField(default=DraftState.OPEN, choices=DraftState.choices)
    base = models.ForeignKey(Release, models.PROTECT, null=True, blank=True, related_name="+")
    written_by = ArrayField(models.CharField(max_length=60))
    created_at = models.DateTimeField()
    updated_by = models.CharField(max_length=60)
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ("-updated_at", "-id")
        permissions = (("write_strategy", "Can write strategies and submit them"),)
        constraints = (
            models.UniqueConstraint(
                fields=["key"], condition=Q(state__in=["open", "submitted"]), name="risk_draft_one_at_work"
            ),
            models.CheckConstraint(condition=Q(required_coverage__lte=100), name="risk_draft_coverage_per_cent"),
            models.CheckConstraint(condition=Q(key__regex=r"^[a-z][a-z0-9_]{1,59}$"), name="risk_draft_key_is_a_name"),
        )

    def __str__(self) -> str:
        return f"{self.key} (draft, revision {self.revision})"

    @transition(field=state, source=DraftState.OPEN, target=DraftState.SUBMITTED)
    def submit(self) -> None: ...

    @transition(field=state, source=DraftState.SUBMITTED, target=DraftState.OPEN)
    def reopen(self) -> None: ...

    @transition(field=state, source=[DraftState.OPEN, DraftState.SUBMITTED], target=DraftState.RELEASED)
    def release(self) -> None: ...

    @transition(field=state, source=DraftState.OPEN, target=DraftState.DISCARDED)
    def discard(self) -> None: ...


class SubmissionState(models.TextChoices):
    WAITING = "waiting", "Waits for approval"
    APPROVED = "approved", "Approved"
    REFUSED = "refused", "Refused"
    WITHDRAWN = "withdrawn", "Withdrawn"


class Submission(FSMModelMixin, Scope):
    """Drafts as they were handed in, with what the gate found; a second person approves or refuses them as a whole.

    `parts`: `[{key, scenario, form, title, authored, graph, tests, draft_id, revision, former_id}]`, what is asked
    before what asks; the last is the root. `binds`: approval also puts the root in force, at `in_force_from` or at
    once. `emergency_reason`: approved by its author alone; the binding then ends at `emergency_until`.
    """

    draft = models.ForeignKey(Draft, models.PROTECT, related_name="submissions")
    scenario = models.ForeignKey(Scenario, models.PROTECT, related_name="submissions")
    parts = EncryptedJSONField()
    closure_sha256 = models.CharField(max_length=64)
    report = models.JSONField()
    note = models.CharField(max_length=300)
    written_by = ArrayField(models.CharField(max_length=60))
    submitted_by = models.CharField(max_length=60)
    submitted_at = models.DateTimeField()
    binds = models.BooleanField()
    role = models.CharField(max_length=10, choices=Binding.Role, blank=True)
    in_force_from = models.DateTimeField(null=True, blank=True)
    emergency_reason = models.CharField(max_length=300, blank=True)
    emergency_until = models.DateTimeField(null=True, blank=True)
    state = StateField(default=SubmissionState.WAITING, choices=SubmissionState.choices)
    decided_by = models.CharField(max_length=60, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_note = models.CharField(max_length=300, blank=True)
    release = models.OneToOneField(Release, models.PROTECT, null=True, blank=True, related_name="submission")

    class Meta:
        ordering = ("-id",)
        permissions = (
            ("approve_strategy", "Can approve strategies that others wrote"),
            ("release_emergency", "Can release alone in an emergency, for a time"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["draft"], condition=Q(state="waiting"), name="risk_submission_one_waits_a_draft"
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", decided_by="", decided_at=None)
                | (~Q(state="waiting") & ~Q(decided_by="") & Q(decided_at__isnull=False)),
                name="risk_submission_decided_who_and_when",
            ),
            models.CheckConstraint(
                condition=~Q(state="approved") | Q(release__isnull=False), name="risk_submission_approved_is_released"
            ),
            models.CheckConstraint(
                condition=Q(emergency_reason="", emergency_until=None)
                | (~Q(emergency_reason="") & Q(emergency_until__isnull=False)),
                name="risk_submission_emergency_ends",
            ),
            models.CheckConstraint(
                condition=Q(binds=False, role="", in_force_from=None) | (Q(binds=True) & ~Q(role="")),
                name="risk_submission_binds_somewhere",
            ),
        )

    def __str__(self) -> str:
        return f"{self.draft.key}, submitted {clock.local(self.submitted_at):%Y-%m-%d %H:%M}"

    @transition(field=state, source=SubmissionState.WAITING, target=SubmissionState.APPROVED)
    def approve(self) -> None: ...

    @transition(field=state, source=SubmissionState.WAITING, target=SubmissionState.REFUSED)
    def refuse(self) -> None: ...

    @transition(field=state, source=SubmissionState.WAITING, target=SubmissionState.WITHDRAWN)
    def withdraw(self) -> None: ...
