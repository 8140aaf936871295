"""A borrower brings both sides of the ID card on a phone, reads how they were read, and shows their face."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from tests.browser.test_borrower import PHONE, visitor
from tests.browser.visitor import Visitor
from tests.conftest import Clock
from tests.factories.pictures import photo
from users.models import Certificate, Profile, Source, User
from users.services import profiles

__all__ = ["visitor"]  # the fixture
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def brings(one: Visitor, kind: str, picture: Path) -> None:
    one.open("/me/documents/")
    one.choose("kind", kind)
    one.page.set_input_files("[name=file]", picture)
    if one.page.locator("[name=accept]").count():
        one.look("documents-consent")
        one.page.locator("[name=accept]").check()
    one.go()


def test_documents_and_face(visitor: Callable[..., Visitor], clock: Clock, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    Source.objects.filter(code="face").update(enabled=True)
    one = visitor(width=PHONE, locale="en-GB")
    one.open("/sign-in/?next=/me/")
    one.signs_in()
    one.until_there("/me/")
    who, user = one.person, User.objects.get(kind="borrower")
    with transaction.atomic():
        profiles.save(user_id=user.pk, name=who.name, id_number=who.id_number, by=f"user:{user.pk}", at=clock.at)
    for grey, kind in enumerate(("id_front", "id_back")):
        picture = tmp_path / f"{kind}.jpg"
        picture.write_bytes(photo(40 + 100 * grey, (1600, 1000)))
        brings(one, kind, picture)
    one.until_shown("text=has been read")
    one.look("documents")
    assert Profile.objects.get(user=user).expiry_check is not None
    link = one.page.locator("a[href^='/me/files/']").first.get_attribute("href")
    assert one.page.request.get(f"{one.site}{link}").headers["content-type"] == "image/jpeg"
    assert Certificate.objects.filter(state="kept").count() == 2

    picture = tmp_path / "self.jpg"
    picture.write_bytes(photo(90, (1000, 1400)))
    brings(one, "face_photo", picture)
    one.open("/me/face/?next=/me/documents/")
    one.look("face-consent")
    one.page.get_by_role("button", name="Ask for a person").click()
    one.until_shown("text=A person will look at your pictures")
    one.look("face-by-a-person")
    one.page.locator("[name=accept]").check()
    one.go()
    one.look("face")
    one.go()  # to the vendor's page and back
    one.until_shown('text="It is you."')
    one.look("face-passed")
    one.go()
    one.until_there("/me/documents/")
    assert one.faults == []
