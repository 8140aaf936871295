"""Who reviews, and who must not review whom."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q


class Level(models.IntegerChoices):
    R1 = 1, "R1 初审 Initial"
    R2 = 2, "R2 高级 Senior"
    R3 = 3, "R3 组长 Lead"
    R4 = 4, "R4 信贷经理 Credit manager"


LANGUAGES = ("zh-hans", "en")  # a borrower's, as `users` keeps them


def _all_languages() -> list[str]:
    return list(LANGUAGES)


class Reviewer(models.Model):
    """A staff account that reviews. The indexes tell which borrower is the reviewer in private life, where given.

    `on_duty_since`: cases are dealt out only to who has said so; null is off duty. Who claims need not.
    """

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.PROTECT, related_name="reviewer")
    level = models.PositiveSmallIntegerField(choices=Level.choices)
    skills = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    languages = ArrayField(models.CharField(max_length=8), default=_all_languages, blank=True)
    active = models.BooleanField(default=True)
    on_duty_since = models.DateTimeField(null=True, blank=True)
    phone_index = models.CharField(max_length=64, unique=True, null=True, blank=True, editable=False)
    id_index = models.CharField(max_length=64, unique=True, null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-level", "user_id"]
        constraints = [models.CheckConstraint(condition=Q(level__in=Level.values), name="review_reviewer_level_known")]

    def __str__(self) -> str:
        return f"R{self.level} {self.user}"


class Relation(models.TextChoices):
    SELF = "self", "本人 Self"
    NAMED = "named", "借款人的联系人 Named as a contact"
    DECLARED = "declared", "主动回避 Declared"


class Recusal(models.Model):
    """This reviewer never gets a case of this borrower: oneself, relatives, colleagues."""

    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    borrower = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    relation = models.CharField(max_length=10, choices=Relation.choices)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["reviewer", "borrower"], name="review_recusal_once")]

    def __str__(self) -> str:
        return f"{self.reviewer_id} not {self.borrower_id}"


class SavedFilter(models.Model):
    """A view of the list of cases that somebody wants again: the part of its address after the question mark."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    name = models.CharField(max_length=40)
    query = models.CharField(max_length=400)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="review_saved_filter_once")]

    def __str__(self) -> str:
        return self.name
