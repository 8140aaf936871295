"""Accounts and how they sign in: staff by password and second factor, borrowers by phone and one-time code."""

import uuid
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import Q

from lending.common.crypto import EncryptedTextField


class UserKind(models.TextChoices):
    STAFF = "staff", "Staff"
    BORROWER = "borrower", "Borrower"


class UserManager(BaseUserManager["User"]):
    def create_user(self, username: str, password: str, **fields: Any) -> "User":
        """A staff account. Borrowers come from `accounts.ensure_user`."""
        user = self.model(kind=UserKind.STAFF, username=username, is_staff=True, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, username: str, password: str, **fields: Any) -> "User":
        return self.create_user(username, password, **(fields | {"is_superuser": True}))


class User(AbstractBaseUser, PermissionsMixin):
    """One account; the two kinds share a table because every actor of the platform is one of them."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=8, choices=UserKind)
    username = models.CharField(max_length=150, unique=True, null=True, blank=True)
    full_name = models.CharField(max_length=100, blank=True, help_text="Staff only; a borrower's name is encrypted")
    phone = EncryptedTextField(null=True, blank=True)
    phone_index = models.CharField(max_length=64, unique=True, null=True, blank=True, editable=False)
    language = models.CharField(max_length=8, default="zh-hans", choices=[("zh-hans", "中文"), ("en", "English")])
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["created_at"]

    class Meta:
        permissions = (("reveal_personal_data", "Can see personal data unmasked, with a reason"),)
        constraints = (
            models.CheckConstraint(
                name="users_user_staff_xor_borrower",
                condition=Q(
                    kind="staff",
                    is_staff=True,
                    username__isnull=False,
                    phone__isnull=True,
                    phone_index__isnull=True,
                )
                | Q(
                    kind="borrower",
                    is_staff=False,
                    is_superuser=False,
                    username__isnull=True,
                    phone__isnull=False,
                    phone_index__isnull=False,
                    password__startswith="!",  # noqa: S106  what set_unusable_password writes
                )
                | Q(  # erased
                    kind="borrower",
                    is_staff=False,
                    is_superuser=False,
                    is_active=False,
                    username__isnull=True,
                    phone__isnull=True,
                    phone_index__isnull=True,
                    password__startswith="!",  # noqa: S106
                ),
            ),
        )

    def __str__(self) -> str:
        return self.username or f"borrower {self.public_id}"

    def get_full_name(self) -> str:
        return self.full_name or str(self)

    def get_short_name(self) -> str:
        return self.full_name or str(self)


class CodePurpose(models.TextChoices):
    LOGIN = "login", "Sign in"
    CONSENT = "consent", "Give a consent"
    CARD = "card", "Bind a bank card"
    SIGN = "sign", "Sign the contract set"
    EXPORT = "export", "Take away one's data"
    ERASE = "erase", "Have the account erased"


class LoginCode(models.Model):
    """One one-time code for one phone, purpose and subject. Only its keyed hash is kept; the row is evidence."""

    phone_index = models.CharField(max_length=64)
    purpose = models.CharField(max_length=8, choices=CodePurpose)
    subject = models.CharField(max_length=64, blank=True)
    code_hash = models.CharField(max_length=64)
    ip = EncryptedTextField(null=True, blank=True, help_text="Absent where the platform sent it unasked")
    notice_accepted = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = (models.Index(fields=["phone_index", "purpose", "-created_at"], name="users_logincode_latest"),)
        constraints = (
            models.CheckConstraint(
                name="users_logincode_expires_after", condition=Q(expires_at__gt=models.F("created_at"))
            ),
            models.CheckConstraint(
                name="users_logincode_notice_first", condition=~Q(purpose="login") | Q(notice_accepted=True)
            ),
        )

    def __str__(self) -> str:
        return f"{self.purpose} code {self.pk}"


class TokenKind(models.TextChoices):
    ACCESS = "access", "Access"
    REFRESH = "refresh", "Refresh"


class Token(models.Model):
    """An opaque token, kept as its hash. All tokens that descend from one sign-in share a `family`."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    family = models.UUIDField(db_index=True)
    kind = models.CharField(max_length=8, choices=TokenKind)
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True, blank=True, help_text="A refresh token is exchanged once")
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                name="users_token_expires_after", condition=Q(expires_at__gt=models.F("created_at"))
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} token {self.pk}"
