"""`manage.py strategy backtest`: files and rows in, the summary as JSON out, no database."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from risk.rules import strategy
from risk.rules.strategy import DATA

CREDIT = [str(DATA / "flows" / f"{name}.json") for name in ("credit", "credit_rules", "credit_score")]
ADMISSION = str(DATA / "flows" / "admission.json")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    call_command("strategy", "backtest", *arguments)
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    with pytest.raises(SystemExit) as ended:
        call_command("strategy", "backtest", *arguments)
    assert ended.value.code == 1
    out, errors = capsys.readouterr()
    assert out == ""
    return [json.loads(line) for line in errors.splitlines()]


class TestBacktest:
    def test_of_the_sample_prints_the_documented_figures(self, capsys: pytest.CaptureFixture[str]) -> None:
        told = run(capsys, *CREDIT, "--sample", "--held-out")
        assert told["rows"] == 250
        quality = told["candidate"]["quality"]
        assert (round(quality["ks"], 4), round(quality["auc"], 4)) == (0.5199, 0.8121)
        assert {group["group"] for group in told["fairness"]} == {"sex", "foreign_worker", "age_band"}

    def test_against_another_file_gives_the_swap_sets(self, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        looser = tmp_path / "looser.json"
        looser.write_text(Path(CREDIT[0]).read_text(encoding="utf-8").replace('">= 611"', '">= 590"'), encoding="utf-8")
        told = run(capsys, str(looser), *CREDIT[1:], "--sample", "--baseline", CREDIT[0])
        approved = {side: told[side]["outcomes"]["approve"] for side in ("candidate", "baseline")}
        assert approved["baseline"] == 552
        assert told["swaps"]["in"]["rows"] == approved["candidate"] - 552 > 0
        assert told["swaps"]["out"]["rows"] == 0

    def test_reads_json_lines_and_csv_alike(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        lines = [
            {"inputs": {"identity_state": "passed"}, "bad": True, "ref": "a", "groups": {"sex": "f"}},
            {"months": 1},
        ]
        monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(json.dumps(line) for line in lines) + "\n\n"))
        told = run(capsys, ADMISSION)
        assert (told["rows"], told["bad"], told["fairness"][0]["told"]) == (2, 1, 1)
        assert told["candidate"]["faults"][0]["refs"] == ["a", "2"]
        csv = tmp_path / "rows.csv"
        csv.write_text("ref,identity_state,bad,group:sex\na,passed,1,f\nb,,,\n")
        told = run(capsys, ADMISSION, "--csv", str(csv))
        assert (told["rows"], told["bad"], told["fairness"][0]["told"]) == (2, 1, 1)

    def test_names_what_is_wrong_and_prints_no_summary(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        assert refused(capsys, CREDIT[0], "--sample")[0]["code"] == "missing_decision"
        broken = tmp_path / "broken.json"
        broken.write_text(Path(CREDIT[0]).read_text(encoding="utf-8").replace('">= 611"', '">= 611)"'))
        (problem,) = refused(capsys, str(broken), *CREDIT[1:], "--sample")
        assert (problem["code"], problem["node"]) == ("broken_cell", "grade")
        for text, code in (
            ("", "no_rows"),
            ("{", "invalid_json"),
            ("[]", "invalid_row"),
            ('{"inputs": {}, "bad": "x"}', "invalid_row"),
        ):
            monkeypatch.setattr("sys.stdin", io.StringIO(text))
            assert refused(capsys, ADMISSION)[0]["code"] == code, text
        csv = tmp_path / "rows.csv"
        csv.write_text("months,sex\n1,f\n")
        assert refused(capsys, ADMISSION, "--csv", str(csv))[0]["code"] == "protected_column"
        assert refused(capsys, ADMISSION, "--csv", str(tmp_path / "none.csv"))[0]["code"] == "unreadable_file"

    def test_tries_a_part_of_the_strategy_without_asking_an_offer_of_it(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        told = run(capsys, CREDIT[1], "--sample")
        assert told["candidate"]["outcomes"]["error"] == 0
        assert told["candidate"]["outcomes"]["approve"] > 0
        assert set(strategy.scenarios()["credit"]["inputs"]) >= {row["name"] for row in told["variables"]}
