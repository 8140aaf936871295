from django.db import models


class IdempotencyKey(models.Model):
    """A request that must act once: key, effect and answer are committed together, so there is no stale lock."""

    caller = models.CharField(max_length=60)
    key = models.CharField(max_length=128)
    request_sha256 = models.CharField(max_length=64)
    status_code = models.PositiveSmallIntegerField()
    response = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["caller", "key"], name="one_answer_per_key")]

    def __str__(self) -> str:
        return f"{self.caller} {self.key}"
