"""Every write of the risk engine."""

from risk.services.answers import read_again, run_retention
from risk.services.assessments import (
    cancel,
    run_assessment,
    run_due,
    start_assessment,
    start_drawdown_check,
)
from risk.services.decisions import Replay, replay
from risk.services.drafts import begin as begin_draft
from risk.services.drafts import discard as discard_draft
from risk.services.drafts import fork as fork_release
from risk.services.drafts import save as save_draft
from risk.services.erasure import erase, forget
from risk.services.exemptions import approve as approve_exemption
from risk.services.exemptions import ask as ask_exemption
from risk.services.exemptions import end as end_exemption
from risk.services.exemptions import exemptible_rules
from risk.services.experiments import end as end_experiment
from risk.services.experiments import ramp as ramp_experiment
from risk.services.experiments import start as start_experiment
from risk.services.feedback import Disputed, Proposal
from risk.services.feedback import homes as rule_homes
from risk.services.feedback import propose as propose_draft
from risk.services.importing import import_flows
from risk.services.publishing import approve as approve_strategy
from risk.services.publishing import draft_report
from risk.services.publishing import refuse as refuse_strategy
from risk.services.publishing import submit as submit_strategy
from risk.services.publishing import withdraw as withdraw_strategy
from risk.services.releases import Scope, bind, cancel_binding, release, retire, roll_back

__all__ = [
    "Disputed",
    "Proposal",
    "Replay",
    "Scope",
    "approve_exemption",
    "approve_strategy",
    "ask_exemption",
    "begin_draft",
    "bind",
    "cancel",
    "cancel_binding",
    "discard_draft",
    "draft_report",
    "end_exemption",
    "end_experiment",
    "erase",
    "exemptible_rules",
    "forget",
    "fork_release",
    "import_flows",
    "propose_draft",
    "ramp_experiment",
    "read_again",
    "refuse_strategy",
    "release",
    "replay",
    "retire",
    "roll_back",
    "rule_homes",
    "run_assessment",
    "run_due",
    "run_retention",
    "save_draft",
    "start_assessment",
    "start_drawdown_check",
    "start_experiment",
    "submit_strategy",
    "withdraw_strategy",
]
