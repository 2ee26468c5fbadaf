"""Pure: sales orders, deliveries, materials and stock. No flow needs them yet, so no port names them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from connectors.kingdee.ledger import ENOUGH, by_number, money_of
from connectors.kingdee.protocol import Query, quoted, state_of
from connectors.kingdee.settings import KingdeeSettings
from connectors.kingdee.wire import MaterialRow, SaleRow
from domain.faults import Misconfigured
from domain.money import Money
from domain.records import ErpDocument

ORDER, DELIVERY, MATERIAL, STOCK = "SAL_SaleOrder", "SAL_OUTSTOCK", "BD_MATERIAL", "STK_Inventory"
CENT = Decimal("0.01")
DELIVERY_TO_RECEIVABLE = "AR_OutStockToReceivableMap"


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleLine:
    """`price` includes tax; `tax_rate` is a fraction (0.13); `store` matters for a delivery only."""

    material: str
    quantity: Decimal
    price: Decimal
    tax_rate: Decimal
    store: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """A sales order or a delivery under a number of our own. `salesperson` is a BD_OPERATOR number."""

    number: str
    customer_code: str
    day: date
    currency: str
    lines: Sequence[SaleLine]
    salesperson: str = ""
    note: str = ""

    @property
    def amount(self) -> Money:
        """What the server should come to: each line rounded to the cent, as it does."""
        lines = ((line.quantity * line.price).quantize(CENT, ROUND_HALF_UP) for line in self.lines)
        return Money(sum(lines, Decimal()), self.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    code: str
    name: str
    specification: str = ""
    kind: str = "1"
    """物料属性 FErpClsID: 1 is bought from outside. [U]"""


def order_model(order: Sale, settings: KingdeeSettings) -> dict[str, object]:
    """The finance sub-head stands before the lines, or their prices come out wrong."""
    organization = _number(settings.organization)
    return {
        "FID": 0,
        "FBillTypeID": {"FNUMBER": settings.order_type},
        "FBillNo": order.number,
        "FDate": order.day.isoformat(),
        "FSaleOrgId": organization,
        "FCustId": _number(order.customer_code),
        "FSalerId": _number(order.salesperson),
        "FNote": order.note,
        "FSaleOrderFinance": {
            "FSettleCurrId": _number(_currency(order, settings)),
            "FExchangeTypeId": _number(settings.exchange_type),
            "FIsIncludedTax": True,
        },
        "FSaleOrderEntry": [
            {"FRowType": "Standard"}
            | _priced("FMaterialId", "FUnitID", "FQty", line, settings)
            | {"FDeliveryDate": order.day.isoformat(), "FSettleOrgIds": organization}
            for line in order.lines
        ],
    }


def delivery_model(delivery: Sale, settings: KingdeeSettings) -> dict[str, object]:
    organization = _number(settings.organization)
    return {
        "FID": 0,
        "FBillTypeID": {"FNUMBER": settings.delivery_type},
        "FBillNo": delivery.number,
        "FDate": delivery.day.isoformat(),
        "FSaleOrgId": organization,
        "FStockOrgId": organization,
        "FCustomerID": _number(delivery.customer_code),
        "FNote": delivery.note,
        "SubHeadEntity": {
            "FSettleCurrID": _number(_currency(delivery, settings)),
            "FSettleOrgID": organization,
            "FExchangeTypeID": _number(settings.exchange_type),
        },
        "FEntity": [
            _priced("FMaterialID", "FUnitID", "FRealQty", line, settings)
            | {"FStockID": _number(line.store), "FOwnerTypeID": "BD_OwnerOrg", "FOwnerID": organization}
            for line in delivery.lines
        ],
    }


def material_model(material: Material, settings: KingdeeSettings) -> dict[str, object]:
    organization = _number(settings.organization)
    return {
        "FMATERIALID": 0,
        "FCreateOrgId": organization,
        "FUseOrgId": organization,
        "FNumber": material.code,
        "FName": material.name,
        "FSpecification": material.specification,
        "SubHeadEntity": {"FErpClsID": material.kind, "FBaseUnitId": _number(settings.unit)},
    }


def order_query(number: str) -> Query:
    return Query(ORDER, _head("FCustId", "FSettleCurrId"), by_number(number), "FID ASC", ENOUGH)


def delivery_query(number: str) -> Query:
    return Query(DELIVERY, _head("FCustomerID", "FSettleCurrID"), by_number(number), "FID ASC", ENOUGH)


def material_query(code: str, settings: KingdeeSettings) -> Query:
    """There is no FID on base data."""
    columns = {"id": "FMATERIALID", "number": "FNumber", "status": "FDocumentStatus", "name": "FName"}
    where = f"FNumber={quoted(code)} and FUseOrgId.FNumber={quoted(settings.organization)}"
    return Query(MATERIAL, columns, where, "FMATERIALID ASC", ENOUGH)


def stock_query(material: str, settings: KingdeeSettings) -> Query:
    """Quantities in the basic unit; there is no FStockQty, and no key to order by."""
    columns = {
        "material": "FMaterialId.FNumber",
        "store": "FStockId.FNumber",
        "quantity": "FBaseQty",
        "available": "FBaseAVBQty",
    }
    where = f"FMaterialId.FNumber={quoted(material)}"
    where += f" and FStockOrgId.FNumber={quoted(settings.organization)}"
    return Query(STOCK, columns, where, "FStockId.FNumber ASC", settings.rows_per_page)


def sale_document(row: SaleRow, settings: KingdeeSettings) -> ErpDocument:
    return ErpDocument(
        number=row.number,
        vendor_id=row.id,
        state=state_of(row.status),
        customer_code=row.customer,
        amount=money_of(row.amount, row.currency, settings),
    )


def material_document(row: MaterialRow) -> ErpDocument:
    return ErpDocument(number=row.number, vendor_id=row.id, state=state_of(row.status))


def _head(customer: str, currency: str) -> dict[str, str]:
    return {
        "id": "FID",
        "number": "FBillNo",
        "status": "FDocumentStatus",
        "customer": f"{customer}.FNumber",
        "currency": f"{currency}.FNumber",
        "amount": "FBillAllAmount",
    }


def _priced(
    material: str, unit: str, quantity: str, line: SaleLine, settings: KingdeeSettings
) -> dict[str, object]:
    return {
        material: _number(line.material),
        unit: _number(settings.unit),
        quantity: line.quantity,
        "FTaxPrice": line.price,
        "FEntryTaxRate": line.tax_rate * 100,
    }


def _number(number: str) -> Mapping[str, str]:
    return {"FNumber": number}


def _currency(sale: Sale, settings: KingdeeSettings) -> str:
    if sale.currency not in settings.currencies:
        raise Misconfigured(f"币别 {sale.currency} 不在连接的币别表 currencies 里")
    return settings.currencies[sale.currency]
