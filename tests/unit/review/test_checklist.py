"""What has to be ticked before a verdict, and by whom it was."""

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from review import queries
from review.models import ChecklistItem, ChecklistTick
from review.services import checklist, configuration, gate
from tests.unit.review.conftest import Desk

NEEDED = ["file", "identity", "income"]


@pytest.fixture
def bare(desk: Desk) -> Desk:
    desk.prepares = False
    return desk


def held(desk: Desk) -> int:
    case_id = desk.open()
    assert desk.claim("chen") == case_id
    return case_id


class TestMark:
    def test_keeps_who_ticked_first_and_what_was_taken_back(self, bare: Desk) -> None:
        case_id = held(bare)
        bare.act("checklist.mark", case_id, "chen", keys=["file", "contacts"])
        bare.clock.move(minutes=3)
        bare.act("checklist.mark", case_id, "chen", keys=["file", "income"])
        shown = queries.checklist(case_id)
        assert [line.key for line in shown.lines if line.ticked_at] == ["file", "income"]
        assert shown.lines[0].by == "initial.chen"
        assert (shown.lines[0].ticked_at or bare.clock.at) < bare.clock.at
        assert (shown.open, shown.held_by) == (1, bare.staff["chen"])
        back = ChecklistTick.objects.exclude(taken_back_at=None).get()
        assert (back.item.key, back.taken_back_by_id) == ("contacts", bare.staff["chen"])

    def test_is_the_holder_s_and_of_the_queue_s_own_lines(self, bare: Desk) -> None:
        case_id = held(bare)
        with pytest.raises(gate.NotYourCase):
            bare.act("checklist.mark", case_id, "wu", keys=["file"])
        with pytest.raises(checklist.UnknownItem):
            bare.act("checklist.mark", case_id, "chen", keys=["file", "business"])
        assert not ChecklistTick.objects.exists()


class TestVerdicts:
    @pytest.mark.parametrize("missing", NEEDED)
    def test_an_approval_is_refused_with_what_is_missing(self, bare: Desk, missing: str) -> None:
        case_id = held(bare)
        bare.act("checklist.mark", case_id, "chen", keys=[key for key in NEEDED if key != missing])
        text = ChecklistItem.objects.get(queue__code="INI-STD", key=missing).text_en
        with pytest.raises(checklist.ChecklistOpen, match=text) as refused:
            bare.recommend(case_id, "chen")
        assert refused.value.data["items"] == [missing]
        assert bare.row(case_id).status == "IN_INITIAL"
        bare.act("checklist.mark", case_id, "chen", keys=NEEDED)
        bare.recommend(case_id, "chen")

    def test_a_decline_needs_the_file_to_be_read_and_no_more(self, bare: Desk) -> None:
        case_id = held(bare)
        with pytest.raises(checklist.ChecklistOpen):
            bare.recommend(case_id, "chen", "decline", ("F04",))
        bare.act("checklist.mark", case_id, "chen", keys=["file"])
        bare.recommend(case_id, "chen", "decline", ("F04",))
        assert bare.application(case_id).status == "DECLINED"

    def test_the_final_reviewer_has_a_list_of_their_own(self, bare: Desk) -> None:
        case_id = held(bare)
        bare.act("checklist.mark", case_id, "chen", keys=NEEDED)
        bare.recommend(case_id, "chen")
        assert bare.claim("zhao") == case_id
        with pytest.raises(checklist.ChecklistOpen):
            bare.decide(case_id, "zhao")
        bare.act("checklist.mark", case_id, "zhao", keys=["file", "afford"])
        bare.decide(case_id, "zhao")
        assert bare.application(case_id).status == "GRANTED"

    def test_a_line_that_left_the_file_is_not_asked_for(self, bare: Desk) -> None:
        case_id = held(bare)
        ChecklistItem.objects.create(
            queue=bare.row(case_id).queue, key="old", position=99, text_en="x", text_zh="x", needed_for="any"
        )
        bare.act("checklist.mark", case_id, "chen", keys=NEEDED)
        with pytest.raises(checklist.ChecklistOpen):
            bare.recommend(case_id, "chen")
        configuration.load(at=bare.clock.at)
        bare.recommend(case_id, "chen")


def test_the_page_of_the_case_has_it(bare: Desk) -> None:
    case_id = held(bare)
    client = Client()
    client.force_login(get_user_model().objects.get(pk=bare.staff["chen"]))
    mark = f"/admin/review/checklisttick/mark/{case_id}/"
    assert client.get(mark).status_code == 405
    shown = client.post(mark, {"keys": NEEDED}, follow=True).content.decode()
    assert "<small>complete</small>" in shown
    assert shown.count("checked") == 3
    client.force_login(get_user_model().objects.get(pk=bare.staff["wu"]))
    assert "Keep the checklist" not in client.get(f"/admin/review/case/{case_id}/change/").content.decode()
    refused = client.post(mark, {"keys": []}, follow=True).content.decode()
    assert "Claim the case first" in refused
