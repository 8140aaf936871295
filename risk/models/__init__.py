"""The machine's verdict: what may be decided with (strategy) and what was decided (assessments)."""

from risk.models.assessments import (
    Arm,
    Assessment,
    AssessmentKind,
    AssessmentState,
    DataPull,
    Decision,
    PullState,
    ShadowDecision,
)
from risk.models.backtests import Backtest, BacktestChunk, BacktestState, ChunkState
from risk.models.builds import BuildState, ScorecardBuild
from risk.models.datasets import Dataset, DatasetPart, DatasetSource
from risk.models.drafts import Draft, DraftState, Submission, SubmissionState
from risk.models.experiments import Exemption, Experiment, ExperimentKind
from risk.models.monitoring import MonitoringDay
from risk.models.spend import Budget, BudgetKind
from risk.models.strategy import Binding, Release, ReleaseForm, Scenario, Segment, Variable, VariableType

__all__ = [
    "Arm",
    "Assessment",
    "AssessmentKind",
    "AssessmentState",
    "Backtest",
    "BacktestChunk",
    "BacktestState",
    "Binding",
    "Budget",
    "BudgetKind",
    "BuildState",
    "ChunkState",
    "DataPull",
    "Dataset",
    "DatasetPart",
    "DatasetSource",
    "Decision",
    "Draft",
    "DraftState",
    "Exemption",
    "Experiment",
    "ExperimentKind",
    "MonitoringDay",
    "PullState",
    "Release",
    "ReleaseForm",
    "Scenario",
    "ScorecardBuild",
    "Segment",
    "ShadowDecision",
    "Submission",
    "SubmissionState",
    "Variable",
    "VariableType",
]
