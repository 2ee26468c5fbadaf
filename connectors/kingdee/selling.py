"""Sales orders, deliveries, materials, stock. Numbers are ours, so a repeat finds the first."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from connector_kit import Tools
from connectors.kingdee import ledger, sales
from connectors.kingdee.client import WebApi
from connectors.kingdee.posting import Find, Posting
from connectors.kingdee.protocol import Query
from connectors.kingdee.sales import Material, Sale
from connectors.kingdee.settings import KingdeeSettings
from connectors.kingdee.wire import MaterialRow, SaleRow, StockRow
from domain.faults import Mismatch, Rejected
from domain.records import ErpDocument

Model = Callable[[Sale, KingdeeSettings], Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class KingdeeSales:
    settings: KingdeeSettings
    tools: Tools

    @property
    def _api(self) -> WebApi:
        return WebApi(self.settings, self.tools)

    @property
    def _posting(self) -> Posting:
        return Posting(self._api)

    async def find_order(self, number: str) -> ErpDocument | None:
        return await self._sale(sales.order_query(number))

    async def post_order(self, order: Sale) -> ErpDocument:
        """Saved, submitted, audited: as far as that is still due."""
        return await self._post(sales.ORDER, order, sales.order_model, self.find_order)

    async def find_delivery(self, number: str) -> ErpDocument | None:
        return await self._sale(sales.delivery_query(number))

    async def post_delivery(self, delivery: Sale) -> ErpDocument:
        """Its audit takes the goods from stock."""
        return await self._post(sales.DELIVERY, delivery, sales.delivery_model, self.find_delivery)

    async def bill_delivery(self, delivery: ErpDocument) -> list[str]:
        """Internal ids of the receivables made of it: saved, not submitted, numbered by the ERP."""
        rule = sales.DELIVERY_TO_RECEIVABLE
        made = await self._api.push(sales.DELIVERY, ledger.RECEIVABLE, rule=rule, ids=[delivery.vendor_id])
        return [each.vendor_id for each in made]

    async def find_material(self, code: str) -> ErpDocument | None:
        row = await self._material(code)
        return sales.material_document(row) if row else None

    async def post_material(self, material: Material) -> ErpDocument:
        model = sales.material_model(material, self.settings)
        await self._posting.save(sales.MATERIAL, model, material.code)
        row = await self._material(material.code)
        if row is None:
            raise Rejected(
                f"物料编码 {material.code} 在金蝶已被使用，但不在组织 {self.settings.organization} 里"
            )
        if row.name != material.name:
            raise Mismatch(f"物料编码 {material.code} 在金蝶是“{row.name}”，要建的是“{material.name}”")
        document = sales.material_document(row)
        return await self._posting.advance(sales.MATERIAL, document, self.find_material)

    async def stock(self, material: str) -> list[StockRow]:
        return await self._api.query(sales.stock_query(material, self.settings), StockRow)

    async def _post(self, form: str, sale: Sale, model: Model, find: Find) -> ErpDocument:
        await self._posting.save(form, model(sale, self.settings), sale.number)
        document = await self._posting.found(find, sale.number)
        ledger.same(document, amount=sale.amount, customer=sale.customer_code)
        return await self._posting.advance(form, document, find)

    async def _sale(self, query: Query) -> ErpDocument | None:
        rows = await self._api.query(query, SaleRow)
        return sales.sale_document(rows[0], self.settings) if rows else None

    async def _material(self, code: str) -> MaterialRow | None:
        rows = await self._api.query(sales.material_query(code, self.settings), MaterialRow)
        return rows[0] if rows else None
