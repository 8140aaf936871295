"""Generated identities for the rows of the German Credit sample. Pure: a row and a batch always make the same person.

It carries its row and batch, so that the sandbox finds the row from the ID number, the phone or the card alone:

    ID number   PPCCCC YYYYMMDD SSX K      row - 1 = 90 x (MM - 1) + SS, SS in 00..89
                batch = 140 x index of county CCCC + 28 x index of X among the digits of its parity + DD - 1
                PP follows the row's province, YYYY its age, the parity of X its sex
    phone       1YY dddddddd               dddddddd = shuffle(1000 x batch + row - 1), YY by the same number
    card        BBBBBB dddddddddddd L      dddddddddddd = shuffle(10 x the same number + index of the card), L Luhn

A county list of its own, the province, the sex and the year must all agree with the row, so another identity is hardly
ever taken for one of these. SS from 90 up never occurs here: those digits ask for a verdict (docs/sandbox.md).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

from risk.rules import sample

# Prefix of the ID number and the places used with it: codes that were in force in every birth year of the sample.
PROVINCES: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "ZJ": ("33", (("0100", "杭州市"), ("0200", "宁波市"), ("0300", "温州市"), ("0122", "桐庐县"), ("0127", "淳安县"))),
    "JS": ("32", (("0100", "南京市"), ("0200", "无锡市"), ("0300", "徐州市"), ("0400", "常州市"), ("0500", "苏州市"))),
    "GD": ("44", (("0100", "广州市"), ("0200", "韶关市"), ("0300", "深圳市"), ("0400", "珠海市"), ("0500", "汕头市"))),
    "SC": ("51", (("0100", "成都市"), ("0300", "自贡市"), ("0400", "攀枝花市"), ("0121", "金堂县"), ("0321", "荣县"))),
}
DAYS, DIGITS, COUNTIES, ROWS_A_MONTH = 28, 5, 5, 90
BATCHES = DAYS * DIGITS * COUNTIES
FIRST_YEAR, LAST_YEAR = 2024, 2040  # in which a batch may be generated
PHONE_PREFIXES = ("130", "132", "133", "135", "137", "138", "139", "150", "177", "186")
BANKS = (
    ("623391", "临江城市银行"),
    ("623392", "云岭银行"),
    ("623393", "东湖商业银行"),
    ("623394", "北岸农商银行"),
    ("623395", "南屏银行"),
)
CARDS = 2
SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
MALE = "伟强磊军洋勇杰涛明超刚平辉鹏华飞波斌宇浩凯健俊帆毅昊轩博文志远"
FEMALE = "芳娜敏静丽艳娟霞秀玲桂兰英洁萍红梅琴燕颖倩雪慧莹婷欣怡佳琪雯"
RARE = "䶮𬍛𬭎堃翀骉喆赟昉犇"  # outside many fonts; two of them outside the basic plane
STREETS = ("文昌路", "解放路", "人民路", "新华街", "滨河大道", "和平巷", "学院路", "青年路")
EMPLOYERS = (
    "锦禾贸易有限公司",
    "远帆物流有限公司",
    "云栖软件有限公司",
    "民康药业有限公司",
    "百味餐饮有限公司",
    "城南机械厂",
)
JOBS = {
    "skilled employee / official": "职员",
    "unskilled - resident": "工人",
    "management/ self-employed/ highly qualified employee/ officer": "经理",
    "unemployed/ unskilled - non-resident": "临时工",
}
# Rows with a story in the demo and the verdict of the shipped strategy that it needs. Supplement and appeal stand the
# other way round than in the demo configuration: the scorecard as built refers row 11 and declines row 4.
CASES = {
    "unsigned": (1, "approve"),
    "returned": (3, "approve"),
    "appeal": (4, "decline"),
    "unknown_payout": (7, "approve"),
    "supplement": (11, "refer"),
    "given_back": (17, "approve"),
    "two_drawdowns": (20, "approve"),
    "second_funder": (21, "approve"),
    "compensated": (25, "approve"),
    "cancelled": (29, "approve"),
    "overdue": (47, "approve"),
    "early_settlement": (53, "approve"),
    "bad_card": (62, "approve"),
}
RELATIONS = ("spouse", "parent", "colleague", "friend")


@dataclass(frozen=True)
class Card:
    number: str
    bank: str


@dataclass(frozen=True)
class Contact:
    """relation: spouse | parent | colleague | friend."""

    name: str
    relation: str
    phone: str


@dataclass(frozen=True)
class Applicant:
    """A person of the demo. `wish` is what they ask for and declare (cents, months); sex is "male" or "female"."""

    row: int
    batch: int
    wish: sample.Applicant
    name: str
    id_number: str
    id_expires_on: date
    birth_date: date
    sex: str
    phone: str
    province: str
    city: str
    address: str
    employer: str
    job: str
    savings: str
    contacts: tuple[Contact, ...]
    cards: tuple[Card, ...]
    device_id: str


@cache
def rows() -> tuple[sample.Row, ...]:
    with sample.PATH.open(encoding="utf-8", newline="") as lines:
        return sample.read(lines)


def applicant(row: int, batch: int, today: date) -> Applicant:
    """Row 1..1000 as the person of this batch, as old on `today` as the row says.

    Raises ValueError outside 1..1000, batches 0..699 and the years 2024..2040.
    """
    serial = _serial(row, batch)
    if not FIRST_YEAR <= today.year <= LAST_YEAR:
        raise ValueError(f"identities can be generated for the years {FIRST_YEAR} to {LAST_YEAR}, not {today.year}")
    source = rows()[row - 1]
    wish = sample.applicant(source)
    id_number, birth = _id_number(source, batch, today)
    city = PROVINCES[wish.province][1][batch // (DAYS * DIGITS)][1]
    unemployed = source.employment == "unemployed"
    return Applicant(
        row=row,
        batch=batch,
        wish=wish,
        name=name_of(row, batch),
        id_number=id_number,
        id_expires_on=date(today.year + 5 + row % 5, 1 + row % 12, 15),
        birth_date=birth,
        sex=_sex(source),
        phone=phone_of(row, batch),
        province=wish.province,
        city=city,
        address=f"{city}{_pick(STREETS, serial, 'street')}{serial % 300 + 1}号{serial % 20 + 1}室",
        employer="" if unemployed else _pick(EMPLOYERS, serial, "employer"),
        job="" if unemployed else JOBS[source.job],
        savings=source.savings,
        contacts=_contacts(row, batch),
        cards=tuple(Card(number=card_of(row, batch, index), bank=_bank(serial)[1]) for index in range(CARDS)),
        device_id=hashlib.sha256(f"device {serial}".encode()).hexdigest()[:32],
    )


def row_of_case(case: str) -> int:
    return CASES[case][0]


def has_story(row: int) -> bool:
    """Chance keeps its hands off these rows: a story goes as told in every batch."""
    return any(row == told for told, _ in CASES.values())


def name_of(row: int, batch: int) -> str:
    """Two or three characters; every tenth row has one that many fonts lack."""
    serial = _serial(row, batch)
    given = MALE if _sex(rows()[row - 1]) == "male" else FEMALE
    first = _pick(RARE, serial, "rare") if row % 10 == 6 else _pick(given, serial, "first")
    return _pick(SURNAMES, serial, "surname") + first + ("" if serial % 4 == 0 else _pick(given, serial, "second"))


def phone_of(row: int, batch: int) -> str:
    serial = _serial(row, batch)
    return f"{_prefix(serial)}{_shuffle(serial, 8):08d}"


def card_of(row: int, batch: int, index: int) -> str:
    """The person's card number `index` (0 or 1): 19 digits, Luhn-valid."""
    serial = _serial(row, batch)
    payload = f"{_bank(serial)[0]}{_shuffle(10 * serial + index, 12):012d}"
    return payload + str(-_luhn_sum(payload + "0") % 10)


def row_of(id_number: str) -> tuple[int, int] | None:
    """(row, batch) of a demo identity; None for any other ID number."""
    if not is_id_number(id_number) or int(id_number[14:16]) >= ROWS_A_MONTH:
        return None
    year, month, day = int(id_number[6:10]), int(id_number[10:12]), int(id_number[12:14])
    row = ROWS_A_MONTH * (month - 1) + int(id_number[14:16]) + 1
    if not 1 <= row <= len(rows()) or not 1 <= day <= DAYS:
        return None
    source = rows()[row - 1]
    prefix, places = PROVINCES[sample.PROVINCES[row % 5]]
    counties = [code for code, _ in places]
    agrees = (
        id_number[:2] == prefix
        and id_number[2:6] in counties
        and int(id_number[16]) % 2 == _parity(source)
        and FIRST_YEAR - 1 <= year + source.age <= LAST_YEAR
    )
    if not agrees:
        return None
    batch = DAYS * DIGITS * counties.index(id_number[2:6]) + DAYS * (int(id_number[16]) // 2) + day - 1
    return row, batch


def row_of_phone(phone: str) -> tuple[int, int] | None:
    """(row, batch) of a demo identity's phone of 11 digits; None for any other."""
    if len(phone) != 11 or not phone.isdecimal():
        return None
    serial = _unshuffle(int(phone[3:]), 8)
    return _row_and_batch(serial) if phone[:3] == _prefix(serial) else None


def row_of_card(number: str) -> tuple[int, int, int] | None:
    """(row, batch, index of the card) of a demo identity's card; None for any other."""
    if len(number) != 19 or not is_card_number(number):
        return None
    serial, index = divmod(_unshuffle(int(number[6:18]), 12), 10)
    found = _row_and_batch(serial)
    if found is None or index >= CARDS or number[:6] != _bank(serial)[0]:
        return None
    return *found, index


def is_id_number(text: str) -> bool:
    """18 characters with the right check character and a real birth date (GB 11643)."""
    if len(text) != 18 or not text[:17].isdecimal() or not text.isascii():
        return False
    try:
        date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    return text[17] == check_character(text[:17])


def check_character(payload: str) -> str:
    """The last character for 17 digits: ISO 7064 MOD 11-2."""
    value = (1 - 2 * int(payload, 13)) % 11
    return "X" if value == 10 else str(value)


def is_card_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 12 <= len(text) <= 19 and _luhn_sum(text) % 10 == 0


def bank_of(card_number: str) -> str:
    return dict(BANKS).get(card_number[:6], "其他银行")


def _serial(row: int, batch: int) -> int:
    if not 1 <= row <= len(rows()):
        raise ValueError(f"the sample has rows 1 to {len(rows())}, not {row}")
    if not 0 <= batch < BATCHES:
        raise ValueError(f"identities are used up: batches run from 0 to {BATCHES - 1}, not {batch}")
    return 1000 * batch + row - 1


def _row_and_batch(serial: int) -> tuple[int, int] | None:
    batch, row = divmod(serial, 1000)
    return (row + 1, batch) if batch < BATCHES else None


def _id_number(source: sample.Row, batch: int, today: date) -> tuple[str, date]:
    month, two_digits = divmod(source.number - 1, ROWS_A_MONTH)
    county, rest = divmod(batch, DAYS * DIGITS)
    digit, day = divmod(rest, DAYS)
    year = today.year - source.age
    if (month + 1, day + 1) > (today.month, today.day):
        year -= 1
    birth = date(year, month + 1, day + 1)
    prefix, places = PROVINCES[sample.PROVINCES[source.number % 5]]
    payload = f"{prefix}{places[county][0]}{birth:%Y%m%d}{two_digits:02d}{2 * digit + _parity(source)}"
    return payload + check_character(payload), birth


def _contacts(row: int, batch: int) -> tuple[Contact, ...]:
    """Two people who are not applicants of the sample: their phones come from a series of their own."""
    serial = _serial(row, batch)
    return tuple(
        Contact(
            name=_pick(SURNAMES, serial, f"contact {number}") + _pick(MALE + FEMALE, serial, f"given {number}"),
            relation=RELATIONS[(serial + number) % len(RELATIONS)],
            phone=f"189{_shuffle(2 * serial + number, 8):08d}",
        )
        for number in range(2)
    )


def _sex(source: sample.Row) -> str:
    return source.sex_status.split(" ", 1)[0]


def _parity(source: sample.Row) -> int:
    return 1 if _sex(source) == "male" else 0


def _prefix(serial: int) -> str:
    return PHONE_PREFIXES[serial % 997 % len(PHONE_PREFIXES)]


def _bank(serial: int) -> tuple[str, str]:
    return BANKS[serial % 991 % len(BANKS)]


# A multiplication modulo a power of ten by a number that ends in 7 is a permutation: unlike neighbours, no collision.
_FACTOR = 73_856_093_217


def _shuffle(number: int, digits: int) -> int:
    return number * _FACTOR % 10**digits


def _unshuffle(number: int, digits: int) -> int:
    return number * pow(_FACTOR, -1, 10**digits) % 10**digits


def _luhn_sum(number: str) -> int:
    doubled = (2 * int(digit) for digit in number[-2::-2])
    return sum(int(digit) for digit in number[-1::-2]) + sum(value // 10 + value % 10 for value in doubled)


def _pick(choices: Sequence[str], serial: int, purpose: str) -> str:
    digest = hashlib.blake2s(f"{purpose} {serial}".encode(), digest_size=4).digest()
    return choices[int.from_bytes(digest, "big") % len(choices)]
