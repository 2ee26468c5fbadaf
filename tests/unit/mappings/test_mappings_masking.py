"""Personal data out, shape kept."""

import json
from decimal import Decimal

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum.cn import uscc

from mappings.masking import Masker


def masked(key: str, value: object) -> object:
    return Masker().record({key: value})[key]


@pytest.mark.parametrize(
    ("key", "true", "made_up"),
    [
        ("telphone", "13912345678", "13800000001"),
        ("telphone", "+86 139-1234-5678", "+86 138-0000-0001"),
        ("telphone", "１３９ 1234 5678", "１３８ 0000 0001"),
        ("telphone", "139****5678", "138****0001"),
        ("telphone", 13912345678, 13800000001),
        ("tel", "0571-87654321", "0571-80000001"),
        ("telphone", "138-不是号码", "138-示例文字"),
        ("name", " 王小明 ", " 示例甲 "),
        ("name", "-", "-"),
        ("联系人姓名", "ZHANG SAN", "示例甲"),
        ("weixin", "wxm1988", "demo_wx1"),
        ("email", "wang@corp.cn", "demo1@example.com"),
        ("page", "https://corp.cn/?u=139", "https://page.example.com/1"),
        ("account", "33050160000000012345", "33000000000000000001"),
        ("id", 7312345678901234567, 7300000000000000001),
        ("身份证", "330102198803041234", "330000000000000001"),
        ("生日", "1988-03-04", "1990-01-01"),
        ("公司", "宁波大海机械股份有限公司", "示例甲字示例股份有限公司"),
        ("address", "海曙区解放路 12 号 3 幢", "示例文字示例 12 文 3 字"),
        ("remark", "找王总 13912345678，急", "示例文 13800000001，示"),
        ("remark", "电话139—1234—5678", "示例000—0000—0000"),
        ("tel", "8765-4321", "8700-0001"),
        ("telphone", 87654321, 87000001),
        ("telphone", "0", "0"),
        ("qq", 12345678, 12000001),
        ("account", "6222 0000 1234 5678 901", "6200 0000 0000 0000 001"),
        ("怎么称呼", "老王", "示例甲"),
        ("anything else", "我叫王小明", "示例文字示"),
    ],
)
def test_personal_data(key: str, true: object, made_up: object) -> None:
    assert masked(key, true) == made_up


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("create_time", "1777600800"),
        ("create_time", 1777600800123),
        ("day", "2026-05-01 10:00:00"),
        ("province_name", "浙江"),
        ("clue_type", "表单"),
        ("product", "GROUPON"),
        ("budget", "10-20万"),
        ("amount", Decimal("120000.50")),
        ("age", 30),
        ("flag", True),
        ("nothing", None),
        ("blank", "  "),
    ],
)
def test_what_is_harmless_stays(key: str, value: object) -> None:
    assert masked(key, value) == value


def test_the_same_value_is_the_same_everywhere() -> None:
    record = {
        "name": "王小明",
        "phone": "+8613912345678",
        "people": [{"name": "李雷", "tel": "139 1234 5678"}, {"name": "王小明", "tel": "13700000000"}],
    }
    assert Masker().record(record) == {
        "name": "示例甲",
        "phone": "+8613800000001",
        "people": [{"name": "示例乙", "tel": "138 0000 0001"}, {"name": "示例甲", "tel": "13800000002"}],
    }


def test_what_the_mapping_names_stays() -> None:
    record = {"app": "抖音极速版", "other": "别的"}
    assert Masker(frozenset({"抖音极速版"})).record(record) == {"app": "抖音极速版", "other": "示例"}


def test_json_inside_a_text() -> None:
    made_up = masked("answers", '{"电话": "13912345678", "n": 1.5}')
    assert made_up == '{"电话": "13800000001", "n": 1.5}'


def test_a_credit_code_stays_valid() -> None:
    true = "91330200MA2000000"
    made_up = masked("credit_code", true + uscc.calc_check_digit(true))
    assert isinstance(made_up, str)
    assert uscc.is_valid(made_up)
    assert made_up.startswith("91330200MA0000001")


MOBILES = st.builds(
    "1{}{}".format, st.sampled_from(["39", "50", "77", "88"]), st.integers(0, 10**8 - 1).map("{:08d}".format)
)


@settings(max_examples=60)
@given(st.lists(MOBILES, min_size=1, max_size=5), st.sampled_from(["{}", " {} ", "电话 {}。", "+86{}"]))
def test_no_number_survives_and_each_stays_a_number(numbers: list[str], written: str) -> None:
    record = {f"field{n}": written.format(number) for n, number in enumerate(numbers)}
    said = json.dumps(Masker().record(record), ensure_ascii=False)
    assert not any(number in said for number in numbers)
    assert Masker().record(record) == Masker().record(record)
    for text in Masker().record(record).values():
        number = "".join(letter for letter in str(text) if letter.isdigit())[-11:]
        assert phonenumbers.is_valid_number(phonenumbers.parse(number, "CN"))
