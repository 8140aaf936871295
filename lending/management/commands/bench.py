"""`manage.py bench`: hot paths, each beside its peer in the same run, as a table. Targets are ratios (peer / ours)."""

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from itertools import product
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from lending.rules import schedule
from lending.rules.schedule import Terms, build_schedule, plan_for
from risk.rules import engine, strategy, trials, tryout
from risk.rules.backtesting import Tally
from risk.rules.catalogue import filled
from risk.rules.trials import Plan
from risk.rules.verdict import read_verdict

AMOUNTS = range(100_000, 5_000_000, 9_700)  # cents, ¥1,000 to ¥50,000
RATES = tuple(Decimal(rate) for rate in ("0.108", "0.144", "0.18", "0.204"))
MONTHS = 12
DAY = date(2026, 1, 31)
ROUNDS = 30
CHUNK = 500  # rows


@dataclass(frozen=True, slots=True)
class Row:
    """Seconds a call; `target` is None where a row is there for information."""

    path: str
    what: str
    ours: float
    peer: float
    target: float | None

    @property
    def ratio(self) -> float:
        return self.peer / self.ours


class Command(BaseCommand):
    help = "Measures the hot paths beside their peers; exits 1 where a target is missed."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        rows = [*decision_rows(), *schedule_rows(), *backtest_rows()]
        self.stdout.write(f"{'path':<5} {'what':<58} {'ours':>10} {'peer':>10} {'ratio':>7}  target")
        for row in rows:
            target = f">= {row.target:g}  {'ok' if row.ratio >= row.target else 'MISSED'}" if row.target else "-"
            self.stdout.write(
                f"{row.path:<5} {row.what:<58} {row.ours * 1e6:>7.2f} us {row.peer * 1e6:>7.2f} us "
                f"{row.ratio:>6.2f}x  {target}"
            )
        ours, peer, total = cents_off()
        self.stdout.write(
            f"8     rows off the exact cent, of {total}: ours {ours}, amortization {version('amortization')} {peer}"
        )
        if ours or any(row.target and row.ratio < row.target for row in rows):
            raise CommandError("A target was missed.")


def schedule_rows() -> list[Row]:
    """Path 8: twelve monthly instalments of many amounts. Ours also works out due dates, the peer does not."""
    peer_schedule = _peer()
    terms = Terms(AMOUNTS[0], RATES[1], MONTHS, DAY)
    plan = plan_for(terms)
    rate = float(RATES[1])

    def ours() -> None:
        for cents in AMOUNTS:
            plan.rows(cents)

    def ours_named() -> None:
        for cents in AMOUNTS:
            plan.lines(cents)

    def ours_from_terms() -> None:
        for cents in AMOUNTS:
            build_schedule(Terms(cents, RATES[1], MONTHS, DAY))

    def ours_cold() -> None:
        for cents in AMOUNTS[::10]:
            schedule._plan.cache_clear()
            build_schedule(Terms(cents, RATES[1], MONTHS, DAY))

    def peer() -> None:
        for cents in AMOUNTS:
            list(peer_schedule(cents / 100, rate, MONTHS))

    name = f"amortization {version('amortization')}"
    every, tenth = len(AMOUNTS), len(AMOUNTS[::10])
    fast, named, warm, cold, theirs = beside(
        {ours: every, ours_named: every, ours_from_terms: every, ours_cold: tenth, peer: every}
    )
    return [
        Row("8", f"schedule of an amount on known terms / {name}", fast, theirs, 3.0),
        Row("8", "the same, each instalment an object", named, theirs, None),
        Row("8", "the same, and the terms given anew with each amount", warm, theirs, None),
        Row("8", "the same, on terms never seen (due dates worked out)", cold, theirs, None),
    ]


def decision_rows() -> list[Row]:
    """Path 1: one decision of the shipped credit flow without a database: its inputs picked from what is known and
    completed by the catalogue's defaults, checked, evaluated, the answer read as a verdict.

    Its peer is the bare engine on the same flow and inputs.
    """
    address = strategy.shipped_addresses()["credit"]
    names, needs = strategy.scenarios()["credit"]["inputs"], ("limit_cents", "annual_rate", "terms")
    people = [row["inputs"] for row in tryout.sample_rows()[:CHUNK]]
    inputs = [{name: known.get(name) for name in names} for known in people]

    def ours() -> None:
        for known in people:
            values, _ = filled(names, known, {})
            read_verdict(engine.evaluate(address, values), needs)

    def peer() -> None:
        for values in inputs:
            engine._engine.evaluate(address, values)

    mine, bare = beside({ours: len(people), peer: len(people)}, rounds=5)
    return [Row("1", f"a decision of the credit flow, {1 / mine:,.0f}/s / bare engine", mine, bare, 0.7)]


def backtest_rows() -> list[Row]:
    """Path 9: a chunk of a backtest without a database: inputs completed, evaluated, verdicts read, packed and counted.

    Its peer is a plain loop over the engine that keeps nothing but the answers.
    """
    rows = tryout.sample_rows()[:CHUNK]
    address = strategy.shipped_addresses()["credit"]
    names = strategy.scenarios()["credit"]["inputs"]
    plan = Plan(address, None, names, {}, (("limit_cents", "annual_rate", "terms"), ()))
    inputs = [{name: row["inputs"].get(name) for name in names} for row in rows]

    def ours() -> None:
        tally = Tally(tryout.GROUPS)
        tally.add(*trials.run(rows, plan))
        tally.summary()

    def peer() -> None:
        for values in inputs:
            engine.evaluate(address, values)

    mine, loop = beside({ours: len(rows), peer: len(rows)}, rounds=5)
    return [Row("9", f"a row of a backtest, {1 / mine:,.0f} rows/s / loop over the engine", mine, loop, None)]


def cents_off() -> tuple[int, int, int]:
    """Rows whose interest differs from exact rational arithmetic with the same rounding: ours, the peer's, of all."""
    peer_schedule, ours, peer, total = _peer(), 0, 0, 0
    for rate, cents in product(RATES, AMOUNTS[::10]):
        exact = _exact_interest(cents, Fraction(rate) / 12, MONTHS)
        lines = build_schedule(Terms(cents, rate, MONTHS, DAY))
        theirs = [round(row[2] * 100) for row in peer_schedule(cents / 100, float(rate), MONTHS)]
        ours += sum(line.interest_cents != right for line, right in zip(lines, exact, strict=True))
        peer += sum(found != right for found, right in zip(theirs, exact, strict=True))
        total += MONTHS
    return ours, peer, total


def _exact_interest(cents: int, factor: Fraction, months: int) -> list[int]:
    level = int(cents * factor / (1 - (1 + factor) ** -months) + Fraction(1, 2))
    balance, interests = cents, []
    for _ in range(months):
        interests.append(int(balance * factor + Fraction(1, 2)))
        balance -= level - interests[-1]
    return interests


def beside(acts: Mapping[Callable[[], None], int], rounds: int = ROUNDS) -> list[float]:
    """Best seconds a call of each act; acts: each with the calls it makes.

    The acts take turns, so that a busy machine slows all of them alike, and the best of all rounds counts.
    """
    for act in acts:
        act()
    taken: list[list[float]] = [[] for _ in acts]
    collecting = gc.isenabled()
    gc.disable()  # as timeit does: how much garbage the rest of the process holds is nobody's speed
    try:
        for _ in range(rounds):
            for (act, calls), times in zip(acts.items(), taken, strict=True):
                start = time.perf_counter()
                act()
                times.append((time.perf_counter() - start) / calls)
    finally:
        if collecting:
            gc.enable()
    return [min(times) for times in taken]


def _peer() -> Callable[..., Any]:
    try:
        version("amortization")
    except PackageNotFoundError as error:
        raise CommandError(
            "The peer is missing: it is in the dev group of pyproject.toml (pip install amortization)."
        ) from error
    from amortization.schedule import amortization_schedule

    return amortization_schedule
