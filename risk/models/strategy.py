"""What is decided with: scenarios, the catalogue of variables, immutable releases, and which release serves where."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from lending.common.crypto import EncryptedJSONField


class VariableType(models.TextChoices):
    INT = "int", "Integer"
    BOOL = "bool", "Yes or no"
    TEXT = "text", "Text"
    DATE = "date", "Date"
    INT_LIST = "int_list", "Integers"
    TEXT_LIST = "text_list", "Texts"


class Variable(models.Model):
    """A named input with its lineage: which source, at which dotted path of its raw answer.

    What its source costs stands in the register of sources, and which releases read it in their graphs: neither is
    kept here.
    """

    name = models.CharField(max_length=40, unique=True)
    type = models.CharField(max_length=12, choices=VariableType)
    unit = models.CharField(max_length=20, blank=True, help_text="For example cents, months, basis points")
    default = models.JSONField(null=True, blank=True, help_text="Stands in for an unknown; null: it stays unknown")
    nullable = models.BooleanField(help_text="May be unknown; the rules then say what unknown does")
    source = models.CharField(max_length=32, help_text="Code in the register of sources, or a part of our own records")
    path = models.CharField(max_length=80, blank=True)
    description_en = models.CharField(max_length=160)
    description_zh = models.CharField(max_length=160)

    class Meta:
        ordering = ("source", "name")

    def __str__(self) -> str:
        return self.name


class Scenario(models.Model):
    """A moment that needs a decision. Its input schema is that of its variables."""

    code = models.CharField(max_length=16, unique=True)
    title_en = models.CharField(max_length=120)
    title_zh = models.CharField(max_length=120)
    inputs = ArrayField(models.CharField(max_length=40))
    input_schema = models.JSONField()
    output_schema = models.JSONField(default=dict, help_text="What a flow that decides must answer")

    class Meta:
        ordering = ("code",)

    def __str__(self) -> str:
        return self.code


class ReleaseForm(models.TextChoices):
    FLOW = "flow", "Decision flow"
    RULE_SET = "rule_set", "Rule set"
    TABLE = "table", "Decision table"
    SCORECARD = "scorecard", "Scorecard"


class Segment(models.TextChoices):
    """Of borrowers. Returning: somebody who was ever paid out a loan by us."""

    NEW = "new", "New borrowers"
    RETURNING = "returning", "Returning borrowers"


class Release(models.Model):
    """One version of a flow, rule set, table or scorecard; written by one person, approved by another, never edited.

    `graph` is what is evaluated, `authored` the form it was compiled from. `pins` names the release behind each
    sub-decision's key, so that a release evaluates the same for ever. `closure_sha256` is the content with all that
    it pins. `emergency_until`: released by its author alone, and good for bindings that end by then.
    """

    key = models.CharField(max_length=60)
    version = models.PositiveIntegerField()
    scenario = models.ForeignKey(Scenario, models.PROTECT, related_name="releases")
    form = models.CharField(max_length=10, choices=ReleaseForm)
    graph = models.JSONField()
    authored = models.JSONField(null=True, blank=True)
    pins = models.JSONField(default=dict, blank=True)
    sha256 = models.CharField(max_length=64)
    closure_sha256 = models.CharField(max_length=64, db_index=True)
    tests = EncryptedJSONField(default=list, blank=True, help_text="Cases that this version passed")
    schema_version = models.PositiveSmallIntegerField()
    engine = models.CharField(max_length=40)
    author = models.CharField(max_length=60)
    approver = models.CharField(max_length=60)
    emergency_until = models.DateTimeField(null=True, blank=True)
    released_at = models.DateTimeField()

    class Meta:
        ordering = ("key", "-version")
        constraints = (
            models.UniqueConstraint(fields=["key", "version"], name="risk_release_version"),
            models.CheckConstraint(
                condition=~Q(author=F("approver")) | Q(emergency_until__isnull=False), name="risk_release_four_eyes"
            ),
            models.CheckConstraint(condition=Q(version__gt=0), name="risk_release_version_positive"),
        )

    def __str__(self) -> str:
        return f"{self.key} v{self.version}"


class Scope(models.Model):
    """Where something serves: a scenario of a product, channel and segment. Empty: any."""

    product_code = models.CharField(max_length=20, blank=True)
    channel_code = models.CharField(max_length=20, blank=True)
    segment = models.CharField(max_length=10, choices=Segment, blank=True)

    class Meta:
        abstract = True

    @property
    def where(self) -> str:
        """ "BIZ · LOANHUB · new", or "everywhere"."""
        named = (self.product_code, self.channel_code, self.segment)
        return " · ".join(name for name in named if name) or "everywhere"


class Binding(Scope):
    """From an instant on, this release serves a scope; the narrower scope before the wider, then the latest counts.

    `role`: `decide` ends the scenario; `knock_out` runs between its stages and only its declines count. Rolling back
    is a new binding of an older release; one without a release retires the scope: the wider then serves. One that
    ends (`in_force_until`) leaves the scope to what served before. Never edited, except that a future one may be
    cancelled.
    """

    class Role(models.TextChoices):
        DECIDE = "decide", "Decides"
        KNOCK_OUT = "knock_out", "Stops dearer stages"

    scenario = models.ForeignKey(Scenario, models.PROTECT, related_name="bindings")
    role = models.CharField(max_length=10, choices=Role)
    release = models.ForeignKey(Release, models.PROTECT, null=True, blank=True, related_name="bindings")
    in_force_from = models.DateTimeField()
    in_force_until = models.DateTimeField(null=True, blank=True)
    by = models.CharField(max_length=60)
    reason = models.CharField(max_length=300)
    created_at = models.DateTimeField()
    cancelled_by = models.CharField(max_length=60, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("scenario", "role", "-in_force_from")
        constraints = (
            models.UniqueConstraint(
                fields=["scenario", "role", "product_code", "channel_code", "segment", "in_force_from"],
                condition=Q(cancelled_at=None),
                name="risk_binding_instant",
            ),
            models.CheckConstraint(
                condition=Q(in_force_until=None) | Q(in_force_until__gt=F("in_force_from")),
                name="risk_binding_ends_after_it_begins",
            ),
            models.CheckConstraint(
                condition=Q(cancelled_at=None, cancelled_by="") | (Q(cancelled_at__isnull=False) & ~Q(cancelled_by="")),
                name="risk_binding_cancelled_who_and_when",
            ),
        )

    def __str__(self) -> str:
        return f"{self.scenario} {self.role}: {self.release or 'retired'}"
