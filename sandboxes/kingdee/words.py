"""Refusals in the product's words.

MsgCode: 1 session, 4 unknown form, 5 no form, 8 parameter, 9 field, 10 nothing found, 11 validation,
13 edit lock.
"""

from dataclasses import dataclass, replace
from typing import Self


@dataclass(frozen=True, slots=True)
class Complaint:
    message: str
    field: str | None = None
    index: int = 0
    """DIndex: which of the documents sent."""


class RefusedError(Exception):
    """The server understood and says no."""

    def __init__(self, *complaints: Complaint, code: int = 11) -> None:
        super().__init__("；".join(each.message for each in complaints))
        self.complaints = complaints
        self.code = code

    def at(self, index: int) -> Self:
        """The same refusal of the document at `index`."""
        return type(self)(*(replace(each, index=index) for each in self.complaints), code=self.code)


def refuse(message: str, *, field: str | None = None, code: int = 11) -> RefusedError:
    return RefusedError(Complaint(message, field), code=code)


def session_lost() -> RefusedError:
    return refuse("会话信息已丢失，请重新登录", code=1)


def unknown_form(form: str) -> RefusedError:
    return refuse("业务对象不存在", code=4) if form else refuse("业务对象标识不能为空", code=5)


def unknown_field(name: str) -> RefusedError:
    return refuse(f"元数据中标识为{name}的字段不存在", code=9)


def number_missing() -> RefusedError:
    return refuse("编码值或内码值必须传其一", code=8)


def nothing_found(title: str, wanted: str) -> RefusedError:
    return refuse(f"{title}[{wanted}]不存在", code=10)


def number_used(field: str, number: str) -> RefusedError:
    return refuse(f"违反字段唯一性要求：编码唯一。[{number}]在当前系统中已经被使用。", field=field)


def sent_before() -> RefusedError:
    return refuse("相同的数据已经保存过，不允许重复提交！")


def period_closed(day: str, deed: str) -> RefusedError:
    return refuse(f"单据日期[{day[:10]}]所在期间已结账，不允许{deed}！", field="FDATE")


def required(title: str, field: str) -> Complaint:
    return Complaint(f"字段[{title}]是必录字段", field)


def unknown_base_data(title: str, number: str, field: str) -> Complaint:
    return Complaint(f"字段[{title}]引用的基础资料[{number}]不存在、未审核或已禁用", field)


def too_long(title: str, size: int, field: str) -> Complaint:
    return Complaint(f"字段[{title}]的长度超过最大长度[{size}]", field)


def not_a_value(title: str, value: object, field: str) -> Complaint:
    return Complaint(f"字段[{title}]的值[{value}]格式不正确", field)
