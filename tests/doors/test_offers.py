"""Loans of other platforms, as their borrower meets them: over the API, and on the pages in both languages."""

import re
from datetime import datetime

import pytest
from django.test import Client

from tests.conftest import Clock
from tests.doors.test_borrower_api import Caller, nothing_changes, problem
from tests.doors.test_pages import CHINESE, shown, visit
from tests.factories.borrowers import borrower, one_time_code
from tests.factories.configuration import configure
from tests.factories.offers import declined, offered
from tests.factories.tokens import access_token
from traffic.models import Lead, Offer, OfferSearch
from traffic.providers.base import LeadAnswer
from traffic.services import settle_lead
from users.models import Consent, Message
from users.services import tags


@pytest.fixture
def at(clock: Clock, db: None) -> datetime:
    configure(clock.at, ("lending", "users", "funding", "review", "traffic"))
    return clock.at


def caller(client: Client, user_id: int, at: datetime) -> Caller:
    return Caller(client, access_token(user_id, at))


class TestApi:
    def test_is_looked_for_chosen_and_followed(self, at: datetime, client: Client) -> None:
        user_id = borrower(at)
        call = caller(client, user_id, at)
        assert call("get", "offers").json() == []
        assert problem(call("post", "offers")) == (409, "nothing_to_look_for")
        declined(at, user_id=user_id)
        found = call("post", "offers").json()
        assert [(row["platform"], row["odds"], row["status"]) for row in found] == [
            ("SUNNY", "even", "open"),
            ("BRIDGE", "even", "open"),
        ]
        assert call("post", "offers").json() == found
        assert OfferSearch.objects.count() == 1
        first, path = found[0], f"offers/{found[0]['id']}/accept"
        assert (first["instalment_cents"], first["commission_cents"], first["link"]) == (91_680, 3_000, "")
        assert problem(call("get", "agreements?moment=distribution")) == (422, "invalid")
        [text] = call("get", f"agreements?moment=distribution&offer_id={first['id']}").json()
        assert (text["code"], text["recipients"], text["given"]) == ("distribution", ["SUNNY"], False)
        assert problem(call("post", path, {"version": "1", "code": "x"})) == (422, "invalid")
        assert problem(call("post", path, {"version": "0", "code": "123456"})) == (409, "document_outdated")
        assert problem(call("post", path, {"version": "1", "code": "123456"})) == (422, "wrong_code")
        stranger = caller(Client(), borrower(at), at)
        with nothing_changes():
            assert problem(stranger("post", path, {"version": "1", "code": "123456"})) == (404, "not_found")
            assert problem(stranger("get", f"offers/{first['id']}")) == (404, "not_found")
        code = one_time_code(user_id, "consent", "distribution", at)
        taken = call("post", path, {"version": "1", "code": code}).json()
        assert (taken["status"], taken["told_at"]) == ("asking", None)
        assert problem(call("post", path, {"version": "1", "code": code})) == (409, "another_chosen")
        other = call("get", f"offers/{found[1]['id']}").json()
        assert other["status"] == "closed"  # for now: one at a time
        assert [row["id"] for row in call("get", "offers").json()] == [first["id"]]
        [use] = [row for row in call("get", "me/data-used").json() if row["kind"] == "platform"]
        assert (use["vendor"], use["state"], use["consent_code"]) == ("SUNNY", "pending", "distribution")
        lead = Lead.objects.get()
        Lead.objects.filter(pk=lead.pk).update(state="SENT", sent_at=at)
        settle_lead(lead_id=lead.pk, answer=LeadAnswer("refused", reason="internal words"), at=at)
        rows = call("get", "offers").json()
        assert [(row["platform"], row["status"]) for row in rows] == [("SUNNY", "refused"), ("BRIDGE", "open")]
        assert "internal words" not in str(rows)

    def test_nothing_is_shown_to_or_taken_by_who_is_excluded(self, at: datetime, client: Client) -> None:
        offer = offered(at)
        call = caller(client, offer.user_id, at)
        assert len(call("get", "offers").json()) == 2
        tags.put(user_id=offer.user_id, tag="aml_possible", source="rule", at=at)
        assert call("get", "offers").json() == []
        asked = {"version": "1", "code": one_time_code(offer.user_id, "consent", "distribution", at)}
        refused = call("post", f"offers/{offer.public_id}/accept", asked)
        assert problem(refused) == (409, "not_offered")
        assert "aml" not in refused.content.decode()
        assert call("post", "offers").json() == []
        assert not Lead.objects.exists()
        assert not Consent.objects.filter(code="distribution").exists()


def sent_code() -> str:
    return re.findall(r"\b\d{6}\b", Message.objects.latest("pk").text)[0]


class TestPages:
    def test_say_so_where_there_is_nothing(self, at: datetime) -> None:
        user_id = borrower(at)
        client = visit(user_id)
        assert "once an application of yours has been decided" in shown(client, "/offers/")
        refused = client.post("/offers/", follow=True)
        assert "nothing that another platform could be asked for" in refused.content.decode()
        declined(at, user_id=user_id, grade="A")  # none takes this grade
        assert "Look for other platforms" in shown(client, "/offers/")
        assert "found none today" in client.post("/offers/", follow=True).content.decode()

    def test_costs_the_same_in_the_list_and_on_its_page_whatever_the_day(self, at: datetime, clock: Clock) -> None:
        offer = offered(clock.move(days=26))  # from the day after on, other months and another annual cost
        client = visit(offer.user_id)
        for _ in range(4):
            for path in ("/offers/", f"/offers/{offer.public_id}/"):
                assert f"{offer.xirr * 100:.2f}%" in shown(client, path)
            clock.move(days=1)

    @pytest.mark.parametrize("english", [True, False])
    def test_lead_from_a_refusal_to_a_platform(self, at: datetime, english: bool) -> None:
        offer = offered(at)
        client = visit(offer.user_id, **({} if english else CHINESE))
        said = ("Bridge Loans", "Compare them", "Agree, and tell") if english else ("桥信", "比较方案", "同意并告知")
        assert said[1] in shown(client, f"/applications/{offer.application.public_id}/")
        assert said[0] in shown(client, "/offers/")
        assert "/offers/" in shown(client, "/home/")
        path = f"/offers/{offer.public_id}/"
        page = shown(client, path)
        assert said[0] in page
        assert said[2] not in page
        assert client.post(path, {"code": "123456"}).status_code == 422
        assert client.post(path, {"send": "1"}).headers["Location"] == f"{path}?sent=1"
        assert said[2] in shown(client, f"{path}?sent=1")
        assert client.post(path, {"code": "abc"}).status_code == 422
        assert client.post(path, {"code": sent_code()}).headers["Location"] == path
        lead = Lead.objects.get()
        assert lead.recipient == "BRIDGE"
        assert 'data-live="asking"' in shown(client, path)
        Lead.objects.filter(pk=lead.pk).update(state="SENT", sent_at=at)
        settle_lead(lead_id=lead.pk, answer=LeadAnswer("accepted", link="https://bridge.example/go"), at=at)
        assert 'href="https://bridge.example/go"' in shown(client, path)
        assert ("You chose" if english else "您已选择") in shown(client, "/offers/")
        messages, other = Message.objects.count(), Offer.objects.exclude(pk=offer.pk).get()
        client.post(f"/offers/{other.public_id}/", {"send": "1"})
        assert Message.objects.count() == messages  # one at a time: no code for another
        consents = shown(client, "/me/consents/")
        assert said[0] in consents
        assert said[0] in shown(client, "/me/data/")
