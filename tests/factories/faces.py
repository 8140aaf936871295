"""Faces that wait for a person."""

from datetime import datetime

from tests.factories.borrowers import IP, borrower
from tests.factories.pictures import photo
from users import queries
from users.models import FaceReview, Source, User
from users.services import access, certificates, face_reviews


def photographed(user_id: int, at: datetime, kinds: tuple[str, ...] = ("id_front", "face_photo")) -> None:
    """The pictures a person needs, kept under the text in force."""
    document = queries.document("certificates", at)
    assert document
    for kind in kinds:
        content = photo(size=(80, 60) if kind == "face_photo" else (60, 40))
        certificates.add(user_id=user_id, kind=kind, content=content, version=document.version, ip=IP, at=at)


def waiting(at: datetime) -> FaceReview:
    """Asked for while the source is on, which it stays."""
    Source.objects.filter(code="face").update(enabled=True)
    user_id = borrower(at)
    photographed(user_id, at)
    return FaceReview.objects.get(pk=face_reviews.ask(user_id=user_id, at=at))


def looked_at(at: datetime) -> FaceReview:
    """By everybody of staff; the source is off again."""
    review = waiting(at)
    Source.objects.filter(code="face").update(enabled=False)
    for pk in User.objects.filter(kind="staff").values_list("pk", flat=True):
        seen = {"subject": f"user:{review.user_id}", "fields": face_reviews.SHOWN, "reason": "to compare them"}
        access.record(by=f"staff:{pk}", at=at, **seen)
    return review
