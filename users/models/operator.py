"""What lets a phone operator's report be read: the number's holder says so to the carrier itself, for a while."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django_fsm import FSMModelMixin, transition

from lending.common.crypto import EncryptedTextField
from lending.common.states import StateField
from lending.common.work import WorkRow


class OperatorState(models.TextChoices):
    STARTED = "started", "Being begun at the carrier"
    CODE_SENT = "code_sent", "The carrier has sent a code"
    REDIRECTED = "redirected", "The carrier's page is open"
    AUTHORISED = "authorised", "Authorised"
    EXPIRED = "expired", "Over"
    REFUSED = "refused", "Refused"


UNDER_WAY = (OperatorState.STARTED, OperatorState.CODE_SENT, OperatorState.REDIRECTED)
LIVE = (*UNDER_WAY, OperatorState.AUTHORISED)


class OperatorEnd(models.TextChoices):
    """Why one is over, or what went wrong last while it is under way."""

    WRONG_CODE = "wrong_code", "The last code was wrong"
    WRONG_CODES = "wrong_codes", "Too many wrong codes"
    REFUSED = "refused", "Refused at the carrier"
    NOT_POSSIBLE = "not_possible", "The carrier does not know the number as the borrower's"
    NO_ANSWER = "no_answer", "The carrier did not answer"
    NOT_FINISHED = "not_finished", "Not finished in time"
    BEGUN_AGAIN = "begun_again", "Begun again"
    RUN_OUT = "run_out", "Its time ran out"
    NOT_TAKEN = "not_taken", "The carrier takes it no more"
    CONSENT_WITHDRAWN = "consent_withdrawn", "The consent was withdrawn"
    OTHER_PHONE = "other_phone", "The borrower has another number"
    ERASED = "erased", "The account was erased"


class OperatorAuthorisation(FSMModelMixin, WorkRow):
    """One way through a carrier's own authorisation, and what came of it.

    `key` names it at the vendor; the code of try n goes out under `key-n`. `phone_index` is of the number it is for.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="operator_authorisations")
    state = StateField(default=OperatorState.STARTED, choices=OperatorState.choices)
    consent = models.ForeignKey("users.Consent", on_delete=models.PROTECT, related_name="+")
    recipient = models.CharField(max_length=40)
    phone_index = models.CharField(max_length=64, editable=False)
    carrier = models.CharField(max_length=32, blank=True)
    page = EncryptedTextField(null=True, blank=True, help_text="The carrier's page, while it is open")
    code = EncryptedTextField(null=True, blank=True, help_text="What was typed, until the carrier has looked at it")
    tries = models.PositiveSmallIntegerField(default=0, help_text="Codes typed")
    token = EncryptedTextField(null=True, blank=True, help_text="What the report is asked with, while it is live")
    why = models.CharField(max_length=20, choices=OperatorEnd, blank=True)
    authorised_at = models.DateTimeField(null=True, blank=True)
    valid_until = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-pk",)
        indexes = (
            models.Index(fields=["user", "-created_at"], name="users_operator_latest"),
            models.Index(fields=["valid_until"], name="users_operator_runs_out", condition=Q(state="authorised")),
        )
        constraints = (
            models.UniqueConstraint(
                name="users_operator_one_live",
                fields=["user"],
                condition=Q(state__in=["started", "code_sent", "redirected", "authorised"]),
            ),
            models.CheckConstraint(
                name="users_operator_authorised_until",
                condition=Q(state="authorised", authorised_at__isnull=False, valid_until__isnull=False)
                | Q(state="expired", authorised_at__isnull=False, valid_until__isnull=False)
                | (~Q(state="authorised") & Q(authorised_at__isnull=True, valid_until__isnull=True)),
            ),
            models.CheckConstraint(
                name="users_operator_valid_after",
                condition=Q(valid_until__isnull=True) | Q(valid_until__gt=models.F("authorised_at")),
            ),
            models.CheckConstraint(
                name="users_operator_token_while_live",
                condition=Q(state="authorised", token__isnull=False) | (~Q(state="authorised") & Q(token__isnull=True)),
            ),
            models.CheckConstraint(
                name="users_operator_page_while_open",
                condition=Q(state="redirected", page__isnull=False) | (~Q(state="redirected") & Q(page__isnull=True)),
            ),
            models.CheckConstraint(
                name="users_operator_code_while_asked", condition=Q(state="code_sent") | Q(code__isnull=True)
            ),
            models.CheckConstraint(
                name="users_operator_over_since",
                condition=Q(state__in=["expired", "refused"], ended_at__isnull=False)
                | (~Q(state__in=["expired", "refused"]) & Q(ended_at__isnull=True)),
            ),
        )

    def __str__(self) -> str:
        return f"operator authorisation {self.pk}"

    @transition(field=state, source=OperatorState.STARTED, target=OperatorState.CODE_SENT)
    def code_sent(self) -> None: ...

    @transition(field=state, source=OperatorState.STARTED, target=OperatorState.REDIRECTED)
    def redirected(self) -> None: ...

    @transition(
        field=state, source=[OperatorState.CODE_SENT, OperatorState.REDIRECTED], target=OperatorState.AUTHORISED
    )
    def authorised(self) -> None: ...

    @transition(field=state, source=list(UNDER_WAY), target=OperatorState.REFUSED)
    def refused(self) -> None: ...

    @transition(field=state, source=list(LIVE), target=OperatorState.EXPIRED)
    def expired(self) -> None: ...
