"""Shapes of users' API. They check form; what is allowed is the services' business."""

from typing import Any

from rest_framework import serializers

from lending.common.crypto import mask_id, mask_phone
from users.models import (
    CertificateKind,
    CodePurpose,
    CollectedKind,
    Employment,
    OperatorEnd,
    OperatorState,
    Province,
    Relation,
    WechatApp,
)
from users.rules import levels
from users.rules.collected import ROWS_AT_MOST, MessageKind, MessageSeen

LANGUAGES = (("zh-hans", "中文"), ("en", "English"))
SAVINGS = ("none", "under_100", "100_500", "500_1000", "over_1000")
MOST_CENTS = 10**12


class OneTimeCode(serializers.Serializer[Any]):
    phone = serializers.CharField(
        max_length=20, required=False, allow_blank=True, default="", help_text="For purpose login"
    )
    purpose = serializers.ChoiceField(CodePurpose.choices, default=CodePurpose.LOGIN)
    subject = serializers.CharField(
        max_length=64,
        required=False,
        allow_blank=True,
        default="",
        help_text="consent: code of the document; card: id of the bank card; sign: id of the drawdown",
    )
    accept_notice = serializers.BooleanField(
        default=False, help_text="login: the service agreement and privacy policy were shown and accepted"
    )
    language = serializers.ChoiceField(LANGUAGES, required=False, allow_blank=True, default="")


class CodeSent(serializers.Serializer[Any]):
    expires_in = serializers.IntegerField(help_text="Seconds")
    retry_after = serializers.IntegerField(help_text="Seconds until another may be asked for")


def accepted_versions() -> serializers.DictField:
    return serializers.DictField(
        child=serializers.CharField(max_length=16),
        required=False,
        default=dict,
        help_text='Versions accepted by document, for example {"service": "1", "privacy": "1"}',
    )


class SignIn(serializers.Serializer[Any]):
    phone = serializers.CharField(max_length=20)
    code = serializers.RegexField(r"^\d{6}$")
    accepted = accepted_versions()
    wechat_ticket = serializers.CharField(
        max_length=100,
        required=False,
        allow_blank=True,
        default="",
        help_text="From auth/wechat: binds that WeChat account to this phone",
    )


class WechatCode(serializers.Serializer[Any]):
    app = serializers.ChoiceField(WechatApp.choices)
    code = serializers.CharField(max_length=200, help_text="Of the authorise page (official) or `wx.login` (mini)")
    accepted = accepted_versions()


class WechatTicketAnswer(serializers.Serializer[Any]):
    """The WeChat account is not bound yet: send this with the one-time code to auth/token."""

    ticket = serializers.CharField()
    expires_at = serializers.DateTimeField()


class Refresh(serializers.Serializer[Any]):
    refresh = serializers.CharField(max_length=100)


class TokenAnswer(serializers.Serializer[Any]):
    token_type = serializers.CharField(default="Bearer")
    access = serializers.CharField()
    refresh = serializers.CharField()
    expires_at = serializers.DateTimeField(help_text="Of the access token")


class LevelAnswer(serializers.Serializer[Any]):
    code = serializers.CharField()
    name_en = serializers.CharField()
    name_zh = serializers.CharField()
    limit_factor = serializers.DecimalField(max_digits=4, decimal_places=2)
    price_delta = serializers.DecimalField(max_digits=6, decimal_places=4)


class LevelNeed(serializers.Serializer[Any]):
    """Of on-time instalments and settled loans at least `need`; of days past due (max_dpd) at most."""

    what = serializers.ChoiceField(levels.NEEDS)
    need = serializers.IntegerField()
    have = serializers.IntegerField()
    months = serializers.IntegerField(allow_null=True, help_text="Over these last months; null: ever")
    met = serializers.BooleanField(source="is_met")


class LevelChanged(serializers.Serializer[Any]):
    before = serializers.CharField(source="before.code")
    level = serializers.CharField(source="level.code")
    at = serializers.DateTimeField()


class StandingAnswer(serializers.Serializer[Any]):
    level = LevelAnswer()
    since = serializers.DateTimeField(allow_null=True)
    next_level = LevelAnswer(allow_null=True, help_text="Null at the top")
    needs = LevelNeed(many=True, help_text="All that the next level asks for, met or not")
    changes = LevelChanged(many=True, help_text="Newest first, at most 20")


class Me(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    phone = serializers.SerializerMethodField(help_text="Masked")
    name = serializers.CharField()
    language = serializers.ChoiceField(LANGUAGES)
    level = LevelAnswer()
    missing = serializers.ListField(
        child=serializers.CharField(), help_text="Details still needed before an application may be submitted"
    )

    def get_phone(self, me: dict[str, Any]) -> str:
        return mask_phone(me["phone"])


class MeChange(serializers.Serializer[Any]):
    language = serializers.ChoiceField(LANGUAGES)


class Declared(serializers.Serializer[Any]):
    housing = serializers.ChoiceField(("own", "rent", "for free"), required=False)
    savings = serializers.ChoiceField(SAVINGS, required=False, help_text="Band in hundreds")
    residence_years = serializers.IntegerField(min_value=0, max_value=100, required=False)
    dependants = serializers.IntegerField(min_value=0, max_value=30, required=False)
    education = serializers.ChoiceField(("school", "college", "bachelor", "master"), required=False)


class ProfileChange(serializers.Serializer[Any]):
    """Fields left out stay as they are."""

    name = serializers.CharField(max_length=60, required=False)
    id_number = serializers.CharField(max_length=24, required=False)
    id_expires_on = serializers.DateField(required=False, allow_null=True, help_text="null: never")
    province = serializers.ChoiceField(Province.choices, required=False)
    city = serializers.CharField(max_length=40, required=False, allow_blank=True)
    address = serializers.CharField(max_length=200, required=False, allow_blank=True)
    employment = serializers.ChoiceField(Employment.choices, required=False)
    employer = serializers.CharField(max_length=100, required=False, allow_blank=True)
    job = serializers.CharField(max_length=32, required=False, allow_blank=True)
    net_income_cents = serializers.IntegerField(min_value=0, max_value=MOST_CENTS, required=False, help_text="A month")
    instalments_elsewhere_cents = serializers.IntegerField(
        min_value=0, max_value=MOST_CENTS, required=False, help_text="A month"
    )
    declared = Declared(required=False)


class ProfileAnswer(serializers.Serializer[Any]):
    name = serializers.CharField()
    id_number = serializers.SerializerMethodField(help_text="Masked")
    id_expires_on = serializers.DateField(allow_null=True)
    birth_date = serializers.DateField(allow_null=True)
    province = serializers.CharField()
    city = serializers.CharField()
    address = serializers.CharField()
    employment = serializers.CharField()
    employer = serializers.CharField()
    job = serializers.CharField()
    net_income_cents = serializers.IntegerField(allow_null=True)
    instalments_elsewhere_cents = serializers.IntegerField(allow_null=True)
    currency = serializers.CharField(default="CNY")
    declared = Declared()

    def get_id_number(self, person: Any) -> str:
        return mask_id(person.id_number) if person.id_number else ""


class CheckOrder(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(
        (("id2", "Name and ID number"), ("ocr", "Both sides of the ID card")),
        default="id2",
        help_text="ocr is asked by itself once both sides are there; again, where nobody answered",
    )


class CheckAnswer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    kind = serializers.CharField()
    state = serializers.ChoiceField(("pending", "passed", "failed", "dead"))
    reason = serializers.CharField(
        allow_blank=True, help_text="Why it failed: mismatch, no_record, unreadable, expired, not_live; else empty"
    )
    created_at = serializers.DateTimeField()
    checked_at = serializers.DateTimeField(allow_null=True)


class FaceOrder(serializers.Serializer[Any]):
    liveness_token = serializers.CharField(
        max_length=500, help_text="From the face vendor's kit inside the app; it works once"
    )


class OperatorAnswer(serializers.Serializer[Any]):
    state = serializers.ChoiceField(("none", *OperatorState.values))
    why = serializers.ChoiceField(
        ("", *OperatorEnd.values), help_text="Why it is over, or what went wrong last; else empty"
    )
    carrier = serializers.CharField(allow_blank=True)
    is_checking = serializers.BooleanField(help_text="The carrier is being asked: look again in a second")
    is_offered = serializers.BooleanField(help_text="The consent is live and operators are asked: it may be begun")
    is_wanted = serializers.BooleanField(help_text="It may be begun and none is live")
    tries_left = serializers.IntegerField(help_text="Codes that may still be typed")
    page = serializers.CharField(allow_blank=True, help_text="redirected: the carrier's page, to open in a browser")
    begun_at = serializers.DateTimeField(allow_null=True)
    authorised_at = serializers.DateTimeField(allow_null=True)
    valid_until = serializers.DateTimeField(allow_null=True)
    gives_en = serializers.CharField()
    gives_zh = serializers.CharField()


class OperatorCode(serializers.Serializer[Any]):
    code = serializers.RegexField(r"^[0-9]{4,8}$", help_text="Four to eight digits, from the carrier's message")


class FaceReviewAnswer(serializers.Serializer[Any]):
    state = serializers.CharField(help_text="waiting, passed, refused, or replaced by a later one")
    asked_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)


class NamedContact(serializers.Serializer[Any]):
    relation = serializers.ChoiceField(Relation.choices)
    name = serializers.CharField(max_length=60)
    phone = serializers.CharField(max_length=20)


class ContactAnswer(serializers.Serializer[Any]):
    relation = serializers.CharField()
    name = serializers.CharField()
    phone = serializers.SerializerMethodField(help_text="Masked")

    def get_phone(self, contact: Any) -> str:
        return mask_phone(contact.phone)


class NewCertificate(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(CertificateKind.choices)
    file = serializers.FileField(allow_empty_file=True, help_text="JPEG, PNG or PDF of at most 8 MB")


class CertificateAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    kind = serializers.ChoiceField(CertificateKind.choices)
    type = serializers.ChoiceField(("jpg", "pdf"), source="ending")
    size = serializers.IntegerField(help_text="Bytes of the file as it is kept")
    uploaded_at = serializers.DateTimeField()
    link = serializers.CharField(help_text="Where the file is for the next five minutes, for its owner alone")


class NewCard(serializers.Serializer[Any]):
    number = serializers.CharField(max_length=30)
    phone = serializers.CharField(max_length=20, help_text="The phone the bank has for this card")


class CardCode(serializers.Serializer[Any]):
    code = serializers.RegexField(r"^\d{6}$")


class CardAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    bank = serializers.CharField(help_text="Empty until the bank has answered")
    last4 = serializers.CharField()
    state = serializers.ChoiceField(("added", "checked", "confirmed", "refused"))


class GivenConsent(serializers.Serializer[Any]):
    code = serializers.CharField(max_length=32)
    version = serializers.CharField(max_length=16)
    recipients = serializers.ListField(
        child=serializers.CharField(max_length=40),
        required=False,
        default=list,
        max_length=10,
        help_text="The named ones, where the document names them; else empty",
    )
    otp = serializers.RegexField(r"^\d{6}$", required=False, allow_null=True, default=None)
    context = serializers.CharField(max_length=80, required=False, allow_blank=True, default="")  # type: ignore[assignment]


class ConsentAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    code = serializers.CharField()
    version = serializers.CharField()
    recipients = serializers.ListField(child=serializers.CharField())
    context = serializers.CharField()  # type: ignore[assignment]
    given_at = serializers.DateTimeField()
    withdrawn_at = serializers.DateTimeField(allow_null=True)


class ConsentAsGiven(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="consent.public_id")
    code = serializers.CharField(source="consent.code")
    version = serializers.CharField(source="consent.version")
    recipients = serializers.ListField(child=serializers.CharField(), source="consent.recipients")
    context = serializers.CharField(source="consent.context")  # type: ignore[assignment]
    given_at = serializers.DateTimeField(source="consent.given_at")
    withdrawn_at = serializers.DateTimeField(source="consent.withdrawn_at", allow_null=True)
    title_en = serializers.CharField(source="document.title_en")
    title_zh = serializers.CharField(source="document.title_zh")
    body_en = serializers.CharField(source="document.body_en", help_text="As it was read")
    body_zh = serializers.CharField(source="document.body_zh")
    is_newest = serializers.BooleanField(help_text="No newer version is in force")
    stops_en = serializers.CharField(help_text="What withdrawing it stops")
    stops_zh = serializers.CharField()


class SeenDevice(serializers.Serializer[Any]):
    fingerprint = serializers.RegexField(r"^[\w.:-]{8,64}$")
    platform = serializers.ChoiceField(("ios", "android", "web", "wechat"))
    model = serializers.CharField(max_length=80, required=False, allow_blank=True)
    system_version = serializers.CharField(max_length=40, required=False, allow_blank=True)
    app_version = serializers.CharField(max_length=40, required=False, allow_blank=True)
    is_emulator = serializers.BooleanField(required=False, default=False)
    is_rooted = serializers.BooleanField(required=False, default=False)


class DeviceAnswer(serializers.Serializer[Any]):
    platform = serializers.CharField()
    model = serializers.CharField()
    system_version = serializers.CharField()
    app_version = serializers.CharField()
    first_seen_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField()


SCRAMBLED = "Lower-case hex SHA-256 of the number's digits (of a mainland mobile number 11, without +86)"


class Strict(serializers.Serializer[Any]):
    """Refuses what it does not know: an app that sends the words of a message must learn that it may not."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := data.keys() - self.fields.keys()):
            raise serializers.ValidationError(dict.fromkeys(sorted(map(str, unknown)), "This must not be sent."))
        return super().to_internal_value(data)


class SentMessage(Strict):
    sender = serializers.RegexField(r"^[0-9a-f]{64}$", help_text=SCRAMBLED)
    at = serializers.DateTimeField(help_text="When it came")
    kind = serializers.ChoiceField([(kind.value, kind.value) for kind in MessageKind])

    def to_internal_value(self, data: Any) -> MessageSeen:
        return MessageSeen(**super().to_internal_value(data))


class DeviceData(Strict):
    """Each part needs its own consent; one that is left out, or null, is not sent."""

    device = SeenDevice(required=False, allow_null=True)
    sms = serializers.ListField(
        child=SentMessage(),
        required=False,
        allow_null=True,
        max_length=ROWS_AT_MOST,
        help_text="Messages of the last 90 days, without their words",
    )
    contacts = serializers.ListField(
        child=serializers.RegexField(r"^[0-9a-f]{64}$"),
        required=False,
        allow_null=True,
        max_length=ROWS_AT_MOST,
        help_text=f"A number for each line of the address book. {SCRAMBLED}",
    )


class CollectionAnswer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(CollectedKind.choices)
    is_allowed = serializers.BooleanField(help_text="Collected in this market; where it is not, do not ask")
    version = serializers.CharField(help_text="Of the consent's text in force")
    is_consented = serializers.BooleanField(help_text="This very version is accepted")
    received_at = serializers.DateTimeField(allow_null=True)
    features = serializers.DictField(help_text="What was counted and may be used, by name")
