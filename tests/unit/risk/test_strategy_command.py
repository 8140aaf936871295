"""`manage.py strategy` as somebody at a shell meets it: files in, JSON lines out, no database."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from lending.sandbox.applicants import rows
from risk.rules.strategy import DATA, inputs_of, outcomes, scenarios
from tests.unit.risk.test_gate import flow, sound

FLOWS = sorted(str(path) for path in (DATA / "flows").glob("*.json"))


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    call_command("strategy", *arguments)
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture
def ages(tmp_path: Path) -> Path:
    path = tmp_path / "ages.json"
    path.write_text(json.dumps(sound()))
    return path


class TestCheck:
    def test_is_silent_about_the_shipped_flows(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(capsys, "check", *FLOWS) == []

    def test_prints_one_line_a_problem_and_fails(self, capsys: pytest.CaptureFixture[str], ages: Path) -> None:
        document = sound()
        document["graph"]["nodes"][1]["content"]["rules"][0]["ages-in-age"] = "< 18)"
        ages.write_text(json.dumps(document))
        with pytest.raises(SystemExit) as ended:
            call_command("strategy", "check", str(ages))
        assert ended.value.code == 1
        (line,) = capsys.readouterr().out.splitlines()
        told = json.loads(line)
        assert list(told) == ["file", "node", "field", "code", "message"]
        assert (told["file"], told["node"], told["field"]) == (str(ages), "ages", "rules[0].age")

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("{", "invalid_json"),
            ('{"nodes": NaN}', "invalid_json"),
            ("[]", "invalid_document"),
            ('{"nodes": []}', "invalid_document"),
            ('{"graph": {"nodes": [1], "edges": []}}', "invalid_document"),
            (None, "unreadable_file"),
        ],
    )
    def test_names_a_file_that_is_no_flow(
        self, capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str | None, code: str
    ) -> None:
        path = tmp_path / "broken.json"
        if text is not None:
            path.write_text(text)
        with pytest.raises(SystemExit):
            call_command("strategy", "check", str(path))
        assert json.loads(capsys.readouterr().out)["code"] == code

    def test_references_resolve_only_among_the_files_given(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            call_command("strategy", "check", str(DATA / "flows" / "credit.json"))
        told = [json.loads(line)["code"] for line in capsys.readouterr().out.splitlines()]
        assert told == ["missing_decision", "missing_decision"]


class TestEvaluate:
    def feed(self, monkeypatch: pytest.MonkeyPatch, *lines: object) -> None:
        text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
        monkeypatch.setattr("sys.stdin", io.StringIO(text))

    def test_answers_a_line_a_line(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, ages: Path
    ) -> None:
        self.feed(monkeypatch, {"age": 17}, {"age": 18})
        told = run(capsys, "evaluate", str(ages))
        assert told == [{"limit_cents": 0, "outcome": "decline"}, {"limit_cents": 100000, "outcome": "approve"}]

    @pytest.mark.parametrize(
        ("line", "code"),
        [
            ("{", "invalid_json"),
            ('{"age": NaN}', "invalid_json"),
            ("[1]", "invalid_input"),
            ("{}", "node_error"),
            ('{"age": "old"}', "node_error"),
            ('{"age": 9223372036854775808}', "integer_out_of_range"),
        ],
    )
    def test_a_bad_line_is_an_error_of_that_line(
        self,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
        ages: Path,
        line: str,
        code: str,
    ) -> None:
        self.feed(monkeypatch, line, {"age": 18})
        bad, good = run(capsys, "evaluate", str(ages))
        assert (bad["error"]["code"], good["outcome"]) == (code, "approve")

    def test_takes_a_bare_graph(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, ages: Path
    ) -> None:
        ages.write_text(json.dumps(sound()["graph"]))
        self.feed(monkeypatch, {"age": 17})
        assert run(capsys, "evaluate", str(ages))[0]["outcome"] == "decline"

    def test_runs_the_shipped_credit_flow_with_what_it_asks(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        row = rows()[2]
        inputs = {name: inputs_of(row).get(name) for name in scenarios()["credit"]["inputs"]}
        self.feed(monkeypatch, inputs)
        credit = str(DATA / "flows" / "credit.json")
        (told,) = run(capsys, "evaluate", credit, *(path for path in FLOWS if path != credit))
        assert told["score"] == outcomes([row])[3].score

    def test_a_missing_sub_decision_is_said_at_once(self) -> None:
        with pytest.raises(CommandError, match="missing_decision"):
            call_command("strategy", "evaluate", str(DATA / "flows" / "credit.json"))


class TestBuild:
    def test_prints_what_the_card_does_on_rows_it_has_not_seen(self, capsys: pytest.CaptureFixture[str]) -> None:
        call_command("strategy", "build-scorecard", "--dry-run")
        assert capsys.readouterr().out.startswith("held out (250 rows, number divisible by 4): KS 0.5199 AUC 0.8121")


@pytest.mark.django_db
class TestExport:
    def test_writes_what_is_in_force_so_that_it_can_be_checked(
        self, capsys: pytest.CaptureFixture[str], configured: None, clock: object, tmp_path: Path
    ) -> None:
        call_command("strategy", "export", str(tmp_path))
        written = sorted(tmp_path.glob("*.json"))
        assert [path.stem for path in written] == sorted(Path(path).stem for path in FLOWS)
        capsys.readouterr()
        assert run(capsys, "check", *map(str, written)) == []
        for path in written:
            assert json.loads(path.read_text()) == json.loads((DATA / "flows" / path.name).read_text())


def test_a_flow_is_read_as_it_was_written() -> None:
    assert flow(sound()).graph == sound()["graph"]
