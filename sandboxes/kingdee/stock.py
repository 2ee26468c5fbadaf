"""Deliveries take from stock when audited, and give back when un-audited."""

from copy import deepcopy
from decimal import Decimal

from sandboxes.common import Row
from sandboxes.kingdee.archive import Archive
from sandboxes.kingdee.sales import DELIVERY, INVENTORY
from sandboxes.kingdee.saving import amount, blank
from sandboxes.kingdee.words import refuse

NEGATIVE_STOCK = "STK_InvCheckResult"
"""The interaction flag that says yes to the question below."""
QUANTITIES = ("FQty", "FBaseQty", "FAVBQty", "FBaseAVBQty")


class Stock:
    """Collects changed stock rows and writes them only when everything was allowed."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._changed: dict[str, Row] = {}

    def store(self) -> None:
        for row in self._changed.values():
            self._archive.put(INVENTORY, row)

    def move(self, delivery: Row, *, back: bool, confirmed: bool) -> None:
        for line in delivery[DELIVERY.entities[0].key]:
            taken = amount(line, "FRealQty") * (-1 if back else 1)
            row = self._row(line["FMaterialID"], line["FStockID"], delivery["FStockOrgId"], line["FUnitID"])
            if amount(row, "FBaseQty") < taken and not confirmed:
                raise refuse("更新库存时出现可以忽略的异常数据，是否继续？", field="FRealQty")
            add_stock(row, -taken)

    def _row(self, material: str, store: str, organization: str, unit: str) -> Row:
        key = stock_key(material, store, organization)
        if key not in self._changed:
            found = self._archive.get(INVENTORY, key)
            self._changed[key] = deepcopy(found) if found else stock_row(material, store, organization, unit)
        return self._changed[key]


def stock_key(material: str, store: str, organization: str) -> str:
    return f"{organization}/{store}/{material}"


def stock_row(material: str, store: str, organization: str, unit: str) -> Row:
    return blank(INVENTORY, 0) | {
        INVENTORY.key: stock_key(material, store, organization),
        "FMaterialId": material,
        "FStockId": store,
        "FStockOrgId": organization,
        "FStockStatusId": "KCZT01_SYS",
        "FOwnerTypeId": "BD_OwnerOrg",
        "FOwnerId": organization,
        "FBaseUnitId": unit,
    }


def add_stock(row: Row, quantity: Decimal) -> None:
    row |= {key: str(amount(row, key) + quantity) for key in QUANTITIES}
