"""Companies and people, found by strong identifiers: credit code, phone in E.164, e-mail."""

from sqlalchemy import RowMapping, exists, func, literal, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_store.rows import many, one
from crm_store.tables import companies, payer_accounts, people
from domain.identifiers import exact_company_name, fold_company_name
from domain.records import Company


class Customers:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def person_for(
        self, *, name: str | None, phone: str | None, email: str | None, wechat: str | None
    ) -> int:
        """The person with this phone, else this e-mail, else a new one. What is known already stays."""
        found = await self._find_person(phone, email)
        if found is None:
            row = await one(
                self._connection,
                insert(people)
                .values(name=name, phone=phone, email=email, wechat=wechat)
                .on_conflict_do_nothing()
                .returning(people.c.id),
            )
            if row:
                return int(row["id"])
            found = await self._find_person(phone, email)  # somebody else was quicker
            assert found is not None
        await self._fill(found, name=name, phone=phone, email=email, wechat=wechat)
        return int(found["id"])

    async def learn(
        self, person_id: int, *, name: str | None, phone: str | None, email: str | None, wechat: str | None
    ) -> None:
        """Fills what was empty, except with what is another person's."""
        known = await one(self._connection, select(people).where(people.c.id == person_id))
        assert known is not None
        await self._fill(known, name=name, phone=phone, email=email, wechat=wechat)

    async def _find_person(self, phone: str | None, email: str | None) -> RowMapping | None:
        for column, value in ((people.c.phone, phone), (people.c.email, email)):
            if value:
                row = await one(self._connection, select(people).where(column == value))
                if row:
                    return row
        return None

    async def _fill(self, known: RowMapping, **values: str | None) -> None:
        missing = {name: value for name, value in values.items() if value and not known[name]}
        for unique in ("phone", "email"):
            if unique in missing and await self._taken(unique, missing[unique]):
                del missing[unique]
        if missing:
            await self._connection.execute(update(people).where(people.c.id == known["id"]).values(**missing))

    async def _taken(self, column: str, value: str | None) -> bool:
        row = await one(self._connection, select(exists().where(people.c[column] == value).label("taken")))
        return bool(row and row["taken"])

    async def company_for(self, company: Company) -> int:
        """The company with this credit code, else with exactly this name, else a new one."""
        # A name has no unique key: two who bring the same new company at once must wait for each other.
        await self._connection.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 3))"),
            {"name": exact_company_name(company.name)},
        )
        found = await self._find_company(company)
        if found is None:
            row = await one(
                self._connection,
                insert(companies)
                .values(
                    code=company.code,
                    name=company.name,
                    folded_name=fold_company_name(company.name),
                    credit_code=company.credit_code,
                    phone=company.phone,
                    email=company.email,
                    region=company.region,
                    city=company.city,
                    address=company.address,
                )
                .on_conflict_do_nothing()
                .returning(companies.c.id),
            )
            if row:
                return int(row["id"])
            found = await self._find_company(company)
            if found is None:
                raise ValueError(f"客户编码 {company.code} 已属于另一家公司 (customer code already taken)")
        await self._fill_company(found, company)
        return int(found["id"])

    async def _fill_company(self, known: RowMapping, company: Company) -> None:
        missing = {
            name: value
            for name in ("credit_code", "phone", "email", "region", "city", "address")
            if (value := getattr(company, name)) and not known[name]
        }
        if missing:
            await self._connection.execute(
                update(companies).where(companies.c.id == known["id"]).values(**missing)
            )

    async def _find_company(self, company: Company) -> RowMapping | None:
        if company.credit_code:
            row = await one(
                self._connection, select(companies).where(companies.c.credit_code == company.credit_code)
            )
            if row:
                return row
        candidates = await many(
            self._connection,
            select(companies)
            .where(
                companies.c.folded_name == fold_company_name(company.name),
                or_(companies.c.credit_code.is_(None), literal(company.credit_code is None)),
            )
            .order_by(companies.c.id),
        )
        exact = exact_company_name(company.name)
        return next((row for row in candidates if exact_company_name(row["name"]) == exact), None)

    async def next_code(self) -> str:
        """Our own customer code, which is also its code in the ERP."""
        row = await one(
            self._connection,
            select(func.nextval("customer_code").label("number")),
        )
        assert row is not None
        return f"C{row['number']:08d}"

    async def company(self, company_id: int) -> RowMapping:
        row = await one(self._connection, select(companies).where(companies.c.id == company_id))
        assert row is not None
        return row

    async def company_by_code(self, code: str) -> RowMapping | None:
        return await one(self._connection, select(companies).where(companies.c.code == code))

    async def give_to_erp(self, company_id: int, connection: str) -> str:
        """The ERP that owns the customer: decided once. Returns the owner, old or new."""
        row = await one(
            self._connection,
            update(companies)
            .where(companies.c.id == company_id)
            .values(erp=func.coalesce(companies.c.erp, connection))
            .returning(companies.c.erp),
        )
        assert row is not None
        return str(row["erp"])

    async def join_company(self, person_id: int, company_id: int) -> None:
        await self._connection.execute(
            update(people)
            .where(people.c.id == person_id, people.c.company_id.is_(None))
            .values(company_id=company_id)
        )

    async def person(self, person_id: int) -> RowMapping:
        row = await one(self._connection, select(people).where(people.c.id == person_id))
        assert row is not None
        return row

    async def payer_accounts(self) -> dict[str, int]:
        """Bank account of a payer to the customer that it paid for, learnt from confirmed matches."""
        rows = await many(self._connection, select(payer_accounts))
        return {row["account"]: row["company_id"] for row in rows}

    async def learn_payer(self, account: str, company_id: int) -> None:
        await self._connection.execute(
            insert(payer_accounts).values(account=account, company_id=company_id).on_conflict_do_nothing()
        )

    async def listed(self, limit: int = 100) -> list[RowMapping]:
        return await many(self._connection, select(companies).order_by(companies.c.id.desc()).limit(limit))
