"""What each kind of notice means, and what to do about it. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """`model`: the label of what it is about; who may not see that does not see the notice."""

    title: str
    what_to_do: str
    model: str


KINDS = {
    "step_parked": Kind(
        "Step stuck",
        "Open the step and read its error. Remove the cause, then press “Try again” and say what was changed: the steps"
        " after it wait until then.",
        "lending.Event",
    ),
    "above_ceiling": Kind(
        "Loan above the cost ceiling",
        "The money is out and costs more a year than the product allows. Waive interest or settle with the borrower;"
        " tell compliance the same day.",
        "lending.Loan",
    ),
    "source_dead": Kind(
        "Data source does not answer",
        "Look at the latest checks and pulls of this source. Call the vendor; switch the source off in the register if"
        " it stays silent, so that its fallback is asked at once.",
        "users.Source",
    ),
    "drill_running": Kind(
        "Outage drill",
        "A source is made to seem dead, slow or wrong. Open the drill: it shows what applications meet meanwhile, and"
        " can be stopped. The notice closes by itself when the drill is over.",
        "users.Drill",
    ),
    "breaker_open": Kind(
        "Circuit breaker of a source is open",
        "The source failed so often that nobody calls it for seconds at a time; its fallback is asked at once. It"
        " closes by itself when a call is answered. Call the vendor; switch the source off if it lasts.",
        "users.Source",
    ),
    "answer_quarantined": Kind(
        "Answer of a source cannot be read",
        "Open the pulls in quarantine. Has the vendor changed its format? Mend the catalogue's path or type, then read"
        " the answers again; until then the source counts as silent.",
        "risk.DataPull",
    ),
    "data_budget": Kind(
        "Spend on data near its budget",
        "Open the spend on data. More applications than usual, a dearer fallback, or a source asked twice? Tell the"
        " analysts before the budget is used up; they change it where the spend is wanted.",
        "risk.Budget",
    ),
    "assessment_failing": Kind(
        "Assessment keeps failing",
        "Open the assessment: its last error names the flow or the source. It is tried again by itself once that is"
        " mended.",
        "risk.Assessment",
    ),
    "nothing_in_force": Kind(
        "Nothing decides",
        "No release serves this scenario: every application that needs it waits. Put one in force, or roll back.",
        "risk.Scenario",
    ),
    "emergency_release": Kind(
        "Released without a second person",
        "Read the submission and its reason today. It ends by itself; what shall stay is submitted in the regular way.",
        "risk.Submission",
    ),
    "backtest_done": Kind(
        "Backtest is done",
        "Whoever started it: open the result. Opening it closes this notice.",
        "risk.Backtest",
    ),
    "backtest_failed": Kind(
        "Backtest failed",
        "Whoever started it: open it and read which chunk failed and why; start it again once that is mended. Opening"
        " it closes this notice.",
        "risk.Backtest",
    ),
    "strategy_moved": Kind(
        "Strategy decides otherwise than in its backtest",
        "Analysts: open the day and its scenario's page. Have the applicants changed (score PSI), a source gone silent"
        " (unknown rate), or the release an effect that the backtest did not show (approval rate)? Roll back if it is"
        " the release.",
        "risk.MonitoringDay",
    ),
    "second_look_differs": Kind(
        "Second look differs",
        "Leads: read the second look beside the case. Reopen it with the borrower where the borrower was harmed; talk"
        " to the reviewer, whose reply stands on the second look.",
        "review.SecondLook",
    ),
    "review_drift": Kind(
        "Reviewer or queue judges otherwise than before",
        "Leads: open the figures. Have the applicants changed, a rule, or the reviewer? Ask for more second looks where"
        " you cannot tell.",
        "review.DriftAlarm",
    ),
    "overrides_many": Kind(
        "Reviewers judge against a rule",
        "Analysts: open the overrides of this rule and the draft that was begun of it, with its backtest. Change the"
        " rule, or write down why it stands.",
        "review.OverrideBrief",
    ),
    "submission_refused": Kind(
        "Funder's wire refuses us",
        "The funder did not judge the borrower: it refused our message. Check credentials and the contract with the"
        " funder; the drawdown has gone to the next funder.",
        "funding.Funder",
    ),
    "payout_unknown": Kind(
        "Payout without an answer",
        "Nobody knows yet whether the money moved, and it is never sent twice. Read the payout's last answer, call the"
        " payment channel with its key, and close this once its state is known.",
        "funding.Payout",
    ),
    "payout_refused": Kind(
        "Payout refused by the channel",
        "The channel refused the order itself. Read its answer on the payout, repair what it names (credentials,"
        " account, key). The order is asked about and sent again by itself.",
        "funding.Payout",
    ),
    "payout_amount": Kind(
        "Payout with another amount",
        "The channel reports another amount than ordered. Nothing is booked on it. Clear it with the channel before"
        " anything else happens to this drawdown.",
        "funding.Payout",
    ),
    "payout_contradiction": Kind(
        "Payout failed, then paid",
        "The borrower may hold money that no loan stands for. Ask the channel for its statement; finance decides.",
        "funding.Payout",
    ),
    "collection_refused": Kind(
        "Direct debit refused by the channel",
        "The channel refused the order itself. Read its answer on the collection and repair what it names.",
        "funding.Collection",
    ),
    "collection_contradiction": Kind(
        "Direct debit with two answers",
        "The channel contradicted itself about money taken from a borrower. Ask it for its statement; book nothing by"
        " hand.",
        "funding.Collection",
    ),
    "case_at_risk": Kind(
        "Review case at risk",
        "Leads: the case will be late soon. See on it who holds it; take it away and give it to somebody, or put more"
        " reviewers on duty. It closes by itself when the case is decided.",
        "review.Case",
    ),
    "case_breached": Kind(
        "Review case late",
        "Leads: the time promised is over. Every reviewer who may have it is offered it now; see that one takes it, and"
        " why it lay. It closes by itself when the case is decided.",
        "review.Case",
    ),
    "precheck_stopped": Kind(
        "Prechecks of a channel are stopped",
        "More than 35 % of its last 1,000 prechecks were of people we know: it may be looking for our customers. Ask"
        " the partner how it chooses whom it asks about; then press “Resume prechecks” on the channel's page.",
        "traffic.Channel",
    ),
    "push_given_up": Kind(
        "Partner does not take its statuses",
        "A status was offered to the channel's receiver for 24 hours. Call the partner; once its receiver answers, open"
        " the failed status pushes of the channel and send them again. The partner can also read what it missed itself,"
        " from `events`.",
        "traffic.Channel",
    ),
    "lead_unknown": Kind(
        "Platform does not say whether it has a borrower",
        "The borrower's details may have reached the platform, and are never sent twice. Call the platform with the"
        " lead's key; it is asked by itself meanwhile, and this closes with its answer. The borrower cannot choose"
        " another platform until then.",
        "traffic.Lead",
    ),
    "contract_stuck": Kind(
        "Contract cannot be made",
        "Open the contract: its last error names the template, the text or the seal. It is tried again by itself once"
        " that is mended; the borrower waits.",
        "contracts.Contract",
    ),
}
OTHER = Kind("Notice", "Read it, look at its subject, and write down what came of it.", "")


def kind(code: str) -> Kind:
    return KINDS.get(code, OTHER)
