"""A person compares a face: for whoever is not compared by the vendor, or could not be."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django_fsm import FSMModelMixin, transition

from lending.common.states import StateField


class FaceReviewState(models.TextChoices):
    WAITING = "waiting", "Waiting for a person"
    PASSED = "passed", "The same person"
    REFUSED = "refused", "Not the same person"
    REPLACED = "replaced", "Asked again with other pictures"


class FaceReview(FSMModelMixin, models.Model):
    """Two pictures that the borrower keeps with us, side by side before somebody of staff, and what they say."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="face_reviews")
    front = models.ForeignKey(
        "users.Certificate", on_delete=models.PROTECT, related_name="+", help_text="Side of the ID card with the face"
    )
    portrait = models.ForeignKey("users.Certificate", on_delete=models.PROTECT, related_name="+")
    subject_index = models.CharField(
        max_length=64, editable=False, help_text="Blind index of the name and ID number declared then"
    )
    state = StateField(default=FaceReviewState.WAITING, choices=FaceReviewState.choices)
    asked_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=40, blank=True)

    class Meta:
        ordering = ("-pk",)
        permissions = (("compare_face", "Can say whether two pictures show the same person"),)
        indexes = (models.Index(fields=["user", "-decided_at"], name="users_facereview_latest"),)
        constraints = (
            models.CheckConstraint(name="users_facereview_two_pictures", condition=~Q(front=F("portrait"))),
            models.CheckConstraint(
                name="users_facereview_decided_by_staff",
                condition=Q(state__in=["passed", "refused"], decided_at__isnull=False, decided_by__startswith="staff:")
                | Q(state__in=["waiting", "replaced"], decided_at__isnull=True, decided_by=""),
            ),
            models.UniqueConstraint(name="users_facereview_one_waiting", fields=["user"], condition=Q(state="waiting")),
        )

    def __str__(self) -> str:
        return f"face of user {self.user_id}"

    @transition(field=state, source=FaceReviewState.WAITING, target=FaceReviewState.PASSED)
    def passed(self) -> None: ...

    @transition(field=state, source=FaceReviewState.WAITING, target=FaceReviewState.REFUSED)
    def refused(self) -> None: ...

    @transition(field=state, source=FaceReviewState.WAITING, target=FaceReviewState.REPLACED)
    def replaced(self) -> None: ...
