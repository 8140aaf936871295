"""Who reviews, at which level, with which skills."""

from collections.abc import Sequence

from lending.common.crypto import blind_index
from lending.common.errors import Invalid
from review.models import Level, Reviewer
from review.models.people import LANGUAGES
from users.rules import identity


def appoint(
    *,
    user_id: int,
    level: int,
    skills: Sequence[str],
    languages: Sequence[str] = LANGUAGES,
    phone: str = "",
    id_number: str = "",
) -> None:
    """Make or change a reviewer. `phone` and `id_number` are the person's own: their own application is kept from them.

    Raises Invalid for an unknown level.
    """
    if level not in Level.values:
        raise Invalid(f"R{level} is not a level.", fields={"level": "1 to 4"})
    values: dict[str, object] = {
        "level": level,
        "skills": list(skills),
        "languages": list(languages),
        "active": True,
    }
    if phone:
        values["phone_index"] = blind_index(identity.phone(phone), "phone")
    if id_number:
        values["id_index"] = blind_index(identity.id_number(id_number), "id_number")
    Reviewer.objects.update_or_create(user_id=user_id, defaults=values)
