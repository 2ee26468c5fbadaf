"""What EAS checks of vouchers and other receivables before it keeps them."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from itertools import groupby

from lxml import etree

from sandboxes.common import Books, Row
from sandboxes.kingdee_eas.soap import PARSER

COMPANIES = {"01": "示例集团"}
ACCOUNTS = {"1002": "银行存款", "1122": "应收账款", "2221": "应交税费", "6001": "主营业务收入"}
CURRENCIES = {"BB01": "人民币"}
TYPES = {"记": "记账凭证"}
CUSTOMERS = {"CUST9001": "示例客户有限公司"}
DEBIT = "1"
STATES = {"0": "暂存", "1": "暂存", "2": "提交", "3": "提交", "99": "过账"}
"""isVerify of an import -> the state that it leads to. 1 and 3 check first; here all do. [U]"""


class RefusedError(Exception):
    pass


class Ledger:
    def __init__(self, books: Books) -> None:
        self._books = books

    def import_vouchers(self, lines: Sequence[Row], state: str) -> list[list[str]]:
        """A row for each voucher: number, type, year, period, message, exception, EAS number, id."""
        answers = []
        ordered = sorted(lines, key=_voucher_of)
        for (company, number), group in groupby(ordered, key=_voucher_of):
            listed = list(group)
            head = [listed[0].get(key, "") for key in ("voucherType", "periodYear", "periodNumber")]
            try:
                found = self._keep_voucher(company, number, listed, STATES.get(state, ""))
            except RefusedError as refused:
                answers.append([number, *head, "导入失败", str(refused), "", ""])
                continue
            answers.append([number, *head, "成功保存", "", found["easNumber"], found["id"]])
        return answers

    def submit_bill(self, text: str) -> Row:
        bill = _parsed(text)
        number = bill.findtext("billHead/number", "").strip()
        self._check_bill(bill, number)
        kept = {
            "id": f"OB{self._books.next_number('bills', start=100001)}",
            "number": number,
            "company": bill.findtext("billHead/company", ""),
            "customer": bill.findtext("billHead/asstActNumber", ""),
            "amount": str(_amount(bill.findtext("billHead/amount"))),
            "state": "提交",
        }
        self._books.table("other_bills")[number] = kept
        return kept

    def _keep_voucher(self, company: str, number: str, lines: list[Row], state: str) -> Row:
        self._check_lines(company, lines, state)
        first = lines[0]
        place = "/".join([company, first["periodYear"], first["periodNumber"], first["voucherType"]])
        if number and any(
            row["place"] == place and row["number"] == number
            for row in self._books.table("vouchers").values()
        ):
            raise RefusedError(f"凭证号[{number}]已存在")
        kept: Row = {
            "id": f"VC{self._books.next_number('vouchers', start=100001)}",
            "easNumber": f"{self._books.next_number('voucher ' + place):04d}",
            "number": number,
            "place": place,
            "state": state,
            "lines": lines,
        }
        self._books.table("vouchers")[kept["id"]] = kept
        return kept

    def _check_lines(self, company: str, lines: list[Row], state: str) -> None:
        if not state:
            raise RefusedError("isVerify的值不正确")
        _known(company, COMPANIES, "公司")
        debit = credit = Decimal()
        for line in lines:
            _known(line.get("voucherType", ""), TYPES, "凭证字")
            _known(line.get("accountNumber", ""), ACCOUNTS, "科目")
            _known(line.get("currencyNumber", ""), CURRENCIES, "币别")
            if line.get("asstActType1") == "客户":
                _known(line.get("asstActNumber1", ""), CUSTOMERS, "客户")
            if not line.get("bookedDate"):
                raise RefusedError("记账日期不能为空")
            if line.get("entryDC") == DEBIT:
                debit += _amount(line.get("debitAmount"))
            else:
                credit += _amount(line.get("creditAmount"))
        month = f"{lines[0].get('periodYear')}-{lines[0].get('periodNumber', '').zfill(2)}"
        if not lines[0]["bookedDate"].startswith(month):
            raise RefusedError(f"记账日期[{lines[0]['bookedDate']}]不在期间[{month}]内")
        if month in self._books.table("closed_periods"):
            raise RefusedError(f"期间[{month}]已结账")
        if debit != credit or not debit:
            raise RefusedError(f"借方合计[{debit}]与贷方合计[{credit}]不相等")

    def _check_bill(self, bill: etree._Element, number: str) -> None:
        if not number:
            raise RefusedError("单据编号不能为空")
        if number in self._books.table("other_bills"):
            raise RefusedError(f"单据编号[{number}]已存在")
        _known(bill.findtext("billHead/company", ""), COMPANIES, "公司")
        _known(bill.findtext("billHead/currency", ""), CURRENCIES, "币别")
        _known(bill.findtext("billHead/asstActNumber", ""), CUSTOMERS, "往来户")
        month = bill.findtext("billHead/bizDate", "")[:7]
        if month in self._books.table("closed_periods"):
            raise RefusedError(f"期间[{month}]已结账")
        total = _amount(bill.findtext("billHead/amount"))
        for path, title in (
            ("billEntries/entry/amount", "分录"),
            ("receivePlans/ReceivePlan/receivePayAmount", "收款计划"),
        ):
            if sum((_amount(each.text) for each in bill.findall(path)), Decimal()) != total:
                raise RefusedError(f"{title}金额合计与单据金额[{total}]不相等")


def _voucher_of(line: Row) -> tuple[str, str]:
    return line.get("companyNumber", ""), line.get("voucherNumber", "")


def _known(number: str, table: dict[str, str], title: str) -> None:
    if number not in table:
        raise RefusedError(f"{title}[{number}]不存在")


def _amount(text: str | None) -> Decimal:
    try:
        return Decimal(text or "0").quantize(Decimal("0.01"))
    except InvalidOperation as error:
        raise RefusedError(f"金额[{text}]不正确") from error


def _parsed(text: str) -> etree._Element:
    try:
        return etree.fromstring(text.encode(), PARSER)
    except etree.XMLSyntaxError as error:
        raise RefusedError(f"xmlData不是XML：{error}") from error
