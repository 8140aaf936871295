"""Contract templates, the contracts of a drawdown, and the borrower's signatures."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django_fsm import FSMModelMixin, transition

from contracts.rules import kinds
from lending.common.crypto import EncryptedJSONField, EncryptedTextField
from lending.common.states import StateField
from lending.common.work import WorkRow


class Kind(models.TextChoices):
    COST_SHEET = kinds.COST_SHEET, "综合融资成本明示表 Cost sheet"
    LOAN_AGREEMENT = kinds.LOAN_AGREEMENT, "借款合同 Loan agreement"
    GUARANTEE = kinds.GUARANTEE, "委托担保合同 Guarantee"
    DEBIT_MANDATE = kinds.DEBIT_MANDATE, "代扣授权书 Debit mandate"
    ACCOUNT_ANNEX = kinds.ACCOUNT_ANNEX, "收款账户变更附件 Account annex"
    NOTE = kinds.NOTE, "借据及还款计划 Loan note"
    TRANSFER_NOTICE = kinds.TRANSFER_NOTICE, "债权转让通知书 Transfer notice"
    SETTLED_LETTER = kinds.SETTLED_LETTER, "结清证明 Settlement letter"


class ContractState(models.TextChoices):
    ISSUED = "ISSUED", "已生成 Issued"
    RENDERED = "RENDERED", "待签署 Rendered"
    SIGNED = "SIGNED", "已签署 Signed"
    SEALED = "SEALED", "已盖章 Sealed"
    VOID = "VOID", "已作废 Void"


S = ContractState


class TemplateState(models.TextChoices):
    DRAFT = "draft", "草稿 Draft"
    APPROVED = "approved", "已批准 Approved"
    WITHDRAWN = "withdrawn", "已撤回 Withdrawn"
    REJECTED = "rejected", "已驳回 Rejected"


TS = TemplateState


class Template(FSMModelMixin, models.Model):
    """One version of one text, whole in itself: HTML, style, and the typed variables it prints.

    Selectors: null fits everything. Approved by somebody other than the author; then only `valid_to` may still change.
    Withdrawn by its author, or rejected by somebody else, for a reason: then nothing changes, and the next is a new
    version.
    `source_sha256`: over the HTML, a newline, and the style.
    """

    code = models.CharField(max_length=60)
    version = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=20, choices=Kind.choices)
    title_zh = models.CharField(max_length=80)
    title_en = models.CharField(max_length=80)
    channel_code = models.CharField(max_length=20, null=True, blank=True)  # noqa: DJ001
    funder_code = models.CharField(max_length=20, null=True, blank=True)  # noqa: DJ001
    product_code = models.CharField(max_length=20, null=True, blank=True)  # noqa: DJ001
    mode = models.CharField(max_length=12, null=True, blank=True)  # noqa: DJ001
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)
    variables = models.JSONField(
        help_text="{name: text | money | rate | count | date | instant | flag | plan}; with ? behind it: optional"
    )
    source = models.TextField()
    style = models.TextField()
    source_sha256 = models.CharField(max_length=64)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    approver = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField()
    approved_at = models.DateTimeField(null=True)
    state = StateField(default=TS.DRAFT, choices=TS.choices)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    closed_at = models.DateTimeField(null=True)
    closed_for = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["kind", "code", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["code", "version"], name="contract_template_version"),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="contract_template_kind_known"),
            models.CheckConstraint(
                condition=Q(approver__isnull=True) | ~Q(approver=F("author")), name="contract_template_four_eyes"
            ),
            models.CheckConstraint(
                condition=Q(approver__isnull=True, approved_at__isnull=True)
                | Q(approver__isnull=False, approved_at__isnull=False),
                name="contract_template_approved_who_and_when",
            ),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
                name="contract_template_days_in_order",
            ),
            models.CheckConstraint(
                condition=Q(state=TS.APPROVED, approved_at__isnull=False)
                | (Q(state__in=[TS.DRAFT, TS.WITHDRAWN, TS.REJECTED], approved_at__isnull=True)),
                name="contract_template_state_and_approval",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[TS.DRAFT, TS.APPROVED], closed_by__isnull=True, closed_at__isnull=True)
                | (Q(state=TS.WITHDRAWN, closed_by=F("author"), closed_at__isnull=False) & ~Q(closed_for=""))
                | (Q(state=TS.REJECTED, closed_at__isnull=False) & ~Q(closed_by=F("author")) & ~Q(closed_for="")),
                name="contract_template_state_and_closing",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} v{self.version}"

    @transition(field=state, source=TS.DRAFT, target=TS.APPROVED)
    def approve(self) -> None: ...

    @transition(field=state, source=TS.DRAFT, target=TS.WITHDRAWN)
    def withdraw(self) -> None: ...

    @transition(field=state, source=TS.DRAFT, target=TS.REJECTED)
    def reject(self) -> None: ...


class Signature(models.Model):
    """One code signed these documents. Append-only: with the row of its code it is the evidence (存证).

    `documents`: {kind: SHA-256 of the PDF as it was shown}; `set_sha256` over all of them.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    drawdown = models.ForeignKey("lending.Drawdown", models.PROTECT, related_name="signatures")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    otp = models.ForeignKey("users.LoginCode", models.PROTECT, related_name="+")
    ip = EncryptedTextField(null=True, help_text="Emptied when nothing is kept any more")
    documents = models.JSONField()
    set_sha256 = models.CharField(max_length=64)
    cost_sheet_opened_at = models.DateTimeField(null=True)
    signed_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return str(self.public_id)


class Contract(FSMModelMixin, WorkRow):
    """One document of one drawdown. `values`: what was filled in, typed as the template declares.

    `rendered_sha256` is what the borrower saw and signed; `sha256` and `size` are of the file as it now is. A sealed
    file begins with the signed bytes (`rendered_size` of them), so both can be recomputed from it.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    number = models.CharField(max_length=40, unique=True)
    drawdown = models.ForeignKey("lending.Drawdown", models.PROTECT, related_name="contracts")
    loan = models.ForeignKey("lending.Loan", models.PROTECT, null=True, related_name="contracts")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    template = models.ForeignKey(Template, models.PROTECT, related_name="contracts")
    state = StateField(default=S.ISSUED, choices=S.choices)
    values = EncryptedJSONField()
    file = models.CharField(max_length=120, blank=True, help_text="Name in the file storage; encrypted there")
    rendered_sha256 = models.CharField(max_length=64, blank=True)
    rendered_size = models.PositiveIntegerField(null=True)
    sha256 = models.CharField(max_length=64, null=True)  # noqa: DJ001
    size = models.PositiveIntegerField(null=True)
    first_opened_at = models.DateTimeField(null=True)
    rendered_at = models.DateTimeField(null=True)
    signature = models.ForeignKey(Signature, models.PROTECT, null=True, related_name="contracts")
    signed_at = models.DateTimeField(null=True)
    sealed_at = models.DateTimeField(null=True)
    voided_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["id"], condition=~Q(state__in=[S.SEALED, S.VOID]), name="contract_to_do"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=S.values), name="contract_state_known"),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="contract_kind_known"),
            models.UniqueConstraint(
                fields=["drawdown", "kind"], condition=~Q(state=S.VOID), name="one_live_contract_of_a_kind"
            ),
            models.CheckConstraint(
                condition=Q(signed_at__isnull=True, signature__isnull=True)
                | Q(signed_at__isnull=False, signature__isnull=False),
                name="contract_signed_who_and_when",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[S.ISSUED, S.VOID])
                | Q(
                    sha256__isnull=False,
                    size__isnull=False,
                    size__gt=0,
                    rendered_size__isnull=False,
                    rendered_size__gt=0,
                    rendered_at__isnull=False,
                )
                & ~Q(rendered_sha256="")
                & ~Q(file=""),
                name="contract_rendered_has_its_file",
            ),
            models.CheckConstraint(
                condition=~Q(state=S.SIGNED) | Q(signed_at__isnull=False), name="contract_signed_has_signature"
            ),
            models.CheckConstraint(
                condition=~Q(state=S.SEALED)
                | Q(sealed_at__isnull=False, sha256__isnull=False)
                & (Q(signed_at__isnull=False) | Q(kind__in=kinds.SEALED_AT_ONCE)),
                name="contract_sealed_has_its_hash",
            ),
            models.CheckConstraint(
                condition=Q(state=S.VOID, voided_at__isnull=False) | ~Q(state=S.VOID) & Q(voided_at__isnull=True),
                name="contract_void_says_when",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def complete(self) -> bool:
        """Nothing more is to happen to it before the payout."""
        final = S.SEALED if kinds.AGREED_BY[self.kind] in (kinds.OTP_SEAL, kinds.SEAL) else S.SIGNED
        return self.state == final

    @transition(field=state, source=S.ISSUED, target=S.RENDERED)
    def render(self) -> None: ...

    @transition(field=state, source=S.RENDERED, target=S.SIGNED)
    def sign(self) -> None: ...

    @transition(field=state, source=[S.RENDERED, S.SIGNED], target=S.SEALED)
    def seal(self) -> None: ...

    @transition(field=state, source=[S.ISSUED, S.RENDERED, S.SIGNED, S.SEALED], target=S.VOID)
    def void(self) -> None: ...
