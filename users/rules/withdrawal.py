"""What withdrawing each consent stops, told before it is withdrawn. In the words of the documents, both languages."""

OF_THE_ACCOUNT = frozenset({"service", "privacy"})  # without them nobody stays signed in

# code: (English, Chinese)
STOPS: dict[str, tuple[str, str]] = {
    "service": (
        "You are signed out on every device. Until you accept it again nothing is asked, checked or sent for you. "
        "Loans you have go on, and you can sign in again to repay them.",
        "您将在所有设备上退出登录。在您重新同意之前，我们不会为您发起任何查询、核验或发送。已有借款继续履行，您可重新登录还款。",
    ),
    "privacy": (
        "You are signed out on every device and cannot use the account until you accept it again. What the law makes "
        "us keep is kept; to have the rest erased, use “Erase my account”.",
        "您将在所有设备上退出登录，重新同意之前无法使用账户。法律要求保存的信息继续保存；如需删除其余信息，请使用“注销并删除”。",
    ),
    "identity": (
        "Your name, ID number, phone and cards are not checked any more. You cannot send an application or add a bank "
        "card until you give it again.",
        "我们不再核验您的姓名、身份证号、手机号及银行卡。重新授权之前，您无法提交申请或添加银行卡。",
    ),
    "credit_query": (
        "The multi-lender, phone list and defaulters list services are not asked any more. An application under way "
        "goes on without their answers and may be refused for that; a new one cannot be sent.",
        "我们不再查询多头借贷、号码风险及失信名单。审批中的申请将缺少上述信息，可能因此不予通过；新的申请无法提交。",
    ),
    "bureau_query": (
        "The credit bureau is not asked any more. An application under way goes on without the report and may be "
        "refused for that; a new one cannot be sent. A loan you have is still reported, as its contract says.",
        "我们不再查询您的信用报告。审批中的申请将缺少信用报告，可能因此不予通过；新的申请无法提交。已有借款仍按合同约定报送征信。",
    ),
    "device": (
        "This device is not recorded or looked up any more. Applying goes on as before.",
        "我们不再记录和查询您的设备信息，不影响申请。",
    ),
    "sms": (
        "Nothing about messages is accepted any more, and what we counted is deleted. Applying goes on as before.",
        "我们不再接收短信信息，并删除已有统计结果，不影响申请。",
    ),
    "contacts": (
        "Nothing about your address book is accepted any more, and what we counted is deleted. Applying goes on as "
        "before.",
        "我们不再接收通讯录信息，并删除已有统计结果，不影响申请。",
    ),
    "operator": (
        "The phone operator report is not asked for any more, and your authorisation there is over. Applying goes on; "
        "decisions are made without it.",
        "我们不再查询运营商报告，您在运营商处的授权随之终止；不影响申请，审核时将不使用该信息。",
    ),
    "bankflow": (
        "Your account flow is not read any more. Applying goes on; the income you state counts as not verified.",
        "我们不再读取您的银行流水，不影响申请，所填收入将视为未核实。",
    ),
    "certificates": (
        "No further document is kept or read, and reviewers no longer see those you brought. Applying goes on as "
        "before; you may be asked for something later.",
        "我们不再保存或识别您的材料，审核人员也不再查阅已上传的材料。不影响申请，必要时可能另行向您索要。",
    ),
    "biometric": (
        "No picture of your face is compared any more. Where one is needed, a person checks your identity instead.",
        "我们不再比对您的人脸图像；需要核验时改由人工核验身份。",
    ),
    "funder_share": (
        "No further lender gets your data. A drawdown that has no lender yet ends without one; a lender that has said "
        "yes keeps what it needs for your contract.",
        "我们不再向其他出借人提供您的信息。尚未确定出借人的用款将因此终止；已同意借款的出借人保留履行合同所必需的信息。",
    ),
    "funder_bureau": (
        "No further lender may read your credit report. A drawdown that has no lender yet ends without one.",
        "其他出借人不得再查询您的信用报告。尚未确定出借人的用款将因此终止。",
    ),
    "distribution": (
        "You are not offered to other platforms any more. What one has already received stays with it; ask it to "
        "erase that.",
        "我们不再向其他平台推荐您。对方此前已收到的信息由其保存，您可要求其删除。",
    ),
}


def stops(code: str) -> tuple[str, str]:
    """(English, Chinese); of a document without words of its own, what is true of all."""
    return STOPS.get(code, ("Nothing more is sent under it.", "此后不再据此提供任何信息。"))
