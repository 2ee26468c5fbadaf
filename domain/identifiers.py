"""What identifies a person or a company, brought to one spelling. `None` means: not usable as a key."""

import re
import unicodedata
from collections.abc import Callable

import phonenumbers
from stdnum.cn import uscc

_PHONE_CHARACTERS = re.compile(r"\+?[0-9 ().\-]+")
_DASHES = re.compile(r"[‐‑‒–—―−－]")

_EMAIL = re.compile(r"[a-z0-9._%+\-]+@(?:[a-z0-9](?:[a-z0-9\-]*[a-z0-9])?\.)+[a-z][a-z0-9\-]*[a-z0-9]")

# The registering authority may be a letter (A army, N farming, Y other), which stdnum's own check refuses.
_CREDIT_CODE = re.compile(r"[1-9ANY][1-9][0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}")

_BRACKETS = str.maketrans("[【〔〖「{]】〕〗」}", "((((((" + "))))))")
# At most five characters: (上海), (中国), (集团), (有限合伙), (个体工商户). Longer ones belong to the name.
_SHORT_BRACKETED = re.compile(r"\([^()]{1,5}\)|\(特殊普通合伙\)")
_LEGAL_SUFFIX = re.compile(r"(?<=.)(?:股份有限公司|有限责任公司|有限公司|集团公司|集团|公司)$")
_ENGLISH_SUFFIX = re.compile(r"(?<=\w)(?:[\s,.]+(?:CO|COMPANY|LTD|LIMITED|INC|CORP|CORPORATION|LLC))+\.?\s*$")
_NOT_IN_NAMES = re.compile(r"[^\w]|_")


def normalise_phone(text: str, region: str = "CN") -> str | None:
    """E.164. A number with an extension is refused: the switchboard is not the person."""
    plain = _DASHES.sub("-", _plain(text)).strip()
    if not _PHONE_CHARACTERS.fullmatch(plain):
        return None
    try:
        number = phonenumbers.parse(plain, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def phone_region(e164: str) -> str | None:
    """Province and city (上海市, 江苏省常州市) where the number was issued; abroad, the country."""
    from phonenumbers import geocoder  # 0.7 s and 70 MB: only for those who ask

    try:
        number = phonenumbers.parse(e164, None)
    except phonenumbers.NumberParseException:
        return None
    place = geocoder.description_for_number(number, "zh")
    return None if place in ("", "中国") else place


def normalise_credit_code(text: str) -> str | None:
    """The 18 characters of a unified social credit code (统一社会信用代码), check digit verified."""
    code = re.sub(r"[\s\-]", "", _DASHES.sub("-", _plain(text))).upper()
    if not _CREDIT_CODE.fullmatch(code):
        return None
    return code if uscc.calc_check_digit(code[:17]) == code[17] else None


def normalise_email(text: str) -> str | None:
    address = _plain(text).strip().lower()
    return address if len(address) <= 254 and _EMAIL.fullmatch(address) else None


def exact_company_name(text: str) -> str:
    """For equality: width, case, blanks and kinds of brackets do not matter, everything else does."""
    return _settled(_exact, text)


def fold_company_name(text: str) -> str:
    """For a second, weaker comparison: without legal form, place in brackets and punctuation."""
    return _settled(_fold, text)


def _exact(text: str) -> str:
    return re.sub(r"\s", "", _plain(text).translate(_BRACKETS).upper())


def _fold(text: str) -> str:
    name = _ENGLISH_SUFFIX.sub("", _plain(text).translate(_BRACKETS).upper())
    name = _SHORT_BRACKETED.sub("", re.sub(r"\s", "", name))
    return _NOT_IN_NAMES.sub("", _LEGAL_SUFFIX.sub("", name))


def _settled(step: Callable[[str], str], text: str) -> str:
    """Repeat until nothing changes: 示例集团股份有限公司 loses two suffixes."""
    while (shorter := step(text)) != text:
        text = shorter
    return text


def _plain(text: str) -> str:
    """Half width, without the invisible direction marks that address books add when a number is copied."""
    return "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
