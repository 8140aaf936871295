"""The visual editor's doors: who may, what is stale, what is wrong with a graph and where; Excel in and out."""

import json
import re
import shutil
from copy import deepcopy
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook

from lending.management.commands.bootstrap import DEMO_PASSWORD
from lending.middleware import ADMIN_POLICY
from risk.models import Draft, Release
from risk.rules import jdm
from risk.services import drafts
from tests.conftest import Clock
from tests.factories.configuration import bootstrap
from tests.factories.staff import officer

GRAPH = dict[str, Any]
FOREIGN = {"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1/x"}}}
BAD_BODIES = (
    "",
    "{",
    "[]",
    '{"graph": 1, "revision": 1}',
    '{"graph": {"nodes": [], "edges": {}}, "revision": 1}',
    '{"graph": {"nodes": ["x"], "edges": []}, "revision": 1}',
    '{"graph": {"nodes": [], "edges": []}, "revision": true}',
    '{"graph": {"nodes": [], "edges": []}, "revision": "1"}',
    '{"graph": {"nodes": [NaN], "edges": []}, "revision": 1}',
    '{"graph": ' + "[" * 100_000,
)


@pytest.fixture
def at(clock: Clock) -> datetime:
    return clock.at


@pytest.fixture
def draft(db: None, at: datetime) -> Draft:
    """The released credit flow, being written again."""
    bootstrap()
    with transaction.atomic():
        return drafts.fork(release_id=Release.objects.get(key="credit").pk, by=officer(at), at=at)


@pytest.fixture
def graph(draft: Draft) -> GRAPH:
    return deepcopy(draft.authored)


@pytest.fixture
def desk(draft: Draft) -> Client:
    return signed_in("admin")


def signed_in(username: str) -> Client:
    client = Client()
    assert client.login(username=username, password=DEMO_PASSWORD)
    return client


def page(draft: Draft, name: str = "") -> str:
    return reverse(f"admin:risk_draft_editor{name and '_'}{name}", args=[draft.pk])


def ask(client: Client, draft: Draft, name: str, body: Any) -> Any:
    return client.post(page(draft, name), body if isinstance(body, str) else json.dumps(body), "application/json")


def node(graph: GRAPH, id_: str) -> dict[str, Any]:
    return next(each for each in graph["nodes"] if each["id"] == id_)


def data_of(client: Client, address: str) -> dict[str, Any]:
    answer = client.get(address)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.context["data"]
    return found


class TestPage:
    def test_holds_the_graph_its_schema_and_what_may_be_asked(self, desk: Client, draft: Draft) -> None:
        data = data_of(desk, page(draft))
        assert data["graph"] == draft.authored
        assert data["schema"] == draft.scenario.input_schema
        assert {each["name"] for each in data["variables"]} == set(draft.scenario.inputs)
        asked = {each["key"]: (each["form"], each["version"]) for each in data["artefacts"]}
        assert asked["credit_rules"] == ("rule_set", 1)
        assert asked["credit_score"] == ("scorecard", 1)
        assert "credit" not in asked
        assert (data["revision"], data["read_only"]) == (1, False)

    def test_is_for_looking_only_without_the_right_to_write(self, draft: Draft) -> None:
        data = data_of(signed_in("audit.xu"), page(draft))
        assert data["read_only"]
        assert set(data["urls"]) == {"back", "check", "excel_out", "tests"}

    def test_is_for_looking_only_once_the_draft_is_discarded(self, desk: Client, draft: Draft, at: datetime) -> None:
        with transaction.atomic():
            drafts.discard(draft_id=draft.pk, by=officer(at), reason="not needed", at=at)
        assert data_of(desk, page(draft))["read_only"]

    def test_is_not_shown_to_who_may_not_see_drafts(self, draft: Draft) -> None:
        assert signed_in("legal.feng").get(page(draft)).status_code == 403

    def test_of_something_with_a_form_of_its_own_does_not_exist(self, desk: Client, at: datetime) -> None:
        with transaction.atomic():
            rules = drafts.begin(key="more_rules", scenario="credit", form="rule_set", title="", by=officer(at), at=at)
        assert desk.get(page(rules)).status_code == 404

    def test_escapes_what_somebody_wrote(self, desk: Client, draft: Draft, graph: GRAPH) -> None:
        node(graph, "grade")["name"] = "</script><script>alert(1)</script>"
        assert ask(desk, draft, "save", {"graph": graph, "revision": 1}).status_code == 200
        assert "<script>alert(1)" not in desk.get(page(draft)).text

    def test_of_a_release_draws_it_for_looking(self, desk: Client) -> None:
        release = Release.objects.get(key="credit")
        data = data_of(desk, reverse("admin:risk_release_drawing", args=[release.pk]))
        assert data["graph"] == release.graph
        assert data["read_only"]
        assert set(data["urls"]) == {"back"}

    def test_of_nothing_is_not_found(self, desk: Client) -> None:
        assert desk.get(reverse("admin:risk_release_drawing", args=[0])).status_code == 404
        assert desk.get(reverse("admin:risk_decision_drawing", args=[0])).status_code == 404


class TestPolicy:
    def test_is_that_of_every_other_page_of_the_back_office(self, desk: Client, draft: Draft) -> None:
        answer = desk.get(page(draft))
        assert answer["Content-Security-Policy"] == ADMIN_POLICY
        assert "blob:" not in ADMIN_POLICY
        assert "http" not in ADMIN_POLICY
        assert answer["Content-Security-Policy"] == desk.get("/admin/")["Content-Security-Policy"]

    def test_finds_no_address_of_anybody_else_in_the_page(self, desk: Client, draft: Draft) -> None:
        assert re.findall(r"""(?:src|href)=["']((?:https?:)?//[^"']+)""", desk.get(page(draft)).text) == []


class TestBundle:
    def test_can_be_collected_with_names_that_carry_a_hash(self, tmp_path: Path) -> None:
        built = Path(str(finders.find("risk/editor/editor.js"))).parent
        shutil.copytree(built, tmp_path / "risk" / "editor")
        storage = ManifestStaticFilesStorage(location=tmp_path, base_url="/static/")
        files = {
            str(file.relative_to(tmp_path)): (storage, str(file.relative_to(tmp_path)))
            for file in tmp_path.rglob("*.*")
        }
        done = {name: told for name, _, told in storage.post_process(files)}
        assert {"risk/editor/editor.js", "risk/editor/editor.css"} <= set(done)
        assert [told for told in done.values() if isinstance(told, Exception)] == []

    def test_names_only_files_that_stand_beside_it(self) -> None:
        built = Path(str(finders.find("risk/editor/editor.js"))).parent
        named = set(re.findall(r"`([\w.-]+\.(?:js|wasm|ttf))`,import\.meta\.url", (built / "editor.js").read_text()))
        assert len(named) == 3  # two workers and the editor's engine
        assert [name for name in named if not (built / name).is_file()] == []


class TestSave:
    def test_stores_the_graph_and_counts_up(self, desk: Client, draft: Draft, graph: GRAPH) -> None:
        node(graph, "grade")["name"] = "Grade by score"
        answer = ask(desk, draft, "save", {"graph": graph, "revision": 1})
        assert (answer.status_code, answer.json()) == (200, {"revision": 2})
        draft.refresh_from_db()
        assert node(draft.authored, "grade")["name"] == "Grade by score"

    def test_over_somebody_elses_work_is_refused(self, desk: Client, draft: Draft, graph: GRAPH) -> None:
        assert ask(desk, draft, "save", {"graph": graph, "revision": 1}).status_code == 200
        answer = ask(desk, draft, "save", {"graph": {"nodes": [], "edges": []}, "revision": 1})
        assert (answer.status_code, answer.json()["code"]) == (409, "stale_draft")
        draft.refresh_from_db()
        assert draft.authored == graph

    @pytest.mark.parametrize("name", ["save", "simulate"])
    def test_needs_the_right_to_write(self, draft: Draft, graph: GRAPH, name: str) -> None:
        answer = ask(signed_in("audit.xu"), draft, name, {"graph": graph, "revision": 1, "context": {}})
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")

    def test_of_what_is_no_graph_is_refused(self, desk: Client, draft: Draft) -> None:
        for body in BAD_BODIES:
            answer = ask(desk, draft, "save", body)
            assert (answer.status_code, answer.json()["code"]) == (400, "malformed"), body[:80]
        draft.refresh_from_db()
        assert draft.revision == 1

    def test_of_more_than_a_megabyte_is_refused_by_name(self, desk: Client, draft: Draft) -> None:
        answer = ask(desk, draft, "save", "x" * (20 * 1024 * 1024))
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")

    def test_is_no_page(self, desk: Client, draft: Draft) -> None:
        assert desk.get(page(draft, "save")).status_code == 405


class TestCheck:
    def problems(self, desk: Client, draft: Draft, graph: GRAPH) -> list[tuple[str, str, str]]:
        answer = ask(desk, draft, "check", {"graph": graph})
        assert answer.status_code == 200
        return [(each["node"], each["field"], each["code"]) for each in answer.json()["problems"]]

    def test_finds_nothing_in_what_is_released(self, desk: Client, draft: Draft, graph: GRAPH) -> None:
        assert self.problems(desk, draft, graph) == []

    def test_names_a_broken_cell_with_its_node_and_place(self, desk: Client, draft: Draft, graph: GRAPH) -> None:
        node(graph, "grade")["content"]["rules"][1]["grade-in-card.score"] = "> (5"
        assert ("grade", "rules[1].card.score", "broken_cell") in self.problems(desk, draft, graph)

    def test_names_a_clock(self, desk: Client, draft: Draft, graph: GRAPH) -> None:
        node(graph, "verdict")["content"]["expressions"][0]["value"] = "date('now')"
        assert ("verdict", "expressions[0].outcome", "clock") in self.problems(desk, draft, graph)

    def test_names_a_function(self, desk: Client, draft: Draft, graph: GRAPH) -> None:
        graph["nodes"].append({"id": "js", "type": "functionNode", "name": "js", "content": {"source": ""}})
        assert ("js", "type", "function_node") in self.problems(desk, draft, graph)

    def test_names_a_circle(self, desk: Client, draft: Draft, graph: GRAPH) -> None:
        graph["edges"].append({"id": "back", "type": "edge", "sourceId": "limit", "targetId": "grade"})
        assert "cycle" in {code for _, _, code in self.problems(desk, draft, graph)}

    def test_names_a_table_without_a_default(self, desk: Client, draft: Draft, graph: GRAPH) -> None:
        node(graph, "grade_limit")["content"]["rules"].pop()
        assert ("grade_limit", "rules", "no_default_row") in self.problems(desk, draft, graph)

    def test_names_what_is_asked_and_was_never_released(self, desk: Client, draft: Draft, graph: GRAPH) -> None:
        node(graph, "score")["content"]["key"] = "nobody"
        assert ("score", "key", "missing_decision") in self.problems(desk, draft, graph)

    def test_is_open_to_who_may_only_look(self, draft: Draft, graph: GRAPH) -> None:
        assert ask(signed_in("audit.xu"), draft, "check", {"graph": graph}).status_code == 200

    def test_stores_nothing(self, desk: Client, draft: Draft) -> None:
        assert ask(desk, draft, "check", {"graph": {"nodes": [], "edges": []}}).json()["problems"]
        draft.refresh_from_db()
        assert draft.revision == 1


class TestSimulate:
    def context(self, draft: Draft, **known: Any) -> dict[str, Any]:
        plain = {"integer": 1, "string": "x", "array": [], "boolean": False}
        properties = draft.scenario.input_schema["properties"]
        required = {
            name: "2026-03-02" if "pattern" in properties[name] else plain[properties[name]["type"]]
            for name in draft.scenario.input_schema["required"]
        }
        return required | known

    def test_answers_with_the_result_the_trace_and_the_graph(self, desk: Client, draft: Draft, graph: GRAPH) -> None:
        told = ask(desk, draft, "simulate", {"graph": graph, "context": self.context(draft)}).json()["result"]
        assert told["result"]["outcome"] in ("decline", "refer")
        assert {"input", "knock_outs", "score", "grade", "output"} <= set(told["trace"])
        assert told["snapshot"] == graph
        assert told["performance"].endswith("ms")

    def test_runs_what_is_on_the_page_not_what_is_stored(self, desk: Client, draft: Draft, graph: GRAPH) -> None:
        for rule in node(graph, "grade")["content"]["rules"]:
            rule["grade-out-grade"] = '"Z"'
        told = ask(desk, draft, "simulate", {"graph": graph, "context": self.context(draft)}).json()["result"]
        assert told["result"]["grade"] == "Z"

    def test_says_which_field_has_the_wrong_type(self, desk: Client, draft: Draft, graph: GRAPH) -> None:
        context = self.context(draft, amount_cents="a lot")
        error = ask(desk, draft, "simulate", {"graph": graph, "context": context}).json()["error"]
        assert error["data"]["nodeId"] == "input"
        assert "amount_cents" in error["message"]

    @pytest.mark.parametrize(
        ("kind", "content", "code"),
        [
            ("functionNode", {"source": "while (true) {}"}, "function_node"),
            ("expressionNode", {"expressions": [{"id": "1", "key": "a", "value": "1 +"}]}, "broken_expression"),
            ("inputNode", {"schema": json.dumps(FOREIGN)}, "invalid_schema"),
        ],
    )
    def test_never_starts_what_reaches_out_or_is_broken(
        self, desk: Client, draft: Draft, graph: GRAPH, kind: str, content: dict[str, Any], code: str
    ) -> None:
        graph["nodes"].append({"id": "js", "name": "js", "type": kind, "content": content})
        graph["edges"] += [
            {"id": "to", "type": "edge", "sourceId": "input", "targetId": "js"},
            {"id": "from", "type": "edge", "sourceId": "js", "targetId": "output"},
        ]
        told = ask(desk, draft, "simulate", {"graph": graph, "context": self.context(draft)}).json()
        assert (told["error"]["title"], told["error"]["data"]["nodeId"]) == (code, "js")

    def test_of_half_done_work_is_possible(self, desk: Client, draft: Draft, graph: GRAPH) -> None:
        node(graph, "grade_limit")["content"]["rules"].pop()  # the default
        context = self.context(draft, product="LINE")
        assert "result" in ask(desk, draft, "simulate", {"graph": graph, "context": context}).json()

    @pytest.mark.parametrize("context", [None, [], "x", 1])
    def test_needs_an_object(self, desk: Client, draft: Draft, graph: GRAPH, context: object) -> None:
        answer = ask(desk, draft, "simulate", {"graph": graph, "context": context})
        assert (answer.status_code, answer.json()["code"]) == (422, "no_context")


class TestExcel:
    def sheet(self, desk: Client, draft: Draft, graph: GRAPH) -> bytes:
        answer = ask(desk, draft, "excel_out", {"graph": graph, "node": "grade_limit"})
        assert answer.status_code == 200
        return answer.content

    def bring(self, client: Client, draft: Draft, graph: GRAPH, data: bytes, node: str = "grade_limit") -> Any:
        form = {"file": SimpleUploadedFile("limits.xlsx", data), "graph": json.dumps(graph), "node": node}
        return client.post(page(draft, "excel_in"), form)

    def changed(self, data: bytes, cell: str, value: object) -> bytes:
        book = load_workbook(BytesIO(data))
        book.active[cell] = value
        held = BytesIO()
        book.save(held)
        return held.getvalue()

    def test_out_and_in_changes_nothing(self, desk: Client, draft: Draft, graph: GRAPH) -> None:
        told = self.bring(desk, draft, graph, self.sheet(desk, draft, graph)).json()
        assert told == {"content": node(graph, "grade_limit")["content"], "rows": 13}

    def test_in_answers_with_what_was_written_and_stores_nothing(
        self, desk: Client, draft: Draft, graph: GRAPH
    ) -> None:
        data = self.changed(self.sheet(desk, draft, graph), "C4", 6_000_000)
        content = self.bring(desk, draft, graph, data).json()["content"]
        assert content["rules"][0]["grade_limit-out-grade_limit_cents"] == "6000000"
        draft.refresh_from_db()
        assert draft.authored == graph

    def test_in_names_the_cell_that_is_wrong(self, desk: Client, draft: Draft, graph: GRAPH) -> None:
        answer = self.bring(desk, draft, graph, self.changed(self.sheet(desk, draft, graph), "A5", "=1+1"))
        assert (answer.status_code, answer.json()["code"]) == (422, "wrong_cells")
        assert answer.json()["cells"] == [{"cell": "A5", "code": "formula", "message": "a formula: paste its value"}]

    @pytest.mark.parametrize(
        ("size", "status", "code"),
        [(3, 422, "spreadsheet_too_large"), (20, 422, "spreadsheet_too_large"), (0, 422, "not_a_spreadsheet")],
    )
    def test_in_refuses_what_is_too_large_or_something_else(
        self, desk: Client, draft: Draft, graph: GRAPH, size: int, status: int, code: str
    ) -> None:
        answer = self.bring(desk, draft, graph, b"x" * (size * 1024 * 1024 + 1))
        assert (answer.status_code, answer.json()["code"]) == (status, code)

    def test_in_refuses_rules_that_could_not_be_saved(self, desk: Client, draft: Draft, graph: GRAPH) -> None:
        book = load_workbook(BytesIO(self.sheet(desk, draft, graph)))
        for _ in range(4000):
            book.active.append(['"A"', '"LINE"', 1, "why " * 70])
        held = BytesIO()
        book.save(held)
        answer = self.bring(desk, draft, graph, held.getvalue())
        assert (answer.status_code, answer.json()["code"]) == (422, "spreadsheet_too_large")

    def test_in_refuses_a_graph_that_is_too_large(self, desk: Client, draft: Draft, graph: GRAPH) -> None:
        node(graph, "grade")["name"] = "x" * (2 * 1024 * 1024)
        answer = self.bring(desk, draft, graph, b"x")
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")

    def test_needs_a_table(self, desk: Client, draft: Draft, graph: GRAPH) -> None:
        assert ask(desk, draft, "excel_out", {"graph": graph, "node": "limit"}).json()["code"] == "no_such_table"
        assert self.bring(desk, draft, graph, b"x", "limit").json()["code"] == "no_such_table"

    def test_in_needs_the_right_to_write(self, draft: Draft, graph: GRAPH) -> None:
        assert self.bring(signed_in("audit.xu"), draft, graph, b"x").status_code == 403

    def test_in_needs_a_file(self, desk: Client, draft: Draft) -> None:
        assert desk.post(page(draft, "excel_in"), {"graph": "{}"}).json()["code"] == "malformed"


class TestTables:
    def test_are_drafts_of_their_own(self, desk: Client, at: datetime) -> None:
        with transaction.atomic():
            table = drafts.begin(key="limits", scenario="credit", form="table", title="Limits", by=officer(at), at=at)
        rules = [{"product": '"LINE"', "limit_cents": "1"}, {"limit_cents": "0"}]
        graph = jdm.graph(
            jdm.input_node(table.scenario.input_schema),
            jdm.table("limits", ["product"], ["limit_cents"], rules),
            jdm.output_node(),
        )
        assert ask(desk, table, "save", {"graph": graph, "revision": 1}).status_code == 200
        assert data_of(desk, page(table))["form"] == "table"
