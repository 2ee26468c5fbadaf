class ExpressionError(Exception):
    """The text of an expression or path is wrong at this column, counted from 1."""

    def __init__(self, message: str, column: int, *, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.column = column
        self.remedy = remedy

    def __str__(self) -> str:
        advice = f" — {self.remedy}" if self.remedy else ""
        return f"column {self.column}: {self.message}{advice}"


class EvaluationError(ValueError):
    """The data does not fit the expression."""

    def __init__(self, message: str, message_zh: str) -> None:
        super().__init__(message)
        self.message = message
        self.message_zh = message_zh


def out_of_range() -> EvaluationError:
    return EvaluationError("number is out of range", "数字超出范围")
