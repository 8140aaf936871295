"""What borrowers are told by text message. Keyed by template, then language; {names} are the params of `queue`."""

from lending.common.errors import Invalid

DEFAULT_LANGUAGE = "zh-hans"
WITH_CODE = frozenset({"code_login", "code_consent", "code_card", "code_sign", "code_export", "code_erase"})

TEXTS: dict[str, dict[str, str]] = {
    "code_login": {
        "zh-hans": "验证码：{code}，{minutes}分钟内有效，用于登录。请勿告诉他人。",
        "en": "{code} is your sign-in code, valid for {minutes} minutes. Tell it to nobody.",
    },
    "code_consent": {
        "zh-hans": "验证码：{code}，{minutes}分钟内有效，用于签署《{title_zh}》。如非本人操作请勿填写。",
        "en": "{code} is your code to sign “{title_en}”, valid for {minutes} minutes. Ignore it if this is not you.",
    },
    "code_card": {
        "zh-hans": "验证码：{code}，{minutes}分钟内有效，用于绑定尾号{last4}的银行卡。请勿告诉他人。",
        "en": "{code} is your code to add the bank card ending in {last4}, valid for {minutes} minutes.",
    },
    "code_sign": {
        "zh-hans": "验证码：{code}，{minutes}分钟内有效，用于签署本次借款的全部合同。请在阅读合同后填写。",
        "en": "{code} is your code to sign the contracts of this loan, valid for {minutes} minutes. Read them first.",
    },
    "code_export": {
        "zh-hans": "验证码：{code}，{minutes}分钟内有效，用于下载您的全部个人信息。如非本人操作请勿填写。",
        "en": "{code} is your code to download all your data, valid for {minutes} minutes. Tell it to nobody.",
    },
    "code_erase": {
        "zh-hans": "验证码：{code}，{minutes}分钟内有效，用于注销并删除您的信息，不可恢复。如非本人操作请勿填写。",
        "en": "{code} is your code to erase your account, valid for {minutes} minutes. It cannot be undone.",
    },
    "data_taken": {
        "zh-hans": "您的全部个人信息刚刚被下载。如非本人操作，请立即联系我们。",
        "en": "A file with all your data was just downloaded. If this was not you, contact us at once.",
    },
    "application_granted": {
        "zh-hans": "您的授信已通过，额度{limit}，有效期至{valid_until}。请登录查看利率和还款计划。",
        "en": "You have been granted a limit of {limit}, valid until {valid_until}. Sign in to see price and schedule.",
    },
    "application_declined": {
        "zh-hans": "您的申请未通过。登录可查看原因，并可申请人工复核。",
        "en": "Your application was not approved. Sign in to see why, and to ask for a review by a person.",
    },
    "application_expired": {
        "zh-hans": "您的申请已过期，可随时重新申请。",
        "en": "Your application has expired. You may apply again at any time.",
    },
    "supplement_requested": {
        "zh-hans": "您的申请需要补充{count}项材料，请在{hours}小时内提交：{link}",
        "en": "We need {count} more for your application. See the list and send it within {hours} hours: {link}",
    },
    "sign_now": {
        "zh-hans": "资金方已同意您的借款，请登录阅读并签署合同。",
        "en": "The lender has approved your loan. Sign in to read and sign the contracts.",
    },
    "face_passed": {
        "zh-hans": "人工核验已通过，请在24小时内登录完成用款。",
        "en": "A person has seen that it is you. Sign in within 24 hours to take your money.",
    },
    "face_refused": {
        "zh-hans": "人工核验未通过：照片无法确认为本人。您可登录重新提交，或与我们联系。",
        "en": "A person could not see that it is you in the pictures. Sign in to send others, or talk to us.",
    },
    "no_funder": {
        "zh-hans": "当前暂无可用资金，我们会在资金恢复后继续为您处理，您也可以取消。",
        "en": "No lender has money available right now. We try again at the next opening; you may also cancel.",
    },
    "drawdown_declined": {
        "zh-hans": "您本次的用款申请未通过，登录可查看原因。",
        "en": "This drawdown was not approved. Sign in to see why.",
    },
    "drawdown_expired": {
        "zh-hans": "您本次的用款申请已过期，您的额度不受影响。",
        "en": "This drawdown has expired. Your limit is not affected.",
    },
    "card_fix": {
        "zh-hans": "放款被银行退回，请登录更换银行卡。",
        "en": "Your bank returned the payment. Sign in and choose another bank card.",
    },
    "paid": {
        "zh-hans": "借款{amount}已放款，请登录查看还款计划。",
        "en": "Your loan of {amount} has been paid out. Sign in to see the repayment schedule.",
    },
    "repayment_received": {
        "zh-hans": "已收到您的还款{amount}。",
        "en": "We have received your repayment of {amount}.",
    },
    "repayment_due": {
        "zh-hans": "您有一期还款{amount}将于{due_date}到期，请确保账户余额充足。",
        "en": "An instalment of {amount} is due on {due_date}. Please keep enough money in your account.",
    },
    "loan_overdue": {
        "zh-hans": "您有{amount}已逾期{days}天，请尽快还款。如有困难请与我们联系，可申请延期。",
        "en": "{amount} is {days} days late. Please repay soon; if this is hard, talk to us about an extension.",
    },
    "loan_compensated": {
        "zh-hans": "担保方已代您向出借方偿还逾期借款，未还款项现欠担保方。请登录查看，并照原方式还款。",
        "en": "The guarantor has paid your lender. What is open is now owed to them: sign in and repay as before.",
    },
    "level_up": {
        "zh-hans": "您的会员等级已升至“{level_zh}”。登录可查看额度与利率优惠，以及下一等级的条件。",
        "en": "Your level is now “{level_en}”. Sign in to see what it brings, and what the next one takes.",
    },
    "level_down": {
        "zh-hans": "您的会员等级已调整为“{level_zh}”，不影响已有借款。登录可查看原因及恢复条件。",
        "en": "Your level has changed to “{level_en}”; your loans stay as they are. Sign in to see how it rises.",
    },
    "loan_settled": {
        "zh-hans": "您的借款已结清，结清证明可登录下载。",
        "en": "Your loan is settled. The letter that says so can be downloaded after signing in.",
    },
}


class UnknownTemplate(Invalid):
    code, title = "unknown_template", "There is no such message"


def render(template: str, language: str, params: dict[str, object]) -> str:
    """The finished text; a language without a text of its own reads the default one.

    Raises UnknownTemplate also where a param of the template is missing.
    """
    try:
        texts = TEXTS[template]
        return texts.get(language, texts[DEFAULT_LANGUAGE]).format_map(params)
    except KeyError as error:
        raise UnknownTemplate(f"Message {template!r} lacks {error}.") from error
