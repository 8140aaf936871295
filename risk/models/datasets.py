"""Rows to build and to try strategies with: uploaded, taken from stored decisions, or the sample."""

from django.db import models
from django.db.models import F, Q

from lending.common.crypto import EncryptedJSONField
from risk.models.strategy import Scenario


class DatasetSource(models.TextChoices):
    UPLOAD = "upload", "Uploaded"
    DECISIONS = "decisions", "Stored decisions"
    SAMPLE = "sample", "German Credit sample"


class Dataset(models.Model):
    """Imported whole, never changed. `columns`: [{name, type, kind: variable | group, known: rows that have it}].

    `outcome_count` rows say whether they went bad, `bad_count` of them did. `sha256`: of the rows' canonical text.
    """

    name = models.CharField(max_length=120)
    scenario = models.ForeignKey(Scenario, models.PROTECT, null=True, blank=True, related_name="+")
    source = models.CharField(max_length=10, choices=DatasetSource)
    note = models.CharField(max_length=300, blank=True, help_text="How the rows and their outcomes were chosen")
    columns = models.JSONField()
    row_count = models.PositiveIntegerField("rows")
    has_outcome = models.BooleanField()
    outcome_count = models.PositiveIntegerField("with outcome")
    bad_count = models.PositiveIntegerField("bad")
    sha256 = models.CharField(max_length=64)
    by = models.CharField(max_length=60)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("-id",)
        permissions = (("download_dataset", "Can download the rows of a dataset"),)
        constraints = (
            models.CheckConstraint(condition=Q(source__in=DatasetSource.values), name="risk_dataset_source_known"),
            models.CheckConstraint(condition=Q(row_count__gt=0), name="risk_dataset_has_rows"),
            models.CheckConstraint(
                condition=Q(outcome_count__lte=F("row_count"), bad_count__lte=F("outcome_count")),
                name="risk_dataset_counts_agree",
            ),
            models.CheckConstraint(
                condition=Q(has_outcome=True, outcome_count__gt=0) | Q(has_outcome=False, outcome_count=0),
                name="risk_dataset_outcome_told",
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def variables(self) -> tuple[str, ...]:
        return tuple(column["name"] for column in self.columns if column["kind"] == "variable")

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(column["name"] for column in self.columns if column["kind"] == "group")

    @property
    def bad_rate(self) -> float | None:
        """Of the rows whose outcome is known."""
        return self.bad_count / self.outcome_count if self.outcome_count else None


class DatasetPart(models.Model):
    """Up to 500 rows, in order: [{"ref", "inputs", "bad", "groups"}], as `risk.rules.tabular` describes them."""

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField(help_text="Counted from 0")
    rows = EncryptedJSONField()

    class Meta:
        ordering = ("dataset", "number")
        constraints = (models.UniqueConstraint(fields=["dataset", "number"], name="risk_dataset_part_once"),)

    def __str__(self) -> str:
        return f"part {self.number} of dataset {self.dataset_id}"
