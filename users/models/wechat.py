"""WeChat identities: what an official account or the mini program calls a borrower, and the ticket that binds it."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from lending.common.crypto import EncryptedTextField


class WechatApp(models.TextChoices):
    OFFICIAL = "official", "Official account"
    MINI = "mini", "Mini program"


class WechatIdentity(models.Model):
    """One WeChat user in one of our apps. Bound to one borrower, once: a trigger refuses another."""

    app = models.CharField(max_length=8, choices=WechatApp)
    app_id = models.CharField(max_length=32, help_text="The app's id at WeChat; an openid means nothing in another")
    openid = EncryptedTextField()
    openid_index = models.CharField(max_length=64, editable=False)
    unionid = EncryptedTextField(null=True, blank=True)
    unionid_index = models.CharField(max_length=64, blank=True, editable=False, db_index=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="wechat_identities", null=True, blank=True
    )
    created_at = models.DateTimeField()
    bound_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "WeChat identity"
        verbose_name_plural = "WeChat identities"
        constraints = (
            models.UniqueConstraint(name="users_wechatidentity_openid", fields=["app_id", "openid_index"]),
            models.UniqueConstraint(name="users_wechatidentity_one_per_app", fields=["user", "app_id"]),
            models.CheckConstraint(
                name="users_wechatidentity_bound_with_user",
                condition=Q(user__isnull=True, bound_at__isnull=True) | Q(user__isnull=False, bound_at__isnull=False),
            ),
            models.CheckConstraint(
                name="users_wechatidentity_unionid_with_index",
                condition=Q(unionid__isnull=True, unionid_index="") | (Q(unionid__isnull=False) & ~Q(unionid_index="")),
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_app_display()} identity {self.pk}"


class WechatTicket(models.Model):
    """Proof that WeChat vouched for an identity a moment ago. Used once, with the code that signs in."""

    identity = models.ForeignKey(WechatIdentity, on_delete=models.CASCADE, related_name="tickets")
    ticket_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                name="users_wechatticket_expires_after", condition=Q(expires_at__gt=F("created_at"))
            ),
        )

    def __str__(self) -> str:
        return f"ticket {self.pk}"
