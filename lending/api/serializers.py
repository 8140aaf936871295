"""Shapes of the borrower API. Money: integer minor units in `…_cents`; rates: strings of fractions a year."""

from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

import review.queries
from funding.queries import openings
from lending import queries
from lending.common import clock
from lending.models.application import ApplicationStatus
from lending.models.drawdown import DrawdownStatus
from lending.models.grant import GrantStatus
from lending.models.loan import LoanStatus
from lending.services.gates import PURPOSES
from users.models import AcceptedBy

MAX_CENTS = 10**12
MOMENT = serializers.DateTimeField(allow_null=True)
METHODS = ("equal_instalment", "equal_principal", "interest_only")
PAYS_FROM = "The lender's next opening, where the money waits for it or, signed now, would wait; null while it pays out"
ASKS_AGAIN_AT = "Without a lender: when we look again by ourselves; null where all those named have said no"


def rate(**kwargs: Any) -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=8, decimal_places=6, **kwargs)


class Empty(serializers.Serializer[Any]):
    pass


class ProductSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    name = serializers.CharField()
    name_zh = serializers.CharField()
    kind = serializers.ChoiceField(choices=("line", "single"))
    currency = serializers.CharField()
    amount_min_cents = serializers.IntegerField()
    amount_max_cents = serializers.IntegerField()
    step_cents = serializers.IntegerField()
    drawdown_min_cents = serializers.IntegerField()
    terms_months = serializers.ListField(child=serializers.IntegerField())
    methods = serializers.ListField(child=serializers.CharField())
    ceiling_xirr = serializers.DecimalField(max_digits=6, decimal_places=4)
    purposes = serializers.ListField(child=serializers.CharField())


@extend_schema_serializer(component_name="Quote")
class QuoteRequest(serializers.Serializer[Any]):
    amount_cents = serializers.IntegerField(min_value=1, max_value=MAX_CENTS)
    months = serializers.IntegerField(min_value=1, max_value=360)
    method = serializers.ChoiceField(choices=METHODS, default="equal_instalment")
    grade = serializers.CharField(max_length=2, required=False, help_text="Price of this grade; the dearest without it")


class LineSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    due_on = serializers.DateField()
    principal_cents = serializers.IntegerField()
    interest_cents = serializers.IntegerField()
    balance_cents = serializers.IntegerField()


class QuoteSerializer(serializers.Serializer[Any]):
    currency = serializers.CharField()
    amount_cents = serializers.IntegerField()
    months = serializers.IntegerField()
    method = serializers.CharField()
    annual_rate = rate()
    instalment_cents = serializers.IntegerField()
    total_cents = serializers.IntegerField()
    total_interest_cents = serializers.IntegerField()
    irr12 = rate()
    xirr = rate()
    schedule = LineSerializer(many=True)


class ApplicationSubmit(serializers.Serializer[Any]):
    amount_cents = serializers.IntegerField(min_value=1, max_value=MAX_CENTS)
    months = serializers.IntegerField(min_value=1, max_value=360)
    method = serializers.ChoiceField(choices=METHODS, default="equal_instalment")
    purpose = serializers.ChoiceField(choices=tuple(PURPOSES))


class ApplicationStart(serializers.Serializer[Any]):
    product = serializers.CharField(max_length=20)
    plan = ApplicationSubmit(
        required=False, help_text="What will be asked for: kept with the draft, so that any front end can go on with it"
    )


class Appeal(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=200)


class ReasonSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    text_en = serializers.CharField()
    text_zh = serializers.CharField()


class EventSerializer(serializers.Serializer[Any]):
    subject = serializers.ChoiceField(choices=("application", "grant", "drawdown", "loan"))
    status = serializers.CharField(source="target")
    occurred_at = serializers.DateTimeField()


class ApplicationSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    product = serializers.CharField(source="product_code")
    status = serializers.ChoiceField(choices=ApplicationStatus.values)
    amount_cents = serializers.IntegerField(allow_null=True)
    currency = serializers.SerializerMethodField()
    months = serializers.IntegerField(allow_null=True)
    method = serializers.CharField()
    purpose = serializers.CharField()
    reasons = serializers.SerializerMethodField()
    findings = serializers.SerializerMethodField()
    reapply_at = serializers.SerializerMethodField()
    can_ask_for_human = serializers.SerializerMethodField()
    grant_id = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()
    submitted_at = serializers.DateTimeField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    timeline = serializers.SerializerMethodField()

    def get_currency(self, row: queries.ApplicationView) -> str:
        return queries.product(row.product_code).currency

    @extend_schema_field(ReasonSerializer(many=True))
    def get_reasons(self, row: queries.ApplicationView) -> Any:
        shown = row.reasons if row.status in ("DECLINED", "WITHDRAWN", "EXPIRED") else ()
        return ReasonSerializer(queries.reasons(list(shown)), many=True).data

    @extend_schema_field(ReasonSerializer(many=True))
    def get_findings(self, row: queries.ApplicationView) -> Any:
        """What a person found who granted it; empty where none looked at it."""
        found = review.queries.approval_findings(row.id) if row.status == "GRANTED" else ()
        shown = [{"code": one.code, "text_en": one.borrower_en, "text_zh": one.borrower_zh} for one in found]
        return ReasonSerializer(shown, many=True).data

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_reapply_at(self, row: queries.ApplicationView) -> str | None:
        """When a new application is possible; null where never or not declined."""
        if row.reapply_at is None or row.reapply_at.year == 9999:
            return None
        return row.reapply_at.isoformat()

    def get_can_ask_for_human(self, row: queries.ApplicationView) -> bool:
        return row.status == "DECLINED" and row.round == 1

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_grant_id(self, row: queries.ApplicationView) -> str | None:
        return next((str(g.public_id) for g in queries.grants_of(row.user_id) if g.application_id == row.id), None)

    @extend_schema_field(EventSerializer(many=True))
    def get_timeline(self, row: queries.ApplicationView) -> Any:
        return EventSerializer(queries.timeline(row.id), many=True).data


class SupplementItemSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField()
    request_text = serializers.CharField()
    answered = serializers.BooleanField()


class SupplementSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    requested_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    answered_at = serializers.DateTimeField(allow_null=True)
    items = SupplementItemSerializer(many=True)


class SupplementAnswer(serializers.Serializer[Any]):
    """Multipart or JSON: `text.<kind>` answers in words, `file.<kind>` (multipart) with a JPEG, PNG or PDF."""

    texts = serializers.DictField(child=serializers.CharField(max_length=2000), required=False)


class GrantSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    product = serializers.CharField(source="product_code")
    status = serializers.ChoiceField(choices=GrantStatus.values)
    currency = serializers.SerializerMethodField()
    limit_cents = serializers.IntegerField()
    used_cents = serializers.IntegerField()
    pending_cents = serializers.IntegerField()
    free_cents = serializers.IntegerField()
    annual_rate = rate()
    irr12 = rate()
    xirr = rate()
    months = serializers.IntegerField()
    valid_until = serializers.DateTimeField()

    def get_currency(self, row: queries.GrantView) -> str:
        return queries.product(row.product_code).currency


@extend_schema_serializer(component_name="Drawdown")
class DrawdownRequest(serializers.Serializer[Any]):
    grant_id = serializers.UUIDField()
    amount_cents = serializers.IntegerField(min_value=1, max_value=MAX_CENTS)
    months = serializers.IntegerField(min_value=1, max_value=360)
    method = serializers.ChoiceField(choices=METHODS, default="equal_instalment")
    card_id = serializers.UUIDField()
    purpose = serializers.ChoiceField(choices=tuple(PURPOSES))


def _written(moment: datetime | None) -> Any:
    return None if moment is None else MOMENT.to_representation(moment)


class DrawdownSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    grant_id = serializers.UUIDField(source="grant_public_id")
    product = serializers.CharField(source="product_code")
    status = serializers.ChoiceField(choices=DrawdownStatus.values)
    currency = serializers.SerializerMethodField()
    amount_cents = serializers.IntegerField()
    months = serializers.IntegerField()
    method = serializers.CharField()
    annual_rate = rate()
    irr12 = rate()
    xirr = rate()
    funder = serializers.CharField(source="funder_code", help_text="Empty until a lender holds the money")
    pays_from = serializers.SerializerMethodField(help_text=PAYS_FROM)
    asks_again_at = serializers.SerializerMethodField(help_text=ASKS_AGAIN_AT)
    reasons = serializers.SerializerMethodField()
    confirmed_at = serializers.DateTimeField()
    paid_at = serializers.DateTimeField(allow_null=True)
    loan_id = serializers.UUIDField(source="loan_public_id", allow_null=True)

    def get_currency(self, row: queries.DrawdownView) -> str:
        return queries.product(row.product_code).currency

    @extend_schema_field(MOMENT)
    def get_pays_from(self, row: queries.DrawdownView) -> Any:
        return _written(openings.pays_from(row, clock.now()))

    @extend_schema_field(MOMENT)
    def get_asks_again_at(self, row: queries.DrawdownView) -> Any:
        return _written(openings.asks_again_at(row))

    @extend_schema_field(ReasonSerializer(many=True))
    def get_reasons(self, row: queries.DrawdownView) -> Any:
        return ReasonSerializer(queries.explained(row), many=True).data


class CardChange(serializers.Serializer[Any]):
    card_id = serializers.UUIDField()


class ContractSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    kind = serializers.CharField()
    title_en = serializers.CharField()
    title_zh = serializers.CharField()
    state = serializers.CharField()
    pdf_sha256 = serializers.CharField(allow_blank=True)
    signed_at = serializers.DateTimeField(allow_null=True)
    sealed_at = serializers.DateTimeField(allow_null=True)


@extend_schema_serializer(component_name="Sign")
class SignRequest(serializers.Serializer[Any]):
    code = serializers.CharField(max_length=10, help_text="The one-time code sent for purpose `sign`")


class OfferSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    application_id = serializers.UUIDField()
    platform = serializers.CharField()
    platform_name = serializers.CharField()
    platform_name_zh = serializers.CharField()
    place = serializers.IntegerField(help_text="1 is the best")
    odds = serializers.ChoiceField(choices=("likely", "even", "unlikely"), help_text="That it says yes to you")
    amount_cents = serializers.IntegerField()
    currency = serializers.CharField()
    months = serializers.IntegerField()
    instalment_cents = serializers.IntegerField()
    total_cents = serializers.IntegerField()
    annual_rate = rate()
    irr12 = rate()
    xirr = rate()
    commission_cents = serializers.IntegerField(help_text="What the platform would pay us")
    status = serializers.ChoiceField(
        choices=("open", "asking", "accepted", "paid", "refused", "returned", "closed"),
        help_text="asking: the platform is asked; closed: run out, replaced, or not open to you any more",
    )
    expires_at = serializers.DateTimeField()
    link = serializers.CharField(help_text="Where you go on at the platform; empty where it gave none")
    told_at = serializers.DateTimeField(allow_null=True, help_text="When your data went there")
    chosen_at = serializers.DateTimeField(allow_null=True)


class OfferAcceptance(serializers.Serializer[Any]):
    version = serializers.CharField(max_length=16, help_text="Of the document `distribution` that was shown")
    code = serializers.RegexField(r"^\d{6}$", help_text="Sent for purpose `consent`, subject `distribution`")


class InstalmentSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    due_date = serializers.DateField()
    principal_cents = serializers.IntegerField()
    interest_cents = serializers.IntegerField()
    guarantee_fee_cents = serializers.IntegerField()
    penalty_cents = serializers.IntegerField()
    paid_cents = serializers.IntegerField()
    open_cents = serializers.IntegerField()
    paid_at = serializers.DateTimeField(allow_null=True)


class LoanSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    product = serializers.CharField(source="product_code")
    status = serializers.ChoiceField(choices=LoanStatus.values)
    currency = serializers.SerializerMethodField()
    creditor = serializers.CharField()
    principal_cents = serializers.IntegerField()
    outstanding_principal_cents = serializers.IntegerField()
    annual_rate = rate()
    overdue_rate = rate()
    irr12 = rate()
    xirr = rate()
    months = serializers.IntegerField()
    method = serializers.CharField()
    value_date = serializers.DateField()
    days_past_due = serializers.IntegerField(source="dpd")
    next_due = serializers.SerializerMethodField()

    def get_currency(self, row: queries.LoanView) -> str:
        return queries.product(row.product_code).currency

    @extend_schema_field(InstalmentSerializer(allow_null=True))
    def get_next_due(self, row: queries.LoanView) -> Any:
        first = next((line for line in row.instalments if line.open_cents), None)
        return InstalmentSerializer(first).data if first else None


@extend_schema_serializer(component_name="Repayment")
class RepaymentRequest(serializers.Serializer[Any]):
    amount_cents = serializers.IntegerField(min_value=1, max_value=MAX_CENTS)
    card_id = serializers.UUIDField(required=False, help_text="Another confirmed card than the one paid out to")


class CollectionSerializer(serializers.Serializer[Any]):
    """Money on its way to us; `collected` once the payment channel has it."""

    id = serializers.UUIDField(source="public_id")
    amount_cents = serializers.IntegerField()
    state = serializers.CharField()
    created_at = serializers.DateTimeField()


class RepaymentSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    amount_cents = serializers.IntegerField()
    principal_cents = serializers.IntegerField()
    interest_cents = serializers.IntegerField()
    guarantee_fee_cents = serializers.IntegerField()
    penalty_cents = serializers.IntegerField()
    surplus_cents = serializers.IntegerField()
    received_at = serializers.DateTimeField()


class RepaymentsSerializer(serializers.Serializer[Any]):
    collections = CollectionSerializer(many=True)
    repayments = RepaymentSerializer(many=True)


class SettlementQuoteSerializer(serializers.Serializer[Any]):
    currency = serializers.CharField()
    amount_cents = serializers.IntegerField()
    principal_cents = serializers.IntegerField()
    interest_cents = serializers.IntegerField()
    guarantee_fee_cents = serializers.IntegerField()
    penalty_cents = serializers.IntegerField()
    fee_cents = serializers.IntegerField()
    valid_until = serializers.DateTimeField()


class AgreementSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    version = serializers.CharField()
    moment = serializers.CharField()
    accepted_by = serializers.ChoiceField(
        choices=AcceptedBy.values, help_text="`otp`: ask for a code with purpose `consent` and this document's code"
    )
    optional = serializers.BooleanField()
    recipients = serializers.ListField(child=serializers.CharField())
    title_en = serializers.CharField()
    title_zh = serializers.CharField()
    body_en = serializers.CharField()
    body_zh = serializers.CharField()
    given = serializers.BooleanField()


class DataUsedSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(
        ("source", "check", "lender", "platform", "message", "phone"),
        help_text="platform: another one that you chose; phone: taken from your own phone",
    )
    source = serializers.CharField()  # type: ignore[assignment]
    name_en = serializers.CharField()
    name_zh = serializers.CharField()
    vendor = serializers.CharField(help_text="Whom data went to")
    asked_for = serializers.ChoiceField(("application", "drawdown", "identity", "card", "loan", "offer", "contact"))
    pulled_at = serializers.DateTimeField()
    state = serializers.ChoiceField(
        (
            *("answered", "sent", "reused", "dead", "pending", "agreed", "refused", "not_asked", "not_authorised"),
            *("counted", "seen"),
        ),
        help_text="not_asked: nothing left, because no consent was live; not_authorised: nor was what the source needs "
        "beside it, see me/operator; counted: on arrival, and not kept itself",
    )
    times = serializers.IntegerField(help_text="More than one for text messages and devices only")
    reused_from_at = serializers.DateTimeField(allow_null=True, help_text="When the answer that was used again came")
    consent_id = serializers.UUIDField(allow_null=True)
    consent_code = serializers.CharField(help_text="Of the consent it stood on, or would have needed")
    consent_version = serializers.CharField()
    consent_title_en = serializers.CharField()
    consent_title_zh = serializers.CharField()
    consent_given_at = serializers.DateTimeField(allow_null=True)
    consent_withdrawn_at = serializers.DateTimeField(allow_null=True)
