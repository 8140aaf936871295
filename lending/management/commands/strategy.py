"""Risk strategies as files: check them, evaluate them, build and export them, replay a decision."""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from lending.common import clock
from lending.common.errors import DomainError
from risk.rules import engine, gate, sample, strategy, tabular, training, tryout
from risk.rules.document import Flow, Unreadable, canonical, loads, read


class Command(BaseCommand):
    help = (
        "check | evaluate | backtest | build-scorecard | compile | import | export | replay"
        " (the first five touch no database)"
    )
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="verb", required=True)
        check = commands.add_parser(
            "check", help="print one JSON line per problem of the files as one set; exit 1 if any"
        )
        check.add_argument("files", nargs="+", metavar="FILE")
        evaluate = commands.add_parser("evaluate", help="evaluate the first file for every JSON line on standard input")
        evaluate.add_argument("files", nargs="+", metavar="FILE")
        backtest = commands.add_parser(
            "backtest",
            help="the first file over rows (JSON lines on standard input, --csv or --sample); prints a summary",
        )
        backtest.add_argument("files", nargs="+", metavar="FILE")
        rows = backtest.add_mutually_exclusive_group()
        rows.add_argument("--csv", metavar="FILE", help="rows as a dataset's CSV: variables, bad, group:NAME")
        rows.add_argument("--sample", action="store_true", help="the 1,000 rows of German Credit")
        backtest.add_argument("--held-out", action="store_true", help="of the sample: rows that no card was fitted to")
        backtest.add_argument("--baseline", metavar="FILE", help="compare with this one; it asks the same other files")
        build = commands.add_parser(
            "build-scorecard", help="fit the scorecard, print KS and AUC on held-out rows, write it"
        )
        build.add_argument("--dry-run", action="store_true", help="print the figures, write nothing")
        commands.add_parser("compile", help="write the flows of the shipped rule sets and scorecard")
        import_ = commands.add_parser("import", help="make drafts of the files, of all or of none")
        import_.add_argument("files", nargs="+", metavar="FILE")
        import_.add_argument("--scenario", default="", help="of bare graphs, which name none")
        import_.add_argument("--by", required=True, metavar="USERNAME", help="the analyst whose drafts they are")
        export = commands.add_parser("export", help="write one JSON file per released flow")
        export.add_argument("directory", metavar="DIR")
        replay = commands.add_parser("replay", help="evaluate a stored decision again and compare the bytes")
        replay.add_argument("decision", metavar="ID", help="public id or number of the decision")

    def handle(self, *args: object, **options: Any) -> None:
        getattr(self, f"do_{options['verb'].replace('-', '_')}")(options)

    def do_check(self, options: dict[str, Any]) -> None:
        flows, problems = [], []
        for name in options["files"]:
            try:
                flows.append(_read(name))
            except Unreadable as error:
                problems.append(gate.Problem(name, "", "", error.code, str(error)))
        problems += gate.check(flows)
        for problem in problems:
            self.stdout.write(json.dumps(asdict(problem), ensure_ascii=False))
        if problems:
            sys.exit(1)

    def do_evaluate(self, options: dict[str, Any]) -> None:
        try:
            flows = [_read(name) for name in options["files"]]
            address = engine.load(flows)[flows[0].key]
        except (Unreadable, engine.EvaluationFailed) as error:
            raise CommandError(f"{error.code}: {error}") from error
        for line in _lines(sys.stdin):
            self.stdout.write(canonical(_answer(address, line)))

    def do_backtest(self, options: dict[str, Any]) -> None:
        """Prints the summary; an error is one JSON line on standard error, and exit 1."""
        try:
            flows = [_read(name) for name in options["files"]]
            former = [_read(options["baseline"])] if options["baseline"] else []
            if problems := gate.check([*flows, *(flow for flow in former if flow.key != flows[0].key)]):
                self._refuse([asdict(problem) for problem in problems])
            rows = _rows(options)
            if not rows:
                raise Unreadable("no_rows", "there is no row to try")
            told = tryout.summary(
                flows=flows,
                baseline=[*former, *(flow for flow in flows[1:] if flow.key != former[0].key)] if former else [],
                rows=rows,
                groups=tryout.groups_of(rows),
            )
        except (Unreadable, engine.EvaluationFailed) as error:
            self._refuse([{"code": error.code, "message": str(error)}])
        except tabular.Unreadable as error:
            self._refuse([asdict(fault) for fault in error.faults])
        else:
            self.stdout.write(json.dumps(told, ensure_ascii=False, indent=1))

    def _refuse(self, errors: list[dict[str, Any]]) -> None:
        for error in errors:
            self.stderr.write(json.dumps(error, ensure_ascii=False))
        sys.exit(1)

    def do_build_scorecard(self, options: dict[str, Any]) -> None:
        with sample.PATH.open(encoding="utf-8") as file:
            built = training.build(sample.read(file))
        self.stdout.write(
            f"held out ({built.rows_held_out} rows, number divisible by 4): KS {built.ks:.4f} AUC {built.auc:.4f}\n"
            f"training ({built.rows_train} rows): KS {built.ks_train:.4f} AUC {built.auc_train:.4f}"
        )
        if not options["dry_run"]:
            _write(strategy.DATA / "scorecard.json", built.card)
            self.do_compile(options)

    def do_compile(self, options: dict[str, Any]) -> None:
        for name, document in strategy.compiled().items():
            _write(strategy.DATA / "flows" / name, document)

    def do_import(self, options: dict[str, Any]) -> None:
        from risk import services
        from users import queries as users

        flows, problems = [], []
        for name in options["files"]:
            try:
                flows.append(_read(name))
            except Unreadable as error:
                problems.append({"file": name, "node": "", "field": "", "code": error.code, "message": str(error)})
        try:
            if not problems:
                by = users.staff_actor(options["by"])
                with transaction.atomic(durable=True):
                    made = services.import_flows(flows=flows, scenario=options["scenario"], by=by, at=clock.now())
        except DomainError as error:
            told = {"file": "", "node": "", "field": "", "code": error.code, "message": error.detail}
            problems = error.data.get("problems") or [told]
        for problem in problems:
            self.stdout.write(json.dumps(problem, ensure_ascii=False))
        if problems:
            sys.exit(1)
        for row in made:
            number = row.draft.pk if row.draft else None
            self.stdout.write(json.dumps({"file": row.file, "key": row.key, "draft": number}))

    def do_export(self, options: dict[str, Any]) -> None:
        from risk import queries  # the verbs above work where no database is configured

        directory = Path(options["directory"])
        directory.mkdir(parents=True, exist_ok=True)
        for document in queries.released_documents(clock.now()):
            _write(directory / f"{document['key']}.json", document)
            self.stdout.write(str(directory / f"{document['key']}.json"))

    def do_replay(self, options: dict[str, Any]) -> None:
        from risk import queries, services

        with transaction.atomic(durable=True):
            told = services.replay(decision_id=queries.decision_number(options["decision"]))
        self.stdout.write(json.dumps({"same": told.same, "stored": told.stored, "replayed": told.replayed}))
        if not told.same:
            sys.exit(1)


def _rows(options: dict[str, Any]) -> Sequence[Mapping[str, Any]]:
    if options["sample"]:
        return tryout.sample_rows(held_out=options["held_out"])
    if options["csv"]:
        try:
            content = Path(options["csv"]).read_bytes()
        except OSError as error:
            raise Unreadable("unreadable_file", str(error)) from error
        return tryout.csv_rows(content, strategy.catalogue())
    return list(tryout.json_rows(sys.stdin))


def _read(name: str) -> Flow:
    try:
        text = Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable("unreadable_file", str(error)) from error
    return read(text, file=name)


def _lines(stream: Iterable[str]) -> Iterable[str]:
    return (line for line in stream if line.strip())


def _answer(address: str, line: str) -> dict[str, Any]:
    try:
        inputs = loads(line)
        if not isinstance(inputs, dict):
            raise Unreadable("invalid_input", "an input is a JSON object")
        return engine.evaluate(address, inputs)
    except (Unreadable, engine.EvaluationFailed) as error:
        node = {"node": error.node} if isinstance(error, engine.EvaluationFailed) and error.node else {}
        return {"error": {"code": error.code, "message": str(error)} | node}


def _write(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
