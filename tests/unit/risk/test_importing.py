"""`manage.py strategy import`: files become drafts, all of a set or none of it."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction

from risk.models import Draft
from risk.rules.jdm import decision, expression, graph, input_node, output_node, table
from risk.rules.strategy import DATA, schema_of
from users.services import configuration

BY = ("--by", "analyst.lin")
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _staff(configured: None, at: datetime) -> None:
    with transaction.atomic():
        configuration.load_staff(at=at, password="long enough for anybody")


def limits(**change: str) -> dict[str, Any]:
    rows = [{"months": "<= 12", "outcome": '"approve"'} | change, {"outcome": '"refer"', "reasons": "['S02']"}]
    nodes = table("limits", ["months"], ["outcome", "reasons"], rows)
    return graph(input_node(schema_of("credit")), nodes, output_node())


def written(folder: Path, **documents: Any) -> list[str]:
    for name, document in documents.items():
        (folder / f"{name}.json").write_text(document if isinstance(document, str) else json.dumps(document))
    return [str(folder / f"{name}.json") for name in documents]


def imported(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    call_command("strategy", "import", *arguments, *BY)
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    with pytest.raises(SystemExit) as ended:
        call_command("strategy", "import", *arguments, *BY)
    assert ended.value.code == 1
    assert Draft.objects.count() == 0, "nothing half-imported"
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_foreign_graph_becomes_a_draft_with_the_schema_of_its_scenario(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    foreign = limits()
    foreign["nodes"][0]["content"] = {}
    (told,) = imported(capsys, *written(tmp_path, my_limits=foreign), "--scenario", "credit")
    draft = Draft.objects.get()
    assert (told["key"], told["draft"], draft.form) == ("my_limits", draft.pk, "table")
    assert json.loads(draft.authored["nodes"][0]["content"]["schema"]) == schema_of("credit")


def test_files_that_refer_to_each_other_by_name_refer_by_key_afterwards(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asks = decision("ask", "my_limits.json", output_path="limits")
    said = expression("say", {"outcome": "limits.outcome", "reasons": "limits.reasons"})
    whole = graph(input_node(schema_of("credit")), asks, said, output_node())
    imported(capsys, *written(tmp_path, whole=whole, my_limits=limits()), "--scenario", "credit")
    flow = Draft.objects.get(key="whole")
    assert [node["content"]["key"] for node in flow.authored["nodes"] if node["type"] == "decisionNode"] == [
        "my_limits"
    ]


def test_what_is_released_as_it_stands_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    told = imported(capsys, *(str(path) for path in sorted((DATA / "flows").glob("*.json"))))
    assert {row["draft"] for row in told} == {None}
    assert Draft.objects.count() == 0


@pytest.mark.parametrize(
    ("change", "node", "code"),
    [
        ({"months": "<= 12)"}, "limits", "broken_cell"),
        ({"months": "< date('now')"}, "limits", "clock"),
        ({"outcome": '"approve'}, "limits", "broken_output"),
    ],
)
def test_one_bad_cell_refuses_the_whole_set(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, change: dict[str, str], node: str, code: str
) -> None:
    files = written(tmp_path, good=limits(), bad=limits(**change))
    (told,) = refused(capsys, *files, "--scenario", "credit")
    assert (told["file"], told["node"], told["code"]) == (files[1], node, code)
    assert told["field"].startswith("rules[0].")


def test_other_reasons_to_refuse(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    script = limits()
    script["nodes"][1] = {"id": "limits", "type": "functionNode", "name": "js", "content": {"source": "x"}}
    (told, *_) = refused(capsys, *written(tmp_path, script=script), "--scenario", "credit")
    assert (told["node"], told["code"]) == ("limits", "function_node")

    round_trip = limits()
    round_trip["edges"].append({"id": "back", "type": "edge", "sourceId": "limits", "targetId": "limits"})
    assert "cycle" in {row["code"] for row in refused(capsys, *written(tmp_path, a=round_trip), "--scenario", "credit")}

    (told,) = refused(capsys, *written(tmp_path, a="{"))
    assert told["code"] == "invalid_json"
    (told,) = refused(capsys, *written(tmp_path, a=limits()))
    assert told["code"] == "not_found"
    (told,) = refused(capsys, *written(tmp_path, admission=limits()), "--scenario", "admission")
    assert "inputs" in told["field"] or told["code"] in ("of_another_form", "unknown_variable")
    with pytest.raises(SystemExit):
        call_command("strategy", "import", *written(tmp_path, a=limits()), "--scenario", "credit", "--by", "nobody")
