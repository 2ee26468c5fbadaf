import asyncio

from sqlalchemy import text

from crm_store import Store
from domain.records import Company
from tests.factories import CREDIT_CODE, contract


async def _person(store: Store, phone: str | None, email: str | None = None, name: str | None = None) -> int:
    async with store.transaction() as uow:
        return await uow.customers.person_for(name=name, phone=phone, email=email, wechat=None)


async def _company(store: Store, name: str, credit_code: str | None = None, region: str | None = None) -> int:
    async with store.transaction() as uow:
        code = await uow.customers.next_code()
        return await uow.customers.company_for(
            Company(code=code, name=name, credit_code=credit_code, region=region)
        )


async def test_one_phone_is_one_person_however_many_arrive_at_once(store: Store) -> None:
    found = await asyncio.gather(*(_person(store, "+8613800000001", name=f"n{n}") for n in range(20)))
    assert len(set(found)) == 1


async def test_one_email_is_one_person_however_many_arrive_at_once(store: Store) -> None:
    found = await asyncio.gather(*(_person(store, None, "a@example.com") for _ in range(20)))
    assert len(set(found)) == 1


async def test_phone_goes_before_email_and_what_is_known_stays(store: Store) -> None:
    by_phone = await _person(store, "+8613800000001", name="张三")
    by_email = await _person(store, None, "a@example.com")
    assert await _person(store, "+8613800000001", "a@example.com", "李四") == by_phone
    async with store.transaction() as uow:
        row = await uow.customers.person(by_phone)
        assert (row["name"], row["email"]) == ("张三", None), "the address is another person's"
        assert (await uow.customers.person(by_email))["phone"] is None


async def test_the_second_message_fills_what_the_first_lacked(store: Store) -> None:
    first = await _person(store, "+8613800000001")
    assert await _person(store, "+8613800000001", "a@example.com", "张三") == first
    assert await _person(store, None, "a@example.com") == first


async def test_a_company_is_known_by_its_credit_code_under_any_name(store: Store) -> None:
    first = await _company(store, "示例机械有限公司", CREDIT_CODE)
    assert await _company(store, "示例重工有限公司", CREDIT_CODE) == first


async def test_without_a_code_only_exactly_the_same_name_is_the_same_company(store: Store) -> None:
    first = await _company(store, "示例机械（上海）有限公司")
    assert await _company(store, "示例机械(上海)有限公司") == first
    assert await _company(store, "示例机械有限公司") != first


async def test_two_codes_are_two_companies_even_under_one_name(store: Store) -> None:
    first = await _company(store, "示例机械有限公司", CREDIT_CODE)
    assert await _company(store, "示例机械有限公司", "91310000MA1FL0001T") != first


async def test_a_code_that_becomes_known_later_is_kept(store: Store) -> None:
    first = await _company(store, "示例机械有限公司")
    assert await _company(store, "示例机械有限公司", CREDIT_CODE, "上海") == first
    async with store.transaction() as uow:
        row = await uow.customers.company(first)
    assert (row["credit_code"], row["region"]) == (CREDIT_CODE, "上海")
    assert await _company(store, "改名后的公司", CREDIT_CODE) == first


async def test_a_new_company_that_ten_bring_at_once_is_one(store: Store) -> None:
    by_name = await asyncio.gather(*(_company(store, "示例机械有限公司") for _ in range(10)))
    by_code = await asyncio.gather(*(_company(store, f"改名{n}", CREDIT_CODE) for n in range(10)))
    assert (len(set(by_name)), len(set(by_code))) == (1, 1)


async def test_the_owning_erp_is_decided_once(store: Store) -> None:
    async with store.transaction() as uow:
        owner = await contract(uow)
        assert await uow.customers.give_to_erp(owner.company_id, "u8-main") == "kingdee-main"


async def test_the_timeline_notes_an_event_once(store: Store) -> None:
    async with store.transaction() as uow:
        owner = await contract(uow)
        for words in ("first", "again"):
            await uow.timeline.note("k", kind="x", text=words, origin="test", contract_id=owner.contract_id)
        rows = await uow.timeline.of_contract(owner.contract_id)
        assert [row["text"] for row in rows] == ["first"]
        assert (await uow.connection.execute(text("SELECT count(*) FROM timeline"))).scalar_one() == 1
