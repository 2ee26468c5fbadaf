"""The contract as a PDF. The same text gives the same bytes, so that a file is known by its hash."""

from collections.abc import Sequence
from io import BytesIO

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from domain.records import ContractText

FONT = "STSong-Light"
"""A font that every PDF reader for Chinese has: nothing is embedded."""

BODY = ParagraphStyle("body", fontName=FONT, fontSize=11, leading=18, wordWrap="CJK")
TITLE = ParagraphStyle("title", parent=BODY, fontSize=18, leading=30, alignment=1)
GRID = TableStyle(
    [
        ("FONT", (0, 0), (-1, -1), FONT, 10),
        ("GRID", (0, 0), (-1, -1), 0.5, colors.grey),
        ("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke),
        ("ALIGN", (-1, 1), (-1, -1), "RIGHT"),
    ]
)


def render_contract(text: ContractText) -> bytes:
    if FONT not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    target = BytesIO()
    document = SimpleDocTemplate(
        target, pagesize=A4, title=text.number, author=text.seller, invariant=1, topMargin=25 * mm
    )
    document.build(
        [
            Paragraph(_safe(text.title), TITLE),
            Paragraph(f"合同编号：{_safe(text.number)}", BODY),
            Paragraph(f"甲方（卖方）：{_safe(text.seller)}", BODY),
            Paragraph(f"乙方（买方）：{_safe(text.buyer)}", BODY),
            Spacer(0, 6 * mm),
            _table(("标的", "数量", "金额"), [(a, b, str(c)) for a, b, c in text.lines]),
            Paragraph(f"合同总价：{text.total}", BODY),
            Spacer(0, 6 * mm),
            _table(("付款计划", "金额"), [(a, str(b)) for a, b in text.plan]),
        ]
    )
    return target.getvalue()


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    return Table([list(head), *map(list, rows)], style=GRID, hAlign="LEFT")


def _safe(text: str) -> str:
    """Paragraphs read markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
