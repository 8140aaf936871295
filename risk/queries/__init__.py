"""Reads for other apps and for doors. Frozen dataclasses; raw payloads leave this app for a logged reason only."""

from risk.queries.backtests import (
    BacktestView,
    backtest_csv,
    backtest_for,
    backtest_summary_csv,
    swap_samples,
    undecided_rows,
)
from risk.queries.datasets import (
    DatasetView,
    dataset,
    dataset_csv,
    dataset_rows,
)
from risk.queries.decisions import (
    DataUsed,
    DecisionView,
    PullView,
    SourceSpend,
    Spend,
    data_used,
    decision,
    decision_number,
    decisions_of,
    pulls_of,
    silent_on,
    sources_silent,
    spend_cents,
    spend_on,
)
from risk.queries.drills import Met, met
from risk.queries.experiments import (
    ArmFigures,
    Comparison,
    Flip,
    comparison,
)
from risk.queries.monitoring import (
    Watched,
    watched,
)
from risk.queries.strategy import (
    Served,
    inputs_of,
    register,
    released_documents,
    releases_in_force,
    serves_everywhere,
    states_of,
)

__all__ = [
    "ArmFigures",
    "BacktestView",
    "Comparison",
    "DataUsed",
    "DatasetView",
    "DecisionView",
    "Flip",
    "Met",
    "PullView",
    "Served",
    "SourceSpend",
    "Spend",
    "Watched",
    "backtest_csv",
    "backtest_for",
    "backtest_summary_csv",
    "comparison",
    "data_used",
    "dataset",
    "dataset_csv",
    "dataset_rows",
    "decision",
    "decision_number",
    "decisions_of",
    "inputs_of",
    "met",
    "pulls_of",
    "register",
    "released_documents",
    "releases_in_force",
    "serves_everywhere",
    "silent_on",
    "sources_silent",
    "spend_cents",
    "spend_on",
    "states_of",
    "swap_samples",
    "undecided_rows",
    "watched",
]
