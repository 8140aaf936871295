"""From the page of taking money to the camera and back, and no money without it."""

import re
from datetime import datetime
from html import unescape
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from lending import flow
from lending.models import Drawdown, Grant
from tests.conftest import Clock
from tests.doors.test_pages import shown, visit
from tests.factories import loans as factory
from tests.factories.borrowers import borrower
from tests.factories.configuration import configure
from tests.factories.faces import photographed
from tests.factories.staff import officer
from tests.sandbox_server import SandboxClient
from users import queries as users
from users.models import Check, FaceReview, Source, User
from users.services import checks, faces


@pytest.fixture
def at(db: None, clock: Clock, sandbox: SandboxClient) -> datetime:
    configure(clock.at, apps=("lending", "users", "funding", "traffic"))
    Source.objects.filter(code="face").update(enabled=True)
    return clock.at


def camera(page: str) -> str:
    found = re.search(r'href="(http[^"]+/face/v1/live[^"]+)"', page)
    assert found, page
    return unescape(found[1])


def looked(page: str) -> str:
    """The address on our side that the vendor's page sends a browser to."""
    answer = httpx.get(camera(page), follow_redirects=False)
    assert answer.status_code == 302, answer.text
    parts = urlsplit(answer.headers["Location"])
    return f"{parts.path}?{parts.query}"


class TestTheWay:
    def test_leads_from_the_draw_to_the_camera_and_back(self, at: datetime, clock: Clock) -> None:
        who = factory.taker(at)
        grant = Grant.objects.get(pk=factory.granted(at, who))
        client, terms = visit(who.user_id), "amount=5000&months=12&method=equal_instalment&purpose=education"
        draw = f"/grants/{grant.public_id}/draw/?{terms}"
        page = shown(client, draw)
        link = re.search(r'href="(/me/face/[^"]+)"', page)
        assert link, page
        place = unescape(link[1])
        assert "picture of my face" in shown(client, place)
        assert client.post(place, {}).status_code == 422
        assert client.post(place, {"accept": "on"}).headers["Location"] == place
        answer = client.get(looked(shown(client, place)))
        assert unquote(answer.headers["Location"]) == unquote(place)
        assert "being compared" in shown(client, place)
        checks.run_check(check_id=Check.objects.get(kind="face").pk, now=clock.at)
        page = shown(client, place)
        assert "It is you." in page
        assert unescape(re.search(r'class="button" href="([^"]+)"', page)[1]) == draw  # type: ignore[index]
        assert "Look into the camera" not in shown(client, draw)

    def test_what_comes_back_is_taken_only_from_whom_we_sent(self, at: datetime, clock: Clock) -> None:
        client = visit(borrower(at))
        client.post("/me/face/", {"accept": "on"})
        back = looked(shown(client, "/me/face/"))
        other = visit(borrower(at))
        other.post("/me/face/", {"accept": "on"})
        assert other.get(back).status_code == 404
        assert client.get("/me/face/return/?state=x&liveness_token=live-1234").status_code == 404
        clock.move(minutes=5)
        assert client.get(back).status_code == 404
        assert Check.objects.filter(kind="face").count() == 0

    def test_a_link_from_outside_cannot_lead_away(self, at: datetime) -> None:
        client = visit(borrower(at))
        Source.objects.filter(code="face").update(enabled=False)
        page = shown(client, "/me/face/?next=https://evil.example/")
        assert 'href="https://evil' not in page
        assert 'href="/home/"' in page


class TestByAPerson:
    def test_leads_from_the_question_to_the_verdict(self, at: datetime) -> None:
        user_id = borrower(at)
        client, desk = visit(user_id), Client()
        assert "Rather have a person look?" in shown(client, "/me/face/")
        refused = client.post("/me/face/", {"ask": "person"})
        assert (refused.status_code, FaceReview.objects.count()) == (422, 0)
        assert refused.content.decode().count("Photos of your ID card and of yourself are needed first") == 1
        assert "Without this consent" not in refused.content.decode()
        photographed(user_id, at)
        assert client.post("/me/face/", {"ask": "person"}).status_code == 302
        assert "A person will look at your pictures" in shown(client, "/me/face/")
        assert users.face_needed(user_id, at)

        review = FaceReview.objects.get()
        desk.force_login(User.objects.get(pk=int(officer(at).removeprefix("staff:"))))
        act = f"{reverse('admin:users_facereview_act', args=['same'])}?ids={review.pk}"
        assert "Look at both pictures first" in desk.post(act, {"reason": "looks alike"}).content.decode()
        page = desk.post(
            reverse("admin:users_facereview_revealed", args=[review.pk]), {"reason": "to compare them"}
        ).content.decode()
        assert page.count("data:image/jpeg") == 2
        assert desk.post(act, {"reason": "the same nose"}).status_code == 302
        assert desk.get(reverse("admin:users_facereview_change", args=[review.pk])).status_code == 200
        assert not users.face_needed(user_id, at)
        assert "Rather have a person look?" not in shown(client, "/me/face/")

    def test_over_the_api(self, at: datetime) -> None:
        user_id = borrower(at)
        api = APIClient()
        api.force_authenticate(User.objects.get(pk=user_id))
        path = "/api/v1/me/face/person"
        assert (api.get(path).status_code, api.post(path).status_code) == (404, 409)
        photographed(user_id, at)
        told = api.post(path)
        assert (told.status_code, told.json()["state"]) == (202, "waiting")
        assert api.get(path).json() == told.json()


class TestTakingMoney:
    def test_waits_for_the_face(self, at: datetime) -> None:
        who = factory.taker(at)
        terms: dict[str, Any] = {
            "user_id": who.user_id,
            "grant_id": factory.granted(at, who),
            "amount_cents": 500_000,
            "months": 12,
            "method": "equal_instalment",
            "card_id": who.card_id,
            "purpose": "education",
            "by": f"user:{who.user_id}",
            "at": at,
        }
        assert users.face_needed(who.user_id, at)
        with pytest.raises(faces.FaceNeeded):
            flow.confirm_drawdown(**terms)
        assert not Drawdown.objects.exists()
