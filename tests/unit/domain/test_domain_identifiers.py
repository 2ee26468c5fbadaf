import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum.cn import uscc

from domain.identifiers import (
    exact_company_name,
    fold_company_name,
    normalise_credit_code,
    normalise_email,
    normalise_phone,
    phone_region,
)


def with_check_digit(seventeen: str) -> str:
    return str(seventeen + uscc.calc_check_digit(seventeen))


VALID_CODE = with_check_digit("91310000MA1TEXT00")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("13800000001", "+8613800000001"),
        (" 138 0000 0001 ", "+8613800000001"),
        ("138-0000-0001", "+8613800000001"),
        ("138—0000—0001", "+8613800000001"),
        ("+86 13800000001", "+8613800000001"),
        ("＋８６１３８００００００００１".replace("００００００００", "０００００００"), "+8613800000001"),
        ("0086 138 0000 0001", "+8613800000001"),
        ("8613800000001", "+8613800000001"),
        ("(+86)13800000001", None),  # a sign inside brackets: not seen, not guessed
        ("１３８００００\u3000０００１", "+8613800000001"),
        ("\u202d13800000001\u202c", "+8613800000001"),
        ("021-12345678", "+862112345678"),
        ("(010) 12345678", "+861012345678"),
        ("+1 212 555 0123", "+12125550123"),
        ("+852 2123 4567", "+85221234567"),
        ("", None),
        ("12345", None),
        ("138****0001", None),
        ("13800000001a", None),
        ("1.38E+10", None),
        ("13800000001/13800000002", None),
        ("021-12345678转801", None),
        ("10000000001", None),
        ("1380000000", None),
        ("微信同号", None),
    ],
)
def test_phone(text: str, wanted: str | None) -> None:
    assert normalise_phone(text) == wanted


def test_the_region_decides_what_a_local_number_means() -> None:
    assert normalise_phone("2123 4567", region="HK") == "+85221234567"
    assert normalise_phone("2123 4567", region="CN") is None


@pytest.mark.parametrize(
    ("e164", "wanted"),
    [
        ("+8613800000001", "北京市"),
        ("+862112345678", "上海市"),
        ("+8675512345678", "广东省深圳市"),
        ("+864001234567", None),
        ("not a number", None),
    ],
)
def test_home_of_a_phone(e164: str, wanted: str | None) -> None:
    assert phone_region(e164) == wanted


@pytest.mark.parametrize("authority", ["91", "12", "52", "N2", "A1", "Y1"])
def test_credit_codes_of_every_authority(authority: str) -> None:
    code = with_check_digit(authority + "310000MA1TEXT00")
    assert normalise_credit_code(code) == code
    assert normalise_credit_code(f" {code[:2]} {code[2:8]}-{code[8:].lower()} ") == code


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1234567890",
        VALID_CODE[:-1] + ("0" if VALID_CODE[-1] != "0" else "1"),
        VALID_CODE[:10] + "I" + VALID_CODE[11:],
        VALID_CODE + "0",
        "B" + VALID_CODE[1:],
        "3" * 15,
    ],
)
def test_no_credit_code(text: str) -> None:
    assert normalise_credit_code(text) is None


@given(position=st.integers(0, 16), character=st.sampled_from("0123456789"))
def test_one_wrong_character_of_a_credit_code_is_found(position: int, character: str) -> None:
    code = with_check_digit("91310000123456780")
    wrong = code[:position] + character + code[position + 1 :]
    assert normalise_credit_code(wrong) == (code if wrong == code else None)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (" Li.Test@Example.COM ", "li.test@example.com"),
        ("ｌｉ＠ｅｘａｍｐｌｅ．ｃｏｍ", "li@example.com"),
        ("a+b@mail.example.com.cn", "a+b@mail.example.com.cn"),
        ("no-at.example.com", None),
        ("two@@example.com", None),
        ("a@example", None),
        ("a b@example.com", None),
        ("a@-example.com", None),
        ("", None),
        ("x" * 250 + "@example.com", None),
    ],
)
def test_email(text: str, wanted: str | None) -> None:
    assert normalise_email(text) == wanted


@pytest.mark.parametrize(
    ("text", "exact", "folded"),
    [
        ("示例科技有限公司", "示例科技有限公司", "示例科技"),
        (" 示例科技 有限公司\u3000", "示例科技有限公司", "示例科技"),
        ("示例科技（上海）有限公司", "示例科技(上海)有限公司", "示例科技"),
        ("示例科技(上海)有限公司", "示例科技(上海)有限公司", "示例科技"),
        ("示例科技〔上海〕有限公司", "示例科技(上海)有限公司", "示例科技"),
        ("示例集团股份有限公司", "示例集团股份有限公司", "示例"),
        ("示例（集团）有限责任公司", "示例(集团)有限责任公司", "示例"),
        ("测试商店（个体工商户）", "测试商店(个体工商户)", "测试商店"),
        ("测试·贸易公司", "测试·贸易公司", "测试贸易"),
        ("Ｔｅｓｔ Trading Co., Ltd.", "TESTTRADINGCO.,LTD.", "TESTTRADING"),
        ("TEST TRADING", "TESTTRADING", "TESTTRADING"),
        ("测试（第一工程项目经理部）", "测试(第一工程项目经理部)", "测试第一工程项目经理部"),
        ("", "", ""),
    ],
)
def test_company_names(text: str, exact: str, folded: str) -> None:
    assert exact_company_name(text) == exact
    assert fold_company_name(text) == folded


messy = st.text(
    alphabet=st.one_of(
        st.characters(), st.sampled_from("示例集团股份有限公司责任（）() CO,LTD.-+0123456789@")
    ),
    max_size=30,
)


@settings(max_examples=200)
@given(messy)
def test_names_settle(text: str) -> None:
    for function in (exact_company_name, fold_company_name):
        assert function(function(text)) == function(text)


@settings(max_examples=200)
@given(messy)
def test_keys_settle(text: str) -> None:
    for function in (normalise_phone, normalise_credit_code, normalise_email):
        once = function(text)
        assert once is None or function(once) == once


@settings(max_examples=200)
@given(st.integers(10**8, 10**9 - 1), st.sampled_from(["", "+86", "0086", "86", "+86 "]))
def test_a_mobile_number_has_one_spelling(rest: int, prefix: str) -> None:
    mobile = f"13{rest}"
    wanted = normalise_phone(mobile)
    assert wanted is None or wanted == f"+86{mobile}"
    assert normalise_phone(prefix + mobile) == wanted
    assert wanted is None or re.fullmatch(r"\+\d{8,15}", wanted)
