"""The one register of companies across our border."""

from django.db import models


class PartyKind(models.TextChoices):
    CHANNEL = "channel", "渠道 Channel"
    FUNDER = "funder", "资方 Funder"
    GUARANTOR = "guarantor", "担保方 Guarantor"
    PLATFORM = "platform", "下游平台 Platform"


class Party(models.Model):
    """A legal person we deal with; `Funder` and `Channel` are one-to-one with it."""

    code = models.CharField(max_length=20, unique=True)
    kind = models.CharField(max_length=12, choices=PartyKind.choices)
    legal_name = models.CharField(max_length=120)
    legal_name_zh = models.CharField(max_length=120, blank=True)

    class Meta:
        ordering = ["kind", "code"]
        verbose_name_plural = "parties"

    def __str__(self) -> str:
        return f"{self.code} {self.legal_name}"
