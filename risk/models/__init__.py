"""The machine's verdict: what may be decided with (strategy) and what was decided (assessments)."""

from risk.models.assessments import (
    Assessment,
    AssessmentKind,
    AssessmentState,
    DataPull,
    Decision,
    PullState,
)
from risk.models.strategy import Binding, Release, ReleaseForm, Scenario, Variable, VariableType

__all__ = [
    "Assessment",
    "AssessmentKind",
    "AssessmentState",
    "Binding",
    "DataPull",
    "Decision",
    "PullState",
    "Release",
    "ReleaseForm",
    "Scenario",
    "Variable",
    "VariableType",
]
