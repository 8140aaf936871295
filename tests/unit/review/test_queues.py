"""Which queue takes a case, who serves it, which case comes first, and the list of all of them."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client

from lending.common.errors import Invalid
from review import queries
from review.models import Case, Queue, QueueMember
from review.rules.queues import Facts, NoQueue, Rule, pick
from review.services import configuration, placing, queue_settings
from tests.unit.review.conftest import Desk
from users.models import StaffAct
from users.services.acts import NotAllowed

LIST = "/admin/review/case/"


def facts(**changed: Any) -> Facts:
    return Facts(
        **{
            "family": "consumer",
            "channel": "OWN",
            "language": "zh-hans",
            "amount_cents": 500_000,
            "grade": "C",
            "reasons": ["S03"],
            "marks": [],
        }
        | changed
    )


def configured(desk: Desk, code: str, who: str = "sun", **changed: Any) -> None:
    queue = Queue.objects.get(code=code)
    settings = {"mode": "claim", "ageing_minutes": 10, "boost": 0, "level_bonus": 20, "members": []} | changed
    queue_settings.configure(
        queue_id=queue.pk, reason="as a test", by=f"staff:{desk.staff[who]}", at=desk.clock.at, **settings
    )


class TestRouting:
    @pytest.mark.parametrize(
        ("changed", "queue"),
        [
            ({}, "INI-STD"),
            ({"reasons": ["F02"]}, "INI-FRD"),
            ({"marks": ["grey"]}, "INI-FRD"),
            ({"amount_cents": 2_000_001}, "CALL"),
            ({"amount_cents": 2_000_000}, "INI-STD"),
            ({"reasons": ["F01"]}, "CALL"),
            ({"amount_cents": 5_000_000, "reasons": ["F02", "F01"]}, "INI-FRD"),
            ({"family": "business", "reasons": ["F02"], "marks": ["grey"]}, "INI-BIZ"),
        ],
    )
    def test_of_the_initial_stage(self, staff: dict[str, int], changed: dict[str, Any], queue: str) -> None:
        assert pick(placing.routing_rules(), stage="initial", facts=facts(**changed)) == queue

    @pytest.mark.parametrize(
        ("changed", "queue"),
        [
            ({"amount_cents": 2_000_000}, "FIN-STD"),
            ({"amount_cents": 2_000_001}, "FIN-LRG"),
            ({"amount_cents": 100_000, "marks": ["exception"]}, "FIN-LRG"),
            ({"amount_cents": 9_000_000, "marks": ["exception", "appeal"]}, "APPEAL"),
        ],
    )
    def test_of_the_final_stage(self, staff: dict[str, int], changed: dict[str, Any], queue: str) -> None:
        assert pick(placing.routing_rules(), stage="final", facts=facts(**changed)) == queue

    @pytest.mark.parametrize(
        "column", [{"channels": ["APP"]}, {"grades": ["A"]}, {"languages": ["en"]}, {"families": ["business"]}]
    )
    def test_asks_for_every_filled_column(self, column: dict[str, list[str]]) -> None:
        rules = [Rule("SPECIAL", "initial", **column), Rule("REST", "initial")]
        name = {"channels": "channel", "grades": "grade", "languages": "language", "families": "family"}
        wanted = {name[key]: value[0] for key, value in column.items()}
        assert pick(rules, stage="initial", facts=facts(**wanted)) == "SPECIAL"
        assert pick(rules, stage="initial", facts=facts()) == "REST"

    def test_a_table_with_a_hole_says_so(self) -> None:
        with pytest.raises(NoQueue):
            pick([Rule("SPECIAL", "initial", grades=["A"])], stage="initial", facts=facts())


class TestMembers:
    def test_a_queue_with_members_is_served_by_them_alone(self, desk: Desk) -> None:
        case_id = desk.open()
        configured(desk, "INI-STD", members=[desk.staff["wu"]])
        assert desk.claim("chen") is None
        assert desk.claim("chen", "INI-STD") is None
        assert desk.claim("wu") == case_id

    def test_is_set_by_leads_with_a_reason_that_tells_what_changed(self, desk: Desk) -> None:
        for who in ("chen", "zhao", "lin"):
            with pytest.raises(NotAllowed):
                configured(desk, "INI-STD", who, mode="dispatch")
        configured(desk, "INI-STD", mode="dispatch", members=[desk.staff["chen"]])
        kept = StaffAct.objects.get(act="configure_queue")
        assert kept.reason == "as a test (mode claim → dispatch; members everybody → initial.chen)"
        configuration.load(at=desk.clock.at)
        assert Queue.objects.get(code="INI-STD").mode == "dispatch"

    @pytest.mark.parametrize(
        "wrong", [{"mode": "auction"}, {"ageing_minutes": 0}, {"boost": 501}, {"level_bonus": -1}, {"members": [0]}]
    )
    def test_refuses_what_cannot_be(self, desk: Desk, wrong: dict[str, Any]) -> None:
        with pytest.raises(Invalid):
            configured(desk, "INI-STD", **wrong)
        assert not QueueMember.objects.exists()


class TestPriorityOfAQueue:
    def test_a_boost_brings_its_cases_first_the_open_ones_too(self, desk: Desk) -> None:
        standard = desk.open()
        call = desk.open(amount_cents=2_100_000)  # due an hour later
        configured(desk, "CALL", boost=90)
        assert desk.row(call).rank < desk.row(standard).rank
        later = desk.row(desk.open(amount_cents=2_100_000))
        assert later.rank == desk.row(call).rank
        assert desk.claim("chen") == call
        why = queries.why_this_one(call)
        assert why is not None
        assert ("加分 bonus", 90) in why.parts

    def test_faster_ageing_prefers_the_older(self, desk: Desk) -> None:
        configured(desk, "CALL", ageing_minutes=1)
        old = desk.open(amount_cents=2_100_000)
        desk.clock.move(minutes=65)
        desk.open()
        assert desk.view(old).priority(desk.clock.at) == 100 - 55 + 65
        assert desk.claim("chen") == old


class TestPages:
    def lead(self, desk: Desk, who: str = "sun") -> Client:
        client = Client()
        client.force_login(get_user_model().objects.get(pk=desk.staff[who]))
        return client

    def test_a_lead_sets_a_queue_on_a_form(self, desk: Desk) -> None:
        queue = Queue.objects.get(code="INI-STD")
        address = f"/admin/review/queue/{queue.pk}/settings/"
        assert self.lead(desk, "chen").get(address).status_code == 403
        client = self.lead(desk)
        assert client.get(address).status_code == 200
        body = {"mode": "dispatch", "ageing_minutes": 5, "boost": 7, "level_bonus": 20, "reason": "a busy week"}
        answer = client.post(address, body | {"members": [desk.staff["chen"]]})
        assert answer.status_code == 302
        assert "a busy week" in client.get(answer["Location"]).content.decode()
        queue.refresh_from_db()
        assert (queue.mode, queue.ageing_minutes, queue.boost) == ("dispatch", 5, 7)

    def test_a_view_of_the_list_is_kept_for_oneself(self, desk: Desk) -> None:
        client = self.lead(desk)
        client.post(f"{LIST}views/", {"name": "Late, C", "query": "grade=C&due=late"})
        assert 'href="?grade=C&amp;due=late"' in client.get(LIST).content.decode()
        assert "Late, C" not in self.lead(desk, "chen").get(LIST).content.decode()
        client.post(f"{LIST}views/", {"name": "Late, C", "drop": "1"})
        assert "Late, C" not in client.get(LIST).content.decode()
        assert client.post(f"{LIST}views/", {"name": "", "query": "grade=C"}).status_code == 302
        assert queries.saved_filters(desk.staff["sun"]) == ()

    def test_the_list_is_narrowed_by_each_column(self, desk: Desk) -> None:
        case_id = desk.open()
        case, client = desk.row(case_id), self.lead(desk)
        fitting = {
            "queue__id__exact": case.queue_id,
            "product_code": "LINE",
            "channel_code": "OWN",
            "grade": "C",
            "language": "zh-hans",
            "status__exact": "WAITING_INITIAL",
            "stage__exact": "initial",
            "due": "in_time",
            "held": "nobody",
        }
        assert f"#{case_id}<" in client.get(LIST, fitting).content.decode()
        for name, other in (("product_code", "BIZ"), ("channel_code", "APP"), ("grade", "A"), ("due", "late")):
            assert f"#{case_id}<" not in client.get(LIST, fitting | {name: other}).content.decode()


class TestIndexes:
    """A value that few rows hold is found without reading the rest."""

    @pytest.mark.parametrize(
        "column", ["queue_id", "status", "product_code", "channel_code", "grade", "claimed_by_id", "closed_at"]
    )
    def test_begin_with_what_the_list_is_narrowed_by(self, db: None, column: str) -> None:
        with connection.cursor() as cursor:
            found = connection.introspection.get_constraints(cursor, Case._meta.db_table)
        assert [name for name, one in found.items() if one["index"] and one["columns"][:1] == [column]]
