from django.db import models


class ReasonClass(models.TextChoices):
    HARD = "H", "硬性 Hard"
    FRAUD = "F", "欺诈 Fraud"
    SCORE = "S", "评分 Score"
    POLICY = "P", "政策 Policy"
    DATA = "N", "数据 Data"
    FUNDER = "M", "资金 Funder"
    BORROWER = "B", "借款人 Borrower"


class Reason(models.Model):
    """Why something was refused or ended. `reapply_days` null = never again."""

    code = models.CharField(max_length=4, primary_key=True)
    reason_class = models.CharField(max_length=1, choices=ReasonClass.choices)
    source = models.CharField(max_length=30)
    reapply_days = models.PositiveSmallIntegerField(null=True)
    distribute = models.BooleanField()
    borrower_en = models.CharField(max_length=200)
    borrower_zh = models.CharField(max_length=200)

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return f"{self.code} {self.borrower_en}"
