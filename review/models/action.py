from django.contrib.postgres.fields import ArrayField
from django.db import models

from .case import Case, CaseStatus


class Action(models.TextChoices):
    OPEN = "open", "立案 Opened"
    CLAIM = "claim", "领取 Claimed"
    RECOMMEND = "recommend", "初审意见 Recommended"
    DECIDE = "decide", "终审决定 Decided"
    SUPPLEMENT = "supplement", "补件 Supplement requested"
    RESUME = "resume", "恢复 Resumed"
    RETURN = "return", "退回初审 Returned to initial"
    SUSPEND = "suspend", "挂起 Suspended"
    ESCALATE = "escalate", "上报 Escalated"
    RELEASE = "release", "释放 Released"
    SKIP = "skip", "跳过 Skipped"
    AMOUNT = "amount", "改额 Another amount proposed"
    REROUTE = "reroute", "改派 Rerouted"
    DISPATCH = "dispatch", "派单 Dealt out"
    LATE = "late", "时限预警 At risk or late"
    LAPSE = "lapse", "领取超时 Lease ran out"
    CALL = "call", "致电 Called"
    VERIFY = "verify", "电核 Verified by telephone"
    EXCEPT = "except", "电核豁免 No telephone verification"
    RECUSE = "recuse", "回避 Recused"
    VOID = "void", "作废 Closed without a verdict"


class CaseAction(models.Model):
    """One thing somebody did to a case. Append-only by trigger.

    `actor`: "staff:<id>" or "system", without a foreign key, so that it outlives the account. `changes` holds what
    differs, {field: [old, new]}, and what the act stood on (offer, levels, authority version; of a claim under `why`
    the facts that made this case the next one).
    """

    case = models.ForeignKey(Case, models.PROTECT, related_name="actions")
    action = models.CharField(max_length=10, choices=Action.choices)
    actor = models.CharField(max_length=60)
    occurred_at = models.DateTimeField()
    source = models.CharField(max_length=16, choices=CaseStatus.choices, blank=True)
    target = models.CharField(max_length=16, choices=CaseStatus.choices)
    outcome = models.CharField(max_length=8, blank=True)
    reasons = ArrayField(models.CharField(max_length=4), default=list, blank=True)
    note = models.TextField(blank=True)
    changes = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.action} by {self.actor}"
