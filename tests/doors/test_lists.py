"""Lists over tables of any size: every row once, forwards and back; nothing counted past a thousand."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from lending.common.paging import COUNTED
from tests.conftest import Clock
from users.models import Notice, StaffAct, User
from users.services import accounts

PASSWORD = "a long passphrase"


@pytest.fixture
def desk(db: None, clock: Clock) -> Client:
    accounts.make_staff(username="first", password=PASSWORD, is_superuser=True, at=clock.at)
    client = Client()
    client.force_login(User.objects.get(username="first"))
    return client


def acts(clock: Clock, count: int) -> None:
    StaffAct.objects.bulk_create(
        StaffAct(
            by="staff:1", act=("close_notice", "try_again")[n % 2], subject=f"notice:{n}", reason="why", at=clock.at
        )
        for n in range(count)
    )


def notices(clock: Clock, count: int) -> None:
    """Seven at each instant, so that the first column of the order is not enough to tell them apart."""
    Notice.objects.bulk_create(
        Notice(
            kind="rare",
            subject=f"x:{n}",
            text="t",
            severity="info",
            raised_at=clock.at,
            last_at=clock.at + timedelta(minutes=n // 7),
        )
        for n in range(count)
    )


def walk(desk: Client, model: Any, step: str, query: str = "") -> tuple[list[int], str]:
    """The keys of every page from `query` on, in the direction of `step`; and the address of the last page."""
    place, found = reverse(f"admin:users_{model._meta.model_name}_changelist"), []
    while True:
        shown = desk.get(place + query).context["cl"]
        found.append([row.pk for row in shown.result_list])
        if not getattr(shown, step):
            return [pk for page in (found if step == "older" else reversed(found)) for pk in page], query
        query = getattr(shown, f"{step}_link")


class TestPages:
    @pytest.mark.parametrize(("model", "fill"), [(StaffAct, acts), (Notice, notices)])
    def test_hold_every_row_once_in_order_forwards_and_back(
        self, desk: Client, clock: Clock, model: Any, fill: Any
    ) -> None:
        fill(clock, 120)
        whole = list(model.objects.order_by(*model._meta.ordering, "-pk").values_list("pk", flat=True))
        forwards, last = walk(desk, model, "older")
        assert forwards == whole
        back, _ = walk(desk, model, "newer", last)
        assert back == whole

    def test_keep_the_filter_and_begin_anew_with_another(self, desk: Client, clock: Clock) -> None:
        acts(clock, 240)
        found, last = walk(desk, StaffAct, "older", "?act=try_again")
        assert len(found) == 120
        assert set(StaffAct.objects.filter(pk__in=found).values_list("act", flat=True)) == {"try_again"}
        page = desk.get(reverse("admin:users_staffact_changelist") + last).context["cl"]
        assert "after" not in page.get_query_string({"act": "close_notice"})

    def test_a_cursor_that_was_tampered_with_leads_to_the_first_page(self, desk: Client, clock: Clock) -> None:
        acts(clock, 60)
        for cursor in ("x", "W10", "WyJ4Il0"):
            answer = desk.get(reverse("admin:users_staffact_changelist"), {"after": cursor})
            assert (answer.status_code, answer["Location"].split("?")[1]) == (302, "e=1")

    def test_rows_that_come_meanwhile_move_no_page(self, desk: Client, clock: Clock) -> None:
        acts(clock, 60)
        place = reverse("admin:users_staffact_changelist")
        older = desk.get(place).context["cl"].older_link
        before = [row.pk for row in desk.get(place + older).context["cl"].result_list]
        acts(clock, 30)
        assert [row.pk for row in desk.get(place + older).context["cl"].result_list] == before


class TestCount:
    def test_ends_at_a_thousand(self, desk: Client, clock: Clock) -> None:
        acts(clock, COUNTED + 5)
        with CaptureQueriesContext(connection) as queries:
            text = desk.get(reverse("admin:users_staffact_changelist")).content.decode()
        assert f"{COUNTED}+" in text
        of_it = 'SELECT COUNT(*) FROM (SELECT "users_staffact"'
        counts = [query["sql"] for query in queries if query["sql"].startswith(of_it)]
        assert len(counts) == 1
        assert f"LIMIT {COUNTED + 1}" in counts[0]
        assert not [query["sql"] for query in queries if "OFFSET" in query["sql"]]


class TestOrder:
    def test_of_a_large_table_is_by_indexed_columns_only(self, desk: Client, clock: Clock) -> None:
        acts(clock, 1)
        shown = desk.get(reverse("admin:users_staffact_changelist")).context["cl"]
        assert set(shown.sortable_by) <= {"who", "whose"}
        shown = desk.get(reverse("admin:lending_application_changelist")).context["cl"]
        assert "asked" not in shown.sortable_by
        assert "waiting" in shown.sortable_by
