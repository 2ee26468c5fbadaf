"""The sandboxes as the connections of a hub that has none yet: what IT does with real vendors."""

from pathlib import Path

from hub.world import World

DOUYIN, ESIGN, KINGDEE, U8, BANK = "douyin-main", "esign-main", "kingdee-main", "u8-main", "bank-main"

CONNECTORS = {
    DOUYIN: ("douyin_leads", "douyin_leads"),
    ESIGN: ("esign", "esign"),
    KINGDEE: ("kingdee", "kingdee"),
    U8: ("yonyou_u8", "yonyou_u8"),
    BANK: ("bank", "bank_statement"),
}
"""Connection to sandbox and connector."""


async def connect_sandboxes(world: World, *, statements: Path) -> None:
    """`statements`: the folder that the bank's stand-in writes to and the hub reads from."""
    for name, (sandbox, connector) in CONNECTORS.items():
        credentials = (await world.about(sandbox))["credentials"]
        place = {"folder": str(statements)} if name == BANK else {"base_url": world.sandbox_urls[sandbox]}
        await world.hub(
            "PUT", f"/api/connections/{name}", {"connector": connector, "values": {**credentials, **place}}
        )
    await world.act("bank", "set_folder", {"folder": str(statements)})
    await world.act("douyin_leads", "add_rule", {"url": f"{world.hub_url}/hooks/{DOUYIN}"})
