"""Legal writes the next version, sees it filled in and beside the one before it; somebody else approves it."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from contracts.models import Kind, Template
from contracts.rules import diff, samples, variables
from contracts.services import configuration, drafting, templates
from lending.common.errors import NotFound
from tests.conftest import Clock
from tests.unit.contracts.conftest import PLAIN, Desk
from users.models import StaffAct, User
from users.services.acts import NotAllowed
from users.services.configuration import load_groups


class TestDiff:
    @pytest.mark.parametrize(
        ("left", "right", "changes"),
        [
            ("a\nb", "a\nb", []),
            ("a\nb", "a\nc", ["same", "changed"]),
            ("a", "a\nb\nc", ["same", "added", "added"]),
            ("a\nb", "b", ["removed", "same"]),
            ("\n".join("123456789"), "\n".join("12345678X"), ["skipped", *["same"] * 3, "changed"]),
            ("\n".join("123456789"), "X\n" + "\n".join("123456789"), ["added", *["same"] * 3, "skipped"]),
            ("\n".join("12345"), "\n".join("1234X"), [*["same"] * 4, "changed"]),
        ],
    )
    def test_shows_what_changed_and_three_lines_around(self, left: str, right: str, changes: list[str]) -> None:
        lines = diff.side_by_side(left, right)
        assert [line.change for line in lines] == changes
        for line in lines:
            if line.left_number:
                assert left.splitlines()[line.left_number - 1] == line.left
            if line.right_number:
                assert right.splitlines()[line.right_number - 1] == line.right


class TestDeclared:
    def test_is_written_as_it_is_read(self) -> None:
        said = {"a": "text", "b": "money?", "plan": "plan"}
        assert variables.read_declared(variables.written(said)) == said
        assert variables.read_declared("\n a :text\n\nb: flag ") == {"a": "text", "b": "flag"}

    @pytest.mark.parametrize("text", ["a", "a: b", "a: text\na: money", "1a: text", "a b: text", ": text", "f: flag?"])
    def test_bad_lines_are_refused(self, text: str) -> None:
        with pytest.raises(variables.UnknownType):
            variables.read_declared(text)

    def test_every_type_has_a_sample_that_can_be_printed(self) -> None:
        said = {kind: kind for kind in variables.SHOWN_AS} | {"maybe": "money?"}
        assert all(value for value in variables.shown(said, samples.sample(said)).values())
        assert samples.sample(said, without_optional=True)["maybe"] is None


@pytest.fixture
def at(clock: Clock) -> Any:
    return clock.at


@pytest.fixture
def author(desk: Desk, people: dict[str, int]) -> User:
    """In the shipped groups, so that the rights are those of the product."""
    user = User.objects.get(username=configuration.AUTHOR)
    load_groups()
    user.groups.set([Group.objects.get(name="legal")])
    return user


@pytest.fixture
def approved(desk: Desk) -> Template:
    return Template.objects.get(kind=Kind.COST_SHEET)


def posted(template: Template, **other: Any) -> dict[str, Any]:
    text = drafting.text_of(template)
    said = {name: getattr(text, name) for name in drafting.Text.__dataclass_fields__}
    return said | {"declared": variables.written(template.variables), "reason": "the regulator's new wording"} | other


class TestWriting:
    def test_an_approved_one_gets_a_next_version_and_a_draft_changes_in_place(
        self, author: User, approved: Template, clock: Clock
    ) -> None:
        client = Client()
        client.force_login(author)
        address = reverse("admin:contracts_template_write", args=[approved.pk])
        page = client.get(address)
        assert page.status_code == 200
        assert "An approved version never changes" in page.content.decode()
        start = clock.at.date() + timedelta(days=1)
        said = posted(approved, source=PLAIN + "<p>新 <b>bold</b></p>", valid_from=start, funder_code="HYF")
        answer = client.post(address, said | {"act": "save"}, follow=True)
        draft = Template.objects.get(code=approved.code, version=approved.version + 1)
        assert (draft.author, draft.approved_at, draft.funder_code, draft.channel_code) == (author, None, "HYF", None)
        assert answer.redirect_chain[-1][0] == reverse("admin:contracts_template_compare", args=[draft.pk])
        text = answer.content.decode()
        assert "<ins>&lt;p&gt;{{ number }}" in text
        assert "<ins>funder_code: HYF</ins>" in text
        assert StaffAct.objects.get(act="write_template").subject == f"template:{approved.pk}"

        address = reverse("admin:contracts_template_write", args=[draft.pk])
        sent = {"source": draft.source.replace("\n", "\r\n"), "style": "p {}\r\nb {}"}  # as a browser ends its lines
        client.post(address, posted(draft, title_en="Shorter", **sent) | {"act": "save"})
        assert draft.source == Template.objects.get(pk=draft.pk).source
        draft.refresh_from_db()
        assert draft.style == "p {}\nb {}"
        assert (draft.title_en, draft.version) == ("Shorter", approved.version + 1)
        assert draft.source_sha256 == templates.source_sha256(draft.source, draft.style)
        approved.refresh_from_db()
        assert approved.title_en != "Shorter"

    def test_anothers_draft_becomes_the_next_version(
        self, author: User, approved: Template, people: dict[str, int], at: Any
    ) -> None:
        text = drafting.text_of(approved)
        mine = drafting.write(template_id=approved.pk, text=text, reason="first try", by=f"staff:{author.pk}", at=at)
        other = User.objects.get(username=configuration.APPROVER)
        other.groups.set(author.groups.all())
        theirs = drafting.write(template_id=mine, text=text, reason="second try", by=f"staff:{other.pk}", at=at)
        assert theirs != mine
        assert Template.objects.get(pk=theirs).author == other
        assert Template.objects.get(pk=mine).author == author

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"source": "<p>{{ nobody }}</p>"}, "not declared"),
            ({"source": "<p>{% if %}</p>"}, "text"),
            ({"declared": "lender text"}, "a colon and a type"),
            ({"declared": "lender: text"}, "not declared"),
            ({"valid_from": "yesterday"}, "date"),
            ({"valid_from": "9999-12-31"}, "The last day possible is"),
            ({"source": PLAIN + "<img src='file:///etc/passwd'>"}, "&lt;img&gt; is not possible here"),
            ({"source": PLAIN + "<p onclick='x()'>"}, "onclick is not possible here"),
            ({"source": PLAIN + "<style>p { background: url(x) }</style>"}, "url( is not possible here"),
            ({"style": "@import 'x.css'"}, "@import is not possible here"),
            ({"funder_code": "NOBODY"}, "NOBODY"),
            ({"reason": "no"}, "5"),
            ({"source": ""}, "required"),
        ],
    )
    def test_bad_input_is_told_and_changes_nothing(
        self, author: User, approved: Template, wrong: dict[str, Any], said: str
    ) -> None:
        client = Client(headers={"Accept-Language": "en"})
        client.force_login(author)
        address = reverse("admin:contracts_template_write", args=[approved.pk])
        before = Template.objects.count()
        answer = client.post(address, posted(approved, **wrong) | {"act": "save"})
        assert answer.status_code == 200
        assert said in answer.content.decode()
        assert (Template.objects.count(), StaffAct.objects.filter(act="write_template").count()) == (before, 0)

    def test_is_for_who_may(self, office: Client, clerk: User, approved: Template, at: Any) -> None:
        client = Client()
        client.force_login(clerk)
        address = reverse("admin:contracts_template_write", args=[approved.pk])
        assert client.post(address, posted(approved)).status_code == 403
        text = drafting.text_of(approved)
        with pytest.raises(NotAllowed):
            drafting.write(template_id=approved.pk, text=text, reason="just so", by=f"staff:{clerk.pk}", at=at)
        with pytest.raises(NotFound):
            drafting.write(template_id=0, text=text, reason="just so", by=f"staff:{clerk.pk}", at=at)


class TestDays:
    """A day that nothing can follow is refused where it is named, not by all that reckons with it later."""

    FAR = date(9999, 12, 31)

    def test_neither_begin_nor_end_beyond_ten_years(self, author: User, approved: Template, at: Any) -> None:
        text = replace(drafting.text_of(approved), valid_from=at.date() + timedelta(days=1))
        draft = drafting.write(template_id=approved.pk, text=text, reason="new words", by=f"staff:{author.pk}", at=at)
        other = User.objects.get(username=configuration.APPROVER)
        other.groups.set(author.groups.all())
        with pytest.raises(templates.DayTooFar):
            templates.approve(template_id=draft, by_id=other.pk, reason="read it", at=at, starts=self.FAR)
        with pytest.raises(templates.DayTooFar):
            templates.end(
                template_id=approved.pk, last_day=self.FAR, reason="used no more", by=f"staff:{other.pk}", at=at
            )


class TestPreview:
    def test_shows_and_prints_what_is_in_the_form_and_keeps_nothing(self, author: User, approved: Template) -> None:
        client = Client()
        client.force_login(author)
        address = reverse("admin:contracts_template_write", args=[approved.pk])
        said = posted(approved, source=PLAIN + "{% if remark %}<p>{{ remark }}</p>{% endif %}", reason="")
        said["declared"] += "\nremark: text?"
        before = Template.objects.count()
        shown = client.post(address, said | {"act": "show"})
        assert "sandbox" in shown["Content-Security-Policy"]
        assert shown["X-Frame-Options"] == "SAMEORIGIN"
        words = shown.content.decode()
        assert "〔remark〕" in words
        assert "¥12,345.67" in words
        assert (
            "〔remark〕" not in client.post(address, said | {"act": "show", "without_optional": "on"}).content.decode()
        )
        assert client.post(address, said | {"act": "print"}).content.startswith(b"%PDF-")
        refused = client.post(address, said | {"act": "show", "source": "{{ nobody }}"}).content.decode()
        assert "nobody" in refused
        assert Template.objects.count() == before
        page = client.get(reverse("admin:contracts_template_change", args=[approved.pk])).content.decode()
        assert reverse("admin:contracts_template_write", args=[approved.pk]).rsplit("/", 3)[0] in page

    def test_every_shipped_text_can_be_seen(self, shipped: Desk, office: Client) -> None:
        rows = Template.objects.all()
        assert len(rows) > 6
        for row in rows:
            for bare in (False, True):
                assert "〔" in drafting.preview(template=row, without_optional=bare)
        assert drafting.preview_pdf(template=rows[0]).startswith(b"%PDF-")
        for name in ("compare", "write"):
            assert office.get(reverse(f"admin:contracts_template_{name}", args=[rows[0].pk])).status_code == 200
