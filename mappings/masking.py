"""Personal data out of a record, its shape kept: the same value becomes the same made-up value throughout.

What is not known to be harmless is masked: a form may ask for anything. Made-up values are numbered in the
order in which they come, so nothing of the true one is left in them.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from itertools import cycle

from stdnum.cn import uscc

_TIME = re.compile(r"time|date|_at$|_on$|时间|日期", re.IGNORECASE)
_PERSON = re.compile(
    r"^(name|.*(user|customer|contact|person|nick|payer|psn|real|full)_?name|person|transactor|signatory)$"
    r"|姓名|联系人|称呼|名字",
    re.IGNORECASE,
)
_WECHAT = re.compile(r"weixin|wechat|^wx|^qq|微信", re.IGNORECASE)
_NUMBER = re.compile(r"phone|^tel|mobile|手机|电话", re.IGNORECASE)
_BIRTH = re.compile(r"birth|生日|出生", re.IGNORECASE)
_PLACE = re.compile(r"province|city|county|country|region|省|城市|地区", re.IGNORECASE)
_KIND = re.compile(
    r"(^|_)(type|kind|status|state|source|level|gender|currency|sku|unit|app_?name|channel)$|appname|estimation|性别",
    re.IGNORECASE,
)

_DATE = re.compile(r"\s*\d{4}[-/年.]\d{1,2}([-/月.]\d{1,2}.*)?\s*", re.DOTALL)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
_URL = re.compile(r"https?://\S+")
_PHONE = re.compile(r"(?<![\d０-９])(?:\+?86[-\s]?)?[1１][3-9３-９](?:[-\s]?[\d０-９*＊]){9}(?![\d０-９])")
_LANDLINE = re.compile(r"(?<!\d)(0\d{2,3}[-\s]?)\d{7,8}(?!\d)")
_CREDIT_CODE = re.compile(r"(?<![0-9A-Za-z])[0-9A-HJ-NPQRTUWXYa-hj-npqrtuwxy]{18}(?![0-9A-Za-z])")
_ENUM = re.compile(r"[A-Z][A-Z_-]{0,30}|[-+]?\d{1,8}(\.\d+)?|[\d.,~-]{1,12}[万千元]{0,2}")
_COMPANY = re.compile(r"((?:股份|集团|责任|\W\w{2,4}\W)?(?:有限)?公司|集团|[厂店院校])(\s*)$")

_ORDINALS = "甲乙丙丁戊己庚辛壬癸"
_LONG = 9
_LONG_NUMBER = 11
"""Digits from which a number is an id and no quantity."""
_SOME = 7
"""Digits that somebody could be called by."""


class Masker:
    """Masks the records of one sample. `keep`: texts that the mapping itself names, such as options."""

    def __init__(self, keep: frozenset[str] = frozenset()) -> None:
        self._keep = keep
        self._known: dict[tuple[str, str], str] = {}

    def record(self, record: Mapping[str, object]) -> dict[str, object]:
        return {key: self._value(key, each) for key, each in record.items()}

    def _value(self, key: str, value: object) -> object:
        match value:
            case Mapping():
                return self.record(value)
            case list() | tuple():
                return [self._value(key, each) for each in value]
            case str():
                return self._text(key, value)
            case int() if _is_id(key, str(value)):
                role = "phone" if _PHONE.fullmatch(str(value)) else "id"
                return int(self._known_as(role, str(value)))
        return value

    def _text(self, key: str, text: str) -> str:
        bare = text.strip()
        if _DATE.fullmatch(text):
            return _birthday(text) if _BIRTH.search(key) else text
        if bare in self._keep or not any(letter.isalnum() for letter in bare):
            return text
        if bare[0] in "{[" and (inner := _read(bare)) is not None:
            return json.dumps(self._value(key, inner), ensure_ascii=False)
        if _TIME.search(key) and bare.isdigit():
            return text
        found = self._found(text)
        if found is not None:
            return found
        return text if _is_harmless(key, bare) else text.replace(bare, self._known_as(_role(key, bare), bare))

    def _found(self, text: str) -> str | None:
        """Whatever has the form of personal data, wherever it stands; the words around it are masked too."""
        for role, pattern in (
            ("url", _URL),
            ("email", _EMAIL),
            ("phone", _PHONE),
            ("landline", _LANDLINE),
            ("credit_code", _CREDIT_CODE),
        ):
            if (found := pattern.search(text)) and _is(role, found[0]):
                before, after = text[: found.start()], text[found.end() :]
                middle = self._known_as(role, found[0])
                return self._around(before) + middle + self._around(after)
        return None

    def _around(self, text: str) -> str:
        found = self._found(text)
        return _words(text) if found is None else found

    def _known_as(self, role: str, value: str) -> str:
        if role == "phone":
            return self._phone(value)
        if (role, value) not in self._known:
            number = 1 + sum(known == role for known, _ in self._known)
            self._known[role, value] = _MADE[role](value, number)
        return self._known[role, value]

    def _phone(self, written: str) -> str:
        """One number may be written in several ways; each keeps its own."""
        digits = _ascii(written)[-11:]
        if ("phone", digits) not in self._known:
            number = 1 + sum(role == "phone" for role, _ in self._known)
            self._known["phone", digits] = f"138{number:08d}"
        return _poured(written, self._known["phone", digits])


def _is_id(key: str, digits: str) -> bool:
    """A moment in seconds has 10 digits, in milliseconds 13."""
    if _NUMBER.search(key) or _WECHAT.search(key):
        return len(digits) >= _SOME
    return len(digits) >= _LONG_NUMBER and not _TIME.search(key)


def _is_harmless(key: str, text: str) -> bool:
    if _WECHAT.search(key) or _PERSON.search(key) or _NUMBER.search(key):
        return False
    return bool(_ENUM.fullmatch(text) or _PLACE.search(key) or _KIND.search(key))


def _is(role: str, text: str) -> bool:
    return role != "credit_code" or uscc.is_valid(text)


def _read(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _role(key: str, text: str) -> str:
    if _WECHAT.search(key):
        return "wechat"
    if _COMPANY.search(text):
        return "company"
    if _PERSON.search(key):
        return "person"
    if text.isascii() and len(text) >= _LONG and any(letter.isdigit() for letter in text):
        return "id"
    return "words"


def _birthday(text: str) -> str:
    return re.sub(
        r"\d+", lambda part: "1990" if len(part[0]) == len("1990") else "1".zfill(len(part[0])), text
    )


def _ordinal(number: int) -> str:
    rounds, position = divmod(number - 1, len(_ORDINALS))
    return f"{_ORDINALS[position]}{rounds or ''}"


def _landline(text: str, number: int) -> str:
    area = _LANDLINE.fullmatch(text)
    assert area is not None
    length = len(text) - area.end(1)
    return area[1] + f"{8 * 10 ** (length - 1) + number}"


def _credit_code(text: str, number: int) -> str:
    code = f"91330200MA{number:07d}"
    return code + str(uscc.calc_check_digit(code))


def _company(text: str, number: int) -> str:
    """Its legal form stays."""
    form = _COMPANY.search(text)
    assert form is not None
    made = f"示例{_ordinal(number)}"
    return made + _words(text[: form.start()])[len(made) :] + form[0]


def _id(text: str, number: int) -> str:
    made = text[:2] + re.sub(r"[a-z]", "a", re.sub(r"[A-Z]", "A", re.sub(r"\d", "0", text[2:])))
    return made[: -len(str(number))] + str(number)


def _words(text: str, number: int = 0) -> str:
    """As many characters, with the marks between them; numbers that could be somebody's become zeros."""
    filling = cycle("示例文字")
    longest = 1 if sum(letter.isdigit() for letter in text) >= _SOME else 5
    made = re.sub(r"[^\W\da-zA-Z_]", lambda _: next(filling), text)
    made = re.sub(r"[A-Z]", "X", re.sub(r"[a-z]", "x", made))
    return re.sub(rf"\d{{{longest},}}", lambda digits: "0" * len(digits[0]), made)


def _poured(written: str, digits: str) -> str:
    """The digits into the places of those that are written, from the end; signs and stars stay."""
    made, left = list(written), list(digits)
    for position in reversed(range(len(made))):
        sign = made[position]
        if left and (sign.isdigit() or sign in "*＊"):
            digit = left.pop()
            made[position] = (
                sign if sign in "*＊" else digit if sign.isascii() else chr(ord("０") + int(digit))
            )
    return "".join(made)


def _ascii(written: str) -> str:
    return re.sub(r"[^\d*]", "", unicodedata.normalize("NFKC", written))


_MADE: Mapping[str, Callable[[str, int], str]] = {
    "url": lambda _, number: f"https://page.example.com/{number}",
    "email": lambda _, number: f"demo{number}@example.com",
    "wechat": lambda _, number: f"demo_wx{number}",
    "person": lambda _, number: f"示例{_ordinal(number)}",
    "landline": _landline,
    "credit_code": _credit_code,
    "company": _company,
    "id": _id,
    "words": _words,
}
