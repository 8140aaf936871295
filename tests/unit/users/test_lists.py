"""Lists: who says so, why and until when; from a file all or nothing; looked up by a whole value, on record."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import reverse

from lending.common import clock
from tests.factories.borrowers import id_number
from tests.factories.staff import officer
from tests.unit.users.test_admin import signed_in
from users.models import AccessLog, ListEntry, StaffAct
from users.rules.csvfile import BadFile
from users.rules.listfile import MAX_BYTES, MAX_LINES, read
from users.services import lists
from users.services.acts import NotAllowed, ReasonRequired

HEAD = "kind,subject,value,reason,until,source\n"
GOOD = (
    HEAD
    + "black,phone,13800138001,card fraud ring,2027-01-31,fraud_desk\ngrey,device,d1e2v3,farm of phones,2026-12-31,\n"
)
PHONE = "13800138000"


def faults(text: str | bytes) -> list[tuple[int, str]]:
    with pytest.raises(BadFile) as caught:
        read(text if isinstance(text, bytes) else text.encode())
    return caught.value.faults


class TestRead:
    def test_takes_lines_in_any_order_of_columns(self) -> None:
        lines = read(("\ufeff" + GOOD).encode())
        assert [(line.number, line.kind, line.source) for line in lines] == [
            (2, "black", "fraud_desk"),
            (3, "grey", "manual"),
        ]
        (line,) = read(b"until,value,reason,kind,subject\r\n2027-01-31, 1 ,why so,white,card\r\n")
        assert (line.value, line.until.isoformat()) == ("1", "2027-01-31")

    @pytest.mark.parametrize(
        ("text", "line", "told"),
        [
            ("", 1, "The column kind is missing."),
            (HEAD, 0, "The file has no lines."),
            ("kind,subject,value,reason\nx,y,z,w\n", 1, "The column until is missing."),
            (HEAD.replace("source", "sauce") + "x", 1, "There is no column 'sauce' here."),
            (HEAD.replace("source", "kind") + "x", 1, "The column kind stands twice."),
            (HEAD + "black,phone,,why so,2027-01-31,\n", 2, "Empty: value."),
            (HEAD + "black,phone,1,why so,31.01.2027,\n", 2, "until is no day: write 2027-01-31."),
            (HEAD + "black,phone,1,why so,2027-02-30,\n", 2, "until is no day: write 2027-01-31."),
            (HEAD + "black,phone,1,why, and why,2027-01-31,,\n", 2, "More fields than columns"),
            (HEAD + 'black,phone,1,"why\n', 2, "Not CSV"),
            (GOOD.encode("utf-16"), 0, "The file is not UTF-8 text"),
            ("PK\x03\x04\0\0", 0, "The file is not text"),
            (HEAD + "x" * MAX_BYTES, 0, "The file has more than 2 MB"),
            (HEAD + "black,phone,1,why so,2027-01-31,\n" * (MAX_LINES + 1), 0, "The file has more than 5,000 lines"),
        ],
    )
    def test_names_the_line_and_what_is_wrong(self, text: Any, line: int, told: str) -> None:
        ((number, fault), *_) = faults(text)
        assert number == line
        assert fault.startswith(told)

    def test_tells_every_fault_at_once(self) -> None:
        bad = "black,phone,,why so,2027-01-31,\n"
        assert [line for line, _ in faults(HEAD + bad + GOOD.removeprefix(HEAD) + bad)] == [2, 5]


class TestAdd:
    @pytest.fixture
    def by(self, db: None, at: datetime) -> str:
        return officer(at)

    def add(self, at: datetime, **changed: Any) -> int:
        plain = {"kind": "grey", "subject": "phone", "value": PHONE, "reason": "shared phone", "at": at}
        with transaction.atomic():
            return lists.add(**(plain | {"source": "court", "expires_at": at + timedelta(days=9)} | changed))

    def test_keeps_who_says_so_and_until_when(self, by: str, at: datetime) -> None:
        entry = ListEntry.objects.get(pk=self.add(at, by=by))
        assert (entry.source, entry.expires_at, entry.added_by) == ("court", at + timedelta(days=9), by)
        assert StaffAct.objects.get(subject=f"listentry:{entry.pk}").reason == "shared phone"

    @pytest.mark.parametrize("until", [None, timedelta(0), timedelta(days=-1)])
    def test_staff_must_name_a_day_to_come(self, by: str, at: datetime, until: timedelta | None) -> None:
        with pytest.raises(lists.ExpiryRequired):
            self.add(at, by=by, expires_at=None if until is None else at + until)
        with pytest.raises(ReasonRequired):
            self.add(at, by=by, reason="x")
        assert not ListEntry.objects.exists()

    def test_what_ran_out_makes_room_for_a_new_entry(self, by: str, at: datetime) -> None:
        old = self.add(at, by=by)
        later = at + timedelta(days=9)
        with pytest.raises(lists.AlreadyListed):
            self.add(later - timedelta(seconds=1), by=by, expires_at=later + timedelta(days=1))
        new = self.add(later, by=by, expires_at=later + timedelta(days=1))
        assert ListEntry.objects.get(pk=old).removed_at == later
        assert ListEntry.objects.get(removed_at=None).pk == new


class TestImportFile:
    @pytest.fixture
    def by(self, db: None, at: datetime) -> str:
        return officer(at)

    def take(self, text: str, by: str, at: datetime) -> int:
        with transaction.atomic():
            return lists.import_file(content=text.encode(), by=by, at=at)

    def test_puts_every_line_on_its_list_with_its_act(self, by: str, at: datetime) -> None:
        assert self.take(GOOD, by, at) == 2
        entry = ListEntry.objects.get(kind="black")
        assert entry.subject_index == lists.subject_index("phone", "13800138001")
        assert entry.expires_at == clock.end_of(date(2027, 1, 31))
        assert {(act.act, act.reason) for act in StaffAct.objects.all()} == {
            ("put_on_list", "card fraud ring"),
            ("put_on_list", "farm of phones"),
        }

    @pytest.mark.parametrize(
        ("line", "told"),
        [
            ("pink,phone,13800138002,why so,2027-01-31,", "kind: Not one of the choices."),
            ("black,shoe,13800138002,why so,2027-01-31,", "subject: Not one of the choices."),
            ("black,phone,13800138002,why so,2027-01-31,rumour", "source: Not one of the choices."),
            ("black,phone,123,why so,2027-01-31,", "phone: Not a valid mobile number."),
            ("black,card,6233910000000000001,why so,2027-01-31,", "number: Not a valid bank card number."),
            ("black,phone,13800138002,x,2027-01-31,", "reason: At least five characters."),
            ("black,phone,13800138002,why so,2026-01-01,", "expires_at: A day to come."),
            ("black,phone,13800138001,once more,2027-01-31,", "This is on the list already."),
            (f"grey,phone,{PHONE},once more,2027-01-31,", "This is on the list already."),
        ],
    )
    def test_takes_nothing_where_one_line_is_wrong(self, by: str, at: datetime, line: str, told: str) -> None:
        with transaction.atomic():
            lists.add(kind="grey", subject="phone", value=PHONE, reason="shared", by="system", at=at)
        with pytest.raises(lists.BadListFile) as caught:
            self.take(GOOD + line + "\n", by, at)
        assert caught.value.data["lines"] == [(4, told)]
        assert ListEntry.objects.count() == 1

    def test_needs_the_permission(self, db: None, at: datetime) -> None:
        signed_in("admin", at)
        from users.models import User

        by = f"staff:{User.objects.get(username='analyst.lin').pk}"
        with pytest.raises(NotAllowed):
            self.take(GOOD, by, at)


class TestLookUp:
    def test_finds_what_names_the_whole_value_and_is_on_record_first(self, db: None, at: datetime) -> None:
        number = id_number(7)
        one = lists.add(kind="grey", subject="id_number", value=number, reason="shared", by="system", at=at)
        lists.remove(entry_id=one, reason="a mistake", by="system", at=at)
        two = lists.add(kind="black", subject="id_number", value=number, reason="fraud", by="system", at=at)
        asked = {"subject": "id_number", "by": "staff:1", "at": at}
        found = lists.look_up(value=number.lower(), reason="a complaint", **asked)
        assert [(row.id, row.is_live) for row in found] == [(two, True), (one, False)]
        assert lists.look_up(value=id_number(8), reason="a complaint", **asked) == ()
        with pytest.raises(ReasonRequired):
            lists.look_up(value=number, reason="x", **asked)
        first, second = AccessLog.objects.order_by("pk")
        assert (first.by, first.reason) == ("staff:1", "a complaint")
        assert first.subject != second.subject
        assert number not in first.subject + "".join(first.fields)


class TestPages:
    @pytest.fixture
    def desk(self, db: None, at: datetime) -> Client:
        return signed_in("lead.sun", at)

    IMPORT, LOOK_UP = "admin:users_listentry_import", "admin:users_listentry_look_up_form"

    def send(self, desk: Client, content: bytes) -> Any:
        return desk.post(reverse(self.IMPORT), {"file": SimpleUploadedFile("list.csv", content)})

    def test_a_file_is_taken_whole(self, desk: Client) -> None:
        assert "until" in desk.get(reverse(self.IMPORT)).content.decode()
        assert self.send(desk, GOOD.encode()).status_code == 302
        assert ListEntry.objects.count() == 2

    def test_a_wrong_file_is_told_line_by_line(self, desk: Client) -> None:
        bad = GOOD + "black,phone,13800138x,why so,2027-01-31,\n" + "pink,phone,13800138003,why so,2027-01-31,\n"
        text = self.send(desk, bad.encode()).content.decode()
        assert "Nothing was imported." in text
        for told in ("Not a valid mobile number", "kind: Not one of the choices."):
            assert told in text
        assert "13800138x" not in text
        assert not ListEntry.objects.exists()

    def test_twenty_megabytes_are_refused(self, desk: Client) -> None:
        answer = self.send(desk, GOOD.encode() + b"x" * 26_000_000)
        assert (answer.status_code, " 24 MB" in answer.content.decode()) == (413, True)
        text = self.send(desk, GOOD.encode() + b"x" * 20_000_000).content.decode()
        assert "The file has more than 2 MB" in text
        assert not ListEntry.objects.exists()

    def test_a_value_is_looked_up_by_post(self, desk: Client, at: datetime) -> None:
        lists.add(kind="black", subject="phone", value=PHONE, reason="fraud ring", by="system", at=at)
        body = {"subject": "phone", "value": f"+86 {PHONE}", "reason": "partner asks"}
        text = desk.post(reverse(self.LOOK_UP), body).content.decode()
        assert "fraud ring" in text
        text = desk.post(reverse(self.LOOK_UP), body | {"value": "13800138009"}).content.decode()
        assert "It is on no list" in text
        assert AccessLog.objects.count() == 2
        text = desk.post(reverse(self.LOOK_UP), body | {"value": "12"}).content.decode()
        assert "valid mobile number" in text
        assert AccessLog.objects.count() == 2

    def test_buttons_lead_to_both(self, desk: Client) -> None:
        text = desk.get(reverse("admin:users_listentry_changelist")).content.decode()
        for name, form in (("look_up", self.LOOK_UP), ("import_file", self.IMPORT)):
            button = reverse(f"admin:users_listentry_{name}")
            assert button in text
            assert desk.get(button)["Location"] == reverse(form)

    def test_who_may_see_lists_may_look_up_and_not_import(self, db: None, at: datetime) -> None:
        reviewer, clerk = signed_in("initial.chen", at), signed_in("service.tang", at)
        assert reviewer.get(reverse(self.LOOK_UP)).status_code == 200
        assert self.send(reviewer, GOOD.encode()).status_code == 403
        assert "Import a file" not in reviewer.get(reverse("admin:users_listentry_changelist")).content.decode()
        body = {"subject": "phone", "value": PHONE, "reason": "partner asks"}
        assert clerk.post(reverse(self.LOOK_UP), body).status_code == 403
        assert not AccessLog.objects.exists()
