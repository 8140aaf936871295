"""Verification by telephone (电核): the scripts, who was called and what came of it, and what was answered."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django_fsm import FSMModelMixin, transition

from lending.common.crypto import EncryptedTextField
from lending.common.states import StateField
from review.rules.phone import Agreement, Kind, Result

from .case import Case
from .queue import Queue


class Callee(models.TextChoices):
    BORROWER = "borrower", "借款人 Borrower"
    EMPLOYER = "employer", "单位 Employer"
    CONTACT = "contact", "联系人 Contact"


class CallResult(models.TextChoices):
    ANSWERED = "answered", "接通 Answered"
    NO_ANSWER = "no_answer", "无人接听 No answer"
    REFUSED = "refused", "拒绝沟通 Refused"
    WRONG_NUMBER = "wrong_number", "号码不符 Wrong number"
    VOICEMAIL = "voicemail", "语音信箱 Voicemail"


QUESTION_KINDS = [
    (Kind.YES_NO.value, "是否 Yes or no"),
    (Kind.CHOICE.value, "选择 Choice"),
    (Kind.TEXT.value, "文字 Text"),
    (Kind.NUMBER.value, "数字 Number"),
    (Kind.DATE.value, "日期 Date"),
]
AGREEMENTS = [
    (Agreement.MATCH.value, "一致 Match"),
    (Agreement.NEAR.value, "接近 Near"),
    (Agreement.MISMATCH.value, "不一致 Mismatch"),
    (Agreement.CANNOT_TELL.value, "无法判断 Cannot tell"),
]
RESULTS = [
    (Result.VERIFIED.value, "已核实 Verified"),
    (Result.NOT_VERIFIED.value, "未核实 Not verified"),
    (Result.MISMATCHES.value, "有不一致 Mismatches"),
]


class PhoneScript(models.Model):
    """What is asked of one kind of person for the cases of a queue. The highest version is in force; a verification
    goes on in the version it began with. `required`: no approval is recommended without it."""

    queue = models.ForeignKey(Queue, models.PROTECT, related_name="scripts")
    callee = models.CharField(max_length=8, choices=Callee.choices)
    version = models.PositiveSmallIntegerField()
    required = models.BooleanField()
    opening_en = models.CharField(max_length=300)
    opening_zh = models.CharField(max_length=300)

    class Meta:
        ordering = ["queue_id", "callee", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["queue", "callee", "version"], name="review_script_version_once"),
            models.CheckConstraint(condition=Q(callee__in=Callee.values), name="review_script_callee_known"),
        ]

    def __str__(self) -> str:
        return f"{self.queue_id} {self.callee} v{self.version}"


class PhoneQuestion(models.Model):
    """`compare`: the name of the file's value. `next`: {answer, agreement or "*": key of a later question or END}.

    `options`: [[value, text_en, text_zh]] of a choice.
    """

    script = models.ForeignKey(PhoneScript, models.PROTECT, related_name="questions")
    key = models.SlugField(max_length=30)
    position = models.PositiveSmallIntegerField()
    text_en = models.CharField(max_length=200)
    text_zh = models.CharField(max_length=200)
    kind = models.CharField(max_length=8, choices=QUESTION_KINDS)
    options = models.JSONField(default=list, blank=True)
    compare = models.CharField(max_length=30, blank=True)
    critical = models.BooleanField(default=False)
    next = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["script_id", "position"]
        constraints = [
            models.UniqueConstraint(fields=["script", "key"], name="review_question_key_once"),
            models.UniqueConstraint(fields=["script", "position"], name="review_question_position_once"),
        ]

    def __str__(self) -> str:
        return self.key


class CheckState(models.TextChoices):
    OPEN = "open", "进行中 Open"
    BROKEN_OFF = "broken_off", "中断 Broken off"
    DONE = "done", "完成 Done"


class PhoneCheck(FSMModelMixin, models.Model):
    """One verification: the questions of a script, put to one person in one call or several.

    `at_question`: the key of the next one, empty once all are asked. Open and broken off: at most one a case and kind
    of person. `mismatches`: the keys where the answer does not fit the file.
    """

    case = models.ForeignKey(Case, models.PROTECT, related_name="phone_checks")
    script = models.ForeignKey(PhoneScript, models.PROTECT, related_name="+")
    callee = models.CharField(max_length=8, choices=Callee.choices)
    state = StateField(default=CheckState.OPEN, choices=CheckState.choices)
    at_question = models.CharField(max_length=30, blank=True)
    result = models.CharField(max_length=12, choices=RESULTS, blank=True)
    mismatches = ArrayField(models.CharField(max_length=30), default=list, blank=True)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    started_at = models.DateTimeField()
    finished_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["case", "callee"],
                condition=~Q(state=CheckState.DONE),
                name="review_one_phone_check_under_way",
            ),
            models.CheckConstraint(condition=Q(state__in=CheckState.values), name="review_phone_check_state_known"),
            models.CheckConstraint(
                condition=Q(state=CheckState.DONE, finished_by__isnull=False, finished_at__isnull=False, at_question="")
                & ~Q(result="")
                | ~Q(state=CheckState.DONE) & Q(finished_by__isnull=True, finished_at__isnull=True, result=""),
                name="review_phone_check_done_has_a_result",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case_id} {self.callee}"

    @transition(field=state, source=CheckState.OPEN, target=CheckState.BROKEN_OFF)
    def break_off(self) -> None: ...

    @transition(field=state, source=[CheckState.OPEN, CheckState.BROKEN_OFF], target=CheckState.OPEN)
    def take_up(self) -> None: ...

    @transition(field=state, source=[CheckState.OPEN, CheckState.BROKEN_OFF], target=CheckState.DONE)
    def finish(self) -> None: ...


class PhoneAttempt(models.Model):
    """A number that was shown to be called. A trigger lets only its result be written, once.

    `position`: which contact. Without a result yet: the call is under way, or its caller has not said.
    """

    case = models.ForeignKey(Case, models.PROTECT, related_name="phone_attempts")
    callee = models.CharField(max_length=8, choices=Callee.choices)
    position = models.PositiveSmallIntegerField(null=True, blank=True)
    number = EncryptedTextField()
    number_index = models.CharField(max_length=64, editable=False)
    number_masked = models.CharField(max_length=20)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    called_at = models.DateTimeField()
    result = models.CharField(max_length=12, choices=CallResult.choices, blank=True)
    result_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["number_index", "-called_at"], name="review_calls_of_a_number")]
        constraints = [
            models.CheckConstraint(
                condition=Q(result="", result_at__isnull=True)
                | Q(result__in=CallResult.values, result_at__isnull=False),
                name="review_call_result_known",
            ),
            models.UniqueConstraint(fields=["case"], condition=Q(result=""), name="review_one_call_under_way_per_case"),
            models.CheckConstraint(
                condition=Q(callee=Callee.CONTACT, position__isnull=False)
                | ~Q(callee=Callee.CONTACT) & Q(position__isnull=True),
                name="review_call_names_its_contact",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.callee} {self.number_masked}"


class PhoneAnswer(models.Model):
    """What was answered. `agreement` is empty where there is nothing to compare with. A changed answer replaces the
    earlier one, which stays with the instant at which it was."""

    check_of = models.ForeignKey(PhoneCheck, models.PROTECT, related_name="answers")
    question = models.ForeignKey(PhoneQuestion, models.PROTECT, related_name="+")
    answer = EncryptedTextField()
    agreement = models.CharField(max_length=12, choices=AGREEMENTS, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    answered_at = models.DateTimeField()
    replaced_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["check_of", "question"], condition=Q(replaced_at=None), name="review_one_answer_a_question"
            )
        ]

    def __str__(self) -> str:
        return f"{self.check_of_id} {self.question_id}"
