"""What the EAI door needs to know of a document: where its number stands, and how to ask for its balance.

Which elements a message has, and in which order, is in the mapping (mappings/library/yonyou_u8/eai_*.yaml).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Template:
    """`fixed`: elements that tell our documents from others under the same root tag. An archive is flat."""

    code: str
    code_column: str
    is_flat: bool = False
    fixed: Mapping[str, str] = field(default_factory=dict)
    balances: str = ""


CUSTOMER = Template(code="code", code_column="cCusCode", is_flat=True)

RECEIVABLE = Template(
    code="code",
    code_column="cVouchID",
    fixed={"vouchertype": "R0"},
    # [U] beside cVouchID and iAmount_f no column of the two tables is published; these are commonly known.
    balances="select cVouchID,cCheckMan,iRAmount_f,iRAmount from Ap_Vouch where cVouchType='R0'",
)

RECEIPT = Template(
    code="vouchcode",
    code_column="cVouchID",
    fixed={"vouchtype": "48", "flag": "AR"},
    balances="select cVouchID,cCheckMan,iRAmount_f,iRAmount from Ap_CloseBill where cVouchType='48'",
)

TEMPLATES: Mapping[str, Template] = {
    "customer": CUSTOMER,
    "oughtreceive": RECEIVABLE,
    "accept": RECEIPT,
    # [U] but for cDepCode and the first three, no column is published; these are commonly known.
    "department": Template(code="code", code_column="cDepCode", is_flat=True),
    "v_aa_hr_hi_person": Template(code="code", code_column="cPersonCode", is_flat=True),
    "inventory": Template(code="code", code_column="cInvCode"),
    "storequantity": Template(code="code", code_column="cInvCode", is_flat=True),
    "saleorder": Template(code="code", code_column="cSOCode"),
    "consignment": Template(code="code", code_column="cDLCode"),
}
