"""Words of a Chinese contract: amounts in capitals (大写), methods, purposes. Pure."""

DIGITS = "零壹贰叁肆伍陆柒捌玖"
SMALL_UNITS = ("", "拾", "佰", "仟")
GROUP_UNITS = ("", "万", "亿", "万亿")

METHODS = {
    "equal_instalment": "等额本息 equal instalments",
    "equal_principal": "等额本金 equal principal",
    "interest_only": "按期付息、到期还本 interest first, principal at the end",
}
PURPOSES = {
    "appliances": "家用电器 appliances",
    "business": "经营周转 business",
    "car_new": "购车（新车） new car",
    "car_used": "购车（二手车） used car",
    "education": "教育 education",
    "electronics": "电子产品 electronics",
    "furniture": "家具 furniture",
    "medical": "医疗 medical",
    "renovation": "装修 renovation",
    "repairs": "维修 repairs",
    "training": "培训 training",
    "travel": "旅行 travel",
    "other": "其他消费 other consumption",
}


def _group(number: int) -> str:
    """1 to 9999; zeros inside become one 零."""
    said, gap = "", False
    for power in (3, 2, 1, 0):
        digit = number // 10**power % 10
        if digit:
            said += ("零" if gap and said else "") + DIGITS[digit] + SMALL_UNITS[power]
            gap = False
        else:
            gap = True
    return said


def capital_amount(cents: int) -> str:
    """1000000 -> 壹万元整, 100305 -> 壹仟零叁元零伍分. Not below zero, below 10^16 yuan."""
    if cents < 0 or cents >= 10**18:
        raise ValueError(f"{cents} cannot be written in capitals")
    yuan, jiao, fen = cents // 100, cents // 10 % 10, cents % 10
    groups, rest = [], yuan
    while rest:
        rest, group = divmod(rest, 10_000)
        groups.append(group)
    said, gap = "", False
    for index in reversed(range(len(groups))):
        group = groups[index]
        if not group:
            gap = True
            continue
        said += ("零" if said and (gap or group < 1000) else "") + _group(group) + GROUP_UNITS[index]
        gap = False
    said = f"{said}元" if said else ""
    if not jiao and not fen:
        return f"{said or '零元'}整"
    if jiao:
        said += f"{DIGITS[jiao]}角"
    elif said:
        said += "零"
    return said + (f"{DIGITS[fen]}分" if fen else "整")
