import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.matching.numbers import find_strong, find_weak

A, B = "HT-2025-0042", "HT-2025-0051"


@pytest.mark.parametrize(
    "text",
    [
        "付HT-2025-0042合同首期款",
        "ＨＴ－２０２５－００４２",
        "ht 2025 0042 货款",
        "合同号：HT–2025—0042",
        "2025年HT-2025-0042",
        "HT20250042",
        "HT.2025/0042",
        "货款HT-2025-\n0042",
    ],
)
def test_strong(text: str) -> None:
    assert find_strong(text, [A, B]) == (A,)


def test_two_numbers_in_one_text() -> None:
    assert find_strong("货款HT-2025-0042/HT-2025-0051", [A, B]) == (A, B)


@pytest.mark.parametrize("text", ["HT-2025-00421尾款", "XHT-2025-0042", "2025HT20250042"])
def test_another_number_is_no_hit_at_all(text: str) -> None:
    assert find_strong(text, [A]) == ()
    assert find_weak(text, [A], payers=[A]) == {}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("20250042货款", "只有合同号的数字部分"),
        ("2025-0042货款", "只有合同号的数字部分"),
        ("HT-2025-0O42", "合同号疑似字母数字混淆"),
        ("HT-Z025-0042", "合同号疑似字母数字混淆"),
        ("HT-2025-00", "合同号被截断"),
        ("合同0042", "只有合同号的尾号"),
        ("合同号0042 首付", "只有合同号的尾号"),
    ],
)
def test_weak(text: str, reason: str) -> None:
    assert find_strong(text, [A]) == ()
    assert find_weak(text, [A], payers=[A]) == {A: reason}


@pytest.mark.parametrize(
    ("text", "contracts", "payers"),
    [
        ("20250042货款", [A, "XS-2025-0042"], []),
        ("HT-2025-00", [A, B], []),
        ("HT-2025", [A], []),
        ("合同0042", [A], []),
        ("合同0042", [A, "XS-2025-0042"], [A, "XS-2025-0042"]),
        ("2025年货款", ["XS-018-2025"], ["XS-018-2025"]),
        ("合同042", [A], [A]),
        ("", [A], [A]),
    ],
)
def test_what_could_mean_something_else_is_not_even_weak(
    text: str, contracts: list[str], payers: list[str]
) -> None:
    assert find_weak(text, contracts, payers=payers) == {}


def test_the_longer_number_is_meant() -> None:
    supplement = "HT-2025-0042-B1"
    assert find_strong("付HT-2025-0042-B1", [A, supplement]) == (supplement,)
    assert find_strong("付HT-2025-0042-B1 和 HT-2025-0042", [A, supplement]) == (A, supplement)


def test_numbers_with_chinese_words() -> None:
    contract = "沪销合字（2025）第042号"
    for text in ("支付沪销合字2025第042号尾款", "支付沪销合字(2025)第042号尾款", "沪销合字〔2025〕第042号"):
        assert find_strong(text, [contract]) == (contract,)
    assert find_strong("支付沪销合字2025第0421号", [contract]) == ()


def test_a_very_short_number_is_never_taken_for_a_hit() -> None:
    assert find_strong("第42号 A42", ["A42"]) == ()


numbers = st.from_regex(r"[A-Z]{2}-20[0-9]{2}-[0-9]{4}", fullmatch=True)
separators = st.sampled_from(["", "-", " ", "/", "—", "－", ".", "_"])


@given(contract=numbers, between=separators, around=st.sampled_from(["货款", "（", "：", " ", "，"]))
def test_a_number_is_found_however_it_is_typed(contract: str, between: str, around: str) -> None:
    typed = contract.replace("-", between).lower()
    assert find_strong(f"{around}{typed}{around}", [contract]) == (contract,)


@given(contract=numbers, digit=st.sampled_from("0123456789"))
def test_a_longer_number_is_another_number(contract: str, digit: str) -> None:
    assert find_strong(contract + digit, [contract]) == ()
    assert find_strong(digit + contract, [contract]) == ()


@given(text=st.text(max_size=60), contracts=st.lists(numbers, max_size=4))
def test_any_text_is_survived(text: str, contracts: list[str]) -> None:
    assert set(find_strong(text, contracts)) <= set(contracts)
    assert set(find_weak(text, contracts, payers=contracts)) <= set(contracts)
