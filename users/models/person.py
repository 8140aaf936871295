"""What a borrower told us about themselves, and what we made of it."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from lending.common.crypto import EncryptedTextField


class Province(models.TextChoices):
    """Licence-plate style codes, GB/T 2260 order."""

    BJ = "BJ", "北京"
    TJ = "TJ", "天津"
    HE = "HE", "河北"
    SX = "SX", "山西"
    NM = "NM", "内蒙古"
    LN = "LN", "辽宁"
    JL = "JL", "吉林"
    HL = "HL", "黑龙江"
    SH = "SH", "上海"
    JS = "JS", "江苏"
    ZJ = "ZJ", "浙江"
    AH = "AH", "安徽"
    FJ = "FJ", "福建"
    JX = "JX", "江西"
    SD = "SD", "山东"
    HA = "HA", "河南"
    HB = "HB", "湖北"
    HN = "HN", "湖南"
    GD = "GD", "广东"
    GX = "GX", "广西"
    HI = "HI", "海南"
    CQ = "CQ", "重庆"
    SC = "SC", "四川"
    GZ = "GZ", "贵州"
    YN = "YN", "云南"
    XZ = "XZ", "西藏"
    SN = "SN", "陕西"
    GS = "GS", "甘肃"
    QH = "QH", "青海"
    NX = "NX", "宁夏"
    XJ = "XJ", "新疆"


class Employment(models.TextChoices):
    """Years in the present job."""

    UNEMPLOYED = "unemployed", "Not employed"
    UNDER_1Y = "under_1y", "Under one year"
    FROM_1_TO_4Y = "1_4y", "One to four years"
    FROM_4_TO_7Y = "4_7y", "Four to seven years"
    OVER_7Y = "over_7y", "Over seven years"


class Profile(models.Model):
    """The declared facts. `declared` holds what the strategy may read beyond the columns, keys as in the API."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="profile")
    name = EncryptedTextField(null=True, blank=True)
    id_number = EncryptedTextField(null=True, blank=True, help_text="Resident identity number, GB 11643")
    id_index = models.CharField(max_length=64, unique=True, null=True, blank=True, editable=False)
    id_expires_on = models.DateField(null=True, blank=True)
    expiry_check = models.ForeignKey(
        "users.Check",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The reading of the card that the expiry comes from; empty: as typed",
    )
    province = models.CharField(max_length=2, choices=Province, blank=True)
    city = models.CharField(max_length=40, blank=True)
    address = EncryptedTextField(null=True, blank=True)
    address_index = models.CharField(
        max_length=64, blank=True, editable=False, help_text="Of province, city and address, as one text"
    )
    employment = models.CharField(max_length=12, choices=Employment, blank=True)
    employer = EncryptedTextField(null=True, blank=True)
    job = models.CharField(max_length=32, blank=True)
    net_income_cents = models.BigIntegerField(null=True, blank=True, help_text="A month, after tax")
    instalments_elsewhere_cents = models.BigIntegerField(null=True, blank=True, help_text="A month")
    declared = models.JSONField(default=dict, blank=True)
    updated_at = models.DateTimeField()
    updated_by = models.CharField(max_length=40)

    class Meta:
        indexes = (models.Index(fields=["address_index", "-updated_at"], name="users_profile_same_address"),)
        constraints = (
            models.CheckConstraint(
                name="users_profile_id_number_with_index",
                condition=Q(id_number__isnull=True, id_index__isnull=True)
                | Q(id_number__isnull=False, id_index__isnull=False),
            ),
            models.CheckConstraint(
                name="users_profile_money_not_negative",
                condition=(Q(net_income_cents__isnull=True) | Q(net_income_cents__gte=0))
                & (Q(instalments_elsewhere_cents__isnull=True) | Q(instalments_elsewhere_cents__gte=0)),
            ),
        )

    def __str__(self) -> str:
        return f"profile of user {self.user_id}"


class Relation(models.TextChoices):
    SPOUSE = "spouse", "Spouse"
    PARENT = "parent", "Parent"
    CHILD = "child", "Child"
    SIBLING = "sibling", "Sibling"
    FRIEND = "friend", "Friend"
    COLLEAGUE = "colleague", "Colleague"


class Contact(models.Model):
    """Whom the borrower named; called only where the borrower asked for it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="contacts")
    position = models.PositiveSmallIntegerField()
    relation = models.CharField(max_length=12, choices=Relation)
    name = EncryptedTextField()
    phone = EncryptedTextField()
    phone_index = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("user_id", "position")
        indexes = (models.Index(fields=["phone_index", "-created_at"], name="users_contact_same_phone"),)
        constraints = (
            models.UniqueConstraint(name="users_contact_position", fields=["user", "position"]),
            models.UniqueConstraint(name="users_contact_phone", fields=["user", "phone_index"]),
        )

    def __str__(self) -> str:
        return f"contact {self.position} of user {self.user_id}"


class Device(models.Model):
    """A device seen with an account; the same `fingerprint_index` under several accounts links them."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="devices")
    fingerprint = EncryptedTextField()
    fingerprint_index = models.CharField(max_length=64, editable=False)
    platform = models.CharField(max_length=16)
    model = models.CharField(max_length=80, blank=True)
    system_version = models.CharField(max_length=40, blank=True)
    app_version = models.CharField(max_length=40, blank=True)
    is_emulator = models.BooleanField(default=False)
    is_rooted = models.BooleanField(default=False)
    ip = EncryptedTextField()
    consent = models.ForeignKey("users.Consent", on_delete=models.PROTECT, related_name="+")
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    class Meta:
        indexes = (models.Index(fields=["fingerprint_index", "-last_seen_at"], name="users_device_same"),)
        constraints = (models.UniqueConstraint(name="users_device_once", fields=["user", "fingerprint_index"]),)

    def __str__(self) -> str:
        return f"{self.platform} device {self.pk}"


class TagKind(models.Model):
    """A tag that people know by name. `days`: how long one stays on that a rule put there."""

    code = models.CharField(max_length=40, unique=True)
    name_en = models.CharField(max_length=60)
    name_zh = models.CharField(max_length=60)
    days = models.PositiveSmallIntegerField(help_text="How long it stays on where a rule put it there")
    by_hand = models.BooleanField(default=False, help_text="Staff may put it on")

    class Meta:
        ordering = ("code",)
        constraints = (
            models.CheckConstraint(name="users_tagkind_code", condition=Q(code__regex=r"^[a-z][a-z0-9_]*$")),
            models.CheckConstraint(name="users_tagkind_days", condition=Q(days__gte=1, days__lte=3650)),
        )

    def __str__(self) -> str:
        return self.code


class Tag(models.Model):
    """A short fact put on a borrower by a decision's rule or by staff; expired tags are not read."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tags")
    tag = models.CharField(max_length=40)
    source = models.CharField(
        max_length=80, help_text="What put it there: a decision and its rule (decision:17 velocity), or staff:5"
    )
    reason = models.CharField(max_length=300, blank=True, help_text="Why, where staff put it there")
    put_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(name="users_tag_once", fields=["user", "tag"]),
            models.CheckConstraint(
                name="users_tag_ends_after_it_began", condition=Q(expires_at=None) | Q(expires_at__gte=F("put_at"))
            ),
            models.CheckConstraint(
                name="users_tag_of_staff_has_reason_and_end",
                condition=~Q(source__startswith="staff:") | (~Q(reason="") & Q(expires_at__isnull=False)),
            ),
        )

    def __str__(self) -> str:
        return self.tag


class Level(models.Model):
    """A loyalty level: what it takes to reach it (whichever is not null), and what it gives."""

    code = models.CharField(max_length=8, unique=True)
    rank = models.PositiveSmallIntegerField(unique=True)
    name_en = models.CharField(max_length=40)
    name_zh = models.CharField(max_length=40)
    on_time_instalments = models.PositiveSmallIntegerField(null=True, blank=True)
    settled_loans = models.PositiveSmallIntegerField(null=True, blank=True)
    max_dpd = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Worst days past due allowed")
    window_months = models.PositiveSmallIntegerField(null=True, blank=True, help_text="over these last months")
    limit_factor = models.DecimalField(max_digits=4, decimal_places=2)
    price_delta = models.DecimalField(max_digits=6, decimal_places=4, help_text="Fraction a year, -0.006 = -0.6 %")
    benefit = models.CharField(max_length=80, blank=True)

    class Meta:
        ordering = ("rank",)
        constraints = (
            models.CheckConstraint(name="users_level_factor_positive", condition=Q(limit_factor__gt=0)),
            models.CheckConstraint(name="users_level_price_not_raised", condition=Q(price_delta__lte=0)),
        )

    def __str__(self) -> str:
        return self.code


class UserLevel(models.Model):
    """The level a borrower has now; absent means the lowest. `history`: the figures it was earned with, as in
    users.rules.levels. `review_at`: when these change by themselves, a late loan then being too long ago to count."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="level_row")
    level = models.ForeignKey(Level, on_delete=models.PROTECT, related_name="+")
    since_at = models.DateTimeField()
    history = models.JSONField(default=dict, blank=True)
    review_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = (
            models.Index(fields=["review_at"], name="users_userlevel_to_review", condition=Q(review_at__isnull=False)),
        )

    def __str__(self) -> str:
        return f"level {self.level_id} of user {self.user_id}"


class UserLevelChange(models.Model):
    """One rise or fall, with the figures that caused it. Append-only by trigger."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="level_changes")
    before = models.ForeignKey(Level, on_delete=models.PROTECT, related_name="+")
    level = models.ForeignKey(Level, on_delete=models.PROTECT, related_name="+")
    history = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        ordering = ("-pk",)
        indexes = (models.Index(fields=["user", "-id"], name="users_levelchange_of"),)
        constraints = (models.CheckConstraint(name="users_levelchange_is_one", condition=~Q(level=F("before"))),)

    def __str__(self) -> str:
        return f"change {self.pk} of the level of user {self.user_id}"
