"""Accounts that were erased at their owner's wish."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q


class Erasure(models.Model):
    """The account is a number from then on. `kept`: codes of what the law keeps; `keep_until`: of its loans."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="erasure")
    by = models.CharField(max_length=40)
    erased_at = models.DateTimeField()
    kept = ArrayField(models.CharField(max_length=20))
    keep_until = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ("-erased_at",)
        constraints = (
            models.CheckConstraint(
                name="users_erasure_of_loans_has_an_end",
                condition=Q(kept__contains=["loans"], keep_until__isnull=False)
                | (~Q(kept__contains=["loans"]) & Q(keep_until__isnull=True)),
            ),
        )

    def __str__(self) -> str:
        return f"erasure of user {self.user_id}"
