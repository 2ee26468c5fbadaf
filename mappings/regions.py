"""Province and city of an address or a phone number, from tables that libraries keep."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

import phonenumbers
from stdnum.numdb import get as numbers_of

_NAME = re.compile(r"(?:\[(?P<since>\d*)-(?P<until>\d*)\])?(?P<name>[^,\[\]]+)")
_PROVINCE_KIND = re.compile(r"(?:省|市|(?:壮族|回族|维吾尔)?自治区|特别行政区)$")
_CITY_KIND = re.compile(r"(?:市|地区|盟)$")
_LONGEST = 16
_MUNICIPALITIES = frozenset({"11", "12", "31", "50"})


class Region(NamedTuple):
    province: str | None = None
    city: str | None = None


Names = dict[str, frozenset[Region]]


@dataclass(frozen=True, slots=True)
class _Gazetteer:
    """Names as people write them. A name that several places share says nothing."""

    provinces: Names = field(default_factory=dict)
    cities: Names = field(default_factory=dict)
    counties: Names = field(default_factory=dict)
    short_provinces: Names = field(default_factory=dict)
    short_cities: Names = field(default_factory=dict)


def region_of_address(text: str) -> Region:
    """What the beginning of an address says; nothing where it is not plain."""
    words = re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))
    words = re.sub(r"^(?:中华人民共和国|中国)", "", words)
    book = _gazetteer()
    # Whole names first: 吉林市 and 吉林省 begin alike, and so do 朝阳区 and 朝阳市.
    for names in (book.provinces, book.cities, book.counties, book.short_provinces, book.short_cities):
        name = _beginning(words, names)
        if name is not None:
            return _city(words.removeprefix(name), names[name], book)
    return Region()


def region_of_phone(number: phonenumbers.PhoneNumber) -> Region:
    # Its tables take 0.9 s and 100 MB: only for mappings that ask.
    from phonenumbers import geocoder

    return region_of_address(geocoder.description_for_number(number, "zh"))


def _city(rest: str, found: frozenset[Region], book: _Gazetteer) -> Region:
    """The one region meant, with the city below a province that stands alone."""
    if len(found) > 1:
        return Region()
    (region,) = found
    if region.city is not None:
        return region
    for names in (book.cities, book.counties, book.short_cities):
        name = _beginning(rest, names)
        below = [each for each in names.get(name or "", ()) if each.province == region.province]
        if len(below) == 1:
            return below[0]
    return region


def _beginning(words: str, names: Names) -> str | None:
    return next((words[:size] for size in range(_LONGEST, 1, -1) if words[:size] in names), None)


@cache
def _gazetteer() -> _Gazetteer:
    """Of 行政区划代码 (GB/T 2260), as the library for identity numbers keeps it."""
    book = _Gazetteer()
    for _, code, _, _, places in numbers_of("cn/loc").prefixes:
        names = {low: name for _, low, _, known, _ in places for name in _now(known["county"])}
        province = names["0000"]
        whole = Region(province, province if code in _MUNICIPALITIES else None)
        _add(book.provinces, province, whole)
        _add(book.short_provinces, _PROVINCE_KIND.sub("", province), whole)
        for low, name in names.items():
            _add_place(book, low, name, Region(province, whole.city or _seat(low, names)))
    return book


def _seat(code: str, names: dict[str, str]) -> str | None:
    """The city that a county belongs to; those under the province itself (90) stand for themselves."""
    return names.get(code if code[:2] == "90" else f"{code[:2]}00")


def _add_place(book: _Gazetteer, code: str, name: str, region: Region) -> None:
    if len(name) < 3 or code in ("0000", "9000") or name == "市辖区":
        return
    if not code.endswith("00"):
        _add(book.counties, name, region)
    elif region.city == name:
        _add(book.cities, name, region)
        _add(book.short_cities, _CITY_KIND.sub("", name), region)


def _add(names: Names, name: str, region: Region) -> None:
    names[name] = names.get(name, frozenset()) | {region}


def _now(flagged: str) -> Iterator[str]:
    """`[1983-2021]下城区` is history; a name without years always was."""
    for found in _NAME.finditer(flagged):
        if found["until"] in (None, ""):
            yield found["name"]
