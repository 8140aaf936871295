"""What a resident identity number (GB 11643) and a phone number say, and whether they can be true."""

import unicodedata
from datetime import date

import phonenumbers
from stdnum import luhn
from stdnum.cn import ric
from stdnum.exceptions import ValidationError

from lending.common.errors import Invalid

HOME_REGION = "CN"
SHORTEST_ADDRESS = 4  # letters and figures; less names no home


class InvalidIdNumber(Invalid):
    code, title = "invalid_id_number", "This is not a valid resident ID number"


class InvalidPhone(Invalid):
    code, title = "invalid_phone", "This is not a valid mobile number"


class InvalidCardNumber(Invalid):
    code, title = "invalid_card_number", "This is not a valid bank card number"


def id_number(text: str) -> str:
    """The 18 characters, X in upper case. Raises InvalidIdNumber: length, checksum, date or place is wrong."""
    try:
        return str(ric.validate(text))
    except ValidationError as error:
        raise InvalidIdNumber(fields={"id_number": "Not a valid resident ID number."}) from error


def same_name(one: str, other: str) -> bool:
    """Whether two names are one, whatever dot, blank or width they are written with."""
    return bool(_plain(one)) and _plain(one) == _plain(other)


def birth_date(number: str) -> date:
    """The birth date inside a valid ID number."""
    return ric.get_birth_date(number)


def sex(number: str) -> str:
    """ "male" or "female": whether the last digit of the serial number inside a valid ID number is odd."""
    return "male" if int(number[16]) % 2 else "female"


def phone(text: str, field: str = "phone") -> str:
    """11 digits for a mainland mobile number, E.164 for any other. Raises InvalidPhone naming `field`."""
    try:
        parsed = phonenumbers.parse(text, HOME_REGION)
    except phonenumbers.NumberParseException as error:
        raise InvalidPhone(fields={field: "Not a phone number."}) from error
    kind = phonenumbers.number_type(parsed)
    mobile = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)
    if not phonenumbers.is_valid_number(parsed) or kind not in mobile:
        raise InvalidPhone(fields={field: "Not a valid mobile number."})
    if phonenumbers.region_code_for_number(parsed) == HOME_REGION:
        return phonenumbers.national_significant_number(parsed)
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def phone_place(number: str) -> str:
    """Province and city for which a Chinese number was given out, in Chinese; "" where that is not known."""
    from phonenumbers import geocoder

    try:
        parsed = phonenumbers.parse(number, HOME_REGION)
    except phonenumbers.NumberParseException:
        return ""
    if phonenumbers.region_code_for_number(parsed) != HOME_REGION:
        return ""
    return str(geocoder.description_for_valid_number(parsed, "zh")).replace("中国", "")


def card_number(text: str) -> str:
    """12 to 19 digits that pass the Luhn check. Raises InvalidCardNumber."""
    digits = text.replace(" ", "").replace("-", "")
    if not (digits.isascii() and digits.isdigit() and 12 <= len(digits) <= 19 and luhn.is_valid(digits)):
        raise InvalidCardNumber(fields={"number": "Not a valid bank card number."})
    return digits


def address_key(province: str, city: str, address: str) -> str:
    """One text for one home, however it is written: full or half width, upper or lower case, with or without blanks
    and punctuation, the city with or without 市 and once more before the street. "" where the address says too little.
    """
    town, street = _plain(city).removesuffix("市"), _plain(address)
    street = street.removeprefix(f"{town}市").removeprefix(town) if town else street
    return f"{province}\0{town}\0{street}" if len(street) >= SHORTEST_ADDRESS else ""


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return "".join(letter for letter in folded if letter.isalnum())
