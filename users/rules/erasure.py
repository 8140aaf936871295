"""What stays of somebody whose account is erased, and why: told before, listed after. English and Chinese."""

from datetime import date

KEEP_YEARS = 5  # after the last loan is over, as the privacy policy says
PROOF_YEARS = 3  # after the account is erased: as long as one may be sued over it

# Told to everybody: whether there is an entry, the list must not give away.
ALWAYS_TOLD = ("consents", "accesses", "lists")

KEPT: dict[str, tuple[str, str]] = {
    "loans": (
        "Your loans, what was paid out and repaid, the levels they earned, and the contracts and signatures under "
        "them: five years after the last loan, because the law on money laundering and on accounting says so. Of a "
        "bank card its last four digits",
        "您的借款、放款、还款与等级记录，以及相应合同和签署记录：依反洗钱及会计法律，自最后一笔借款结清起保存五年；"
        "银行卡仅保留后四位",
    ),
    "decisions": (
        "What was decided on your applications, by machine or people, and on which figures: without name or number",
        "您的申请由系统或人工作出的决定及其依据的数值：不含姓名与号码",
    ),
    "consents": (
        "What you agreed to and withdrew, when, and from which internet address: the proof that we were allowed to act,"
        " for three years, or as long as your loans",
        "您同意与撤回的内容、时间及网络地址：用以证明我们的处理经过授权，保存三年；有借款的，与借款记录保存同样期限",
    ),
    "accesses": (
        "Who of us looked at your data, when and why, as long as the above; and what staff did: without name or number",
        "本公司何人于何时因何原因查看过您的信息（保存期限同上）及所作操作：不含姓名与号码",
    ),
    "lists": (
        "An entry on our list against fraud, if there is one: it holds no name and no number, and is found only by "
        "who has the number",
        "反欺诈名单中的条目（如有）：不含姓名与号码，仅持有该号码者方可匹配",
    ),
}

# What stands in the way, by the door's word for it.
IN_THE_WAY: dict[str, tuple[str, str]] = {
    "application": (
        "An application is under way: cancel it, or wait for its end",
        "有申请正在处理：请先取消，或等待处理完成",
    ),
    "drawdown": (
        "A drawdown is under way: cancel it, or wait for its end",
        "有用款正在处理：请先取消，或等待处理完成",
    ),
    "loan": ("A loan is not repaid yet", "有借款尚未还清"),
    "work": (
        "Something of yours is being finished, for example a letter: try again in a few minutes",
        "有事项正在收尾（例如生成结清证明）：请几分钟后再试",
    ),
}


def keep_until(*, erased_on: date, ended_on: date | None) -> date:
    """The last day on which anything is kept. `ended_on`: when the last loan was over; None: there never was one."""
    proof = _later(erased_on, PROOF_YEARS)
    return max(proof, _later(ended_on, KEEP_YEARS)) if ended_on else proof


def _later(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # 29 February
        return day.replace(year=day.year + years, day=28)
