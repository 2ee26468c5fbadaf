import io

from rich.console import Console

from hub.table import Table


def test_a_narrow_cell_keeps_all_its_text() -> None:
    long = "期间已经结账不能再做单据请先反结账或者改用下一个期间的日期然后再重放这次投递"
    table = Table("键", "原因", "")
    table.add_row("u8-main/receivable/HT-2026-0001#1", long, "")
    screen = Console(file=io.StringIO(), width=40)
    screen.print(table)
    assert isinstance(screen.file, io.StringIO)
    shown = screen.file.getvalue()
    assert "…" not in shown
    left = "".join(line.split("│")[2].strip() for line in shown.splitlines() if line.count("│") == 4)
    assert left == long
