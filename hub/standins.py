"""The sandboxes as the connections of a hub that has none yet: what IT does with real vendors."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hub.world import World

DOUYIN, ESIGN, KINGDEE, U8, BANK = "douyin-main", "esign-main", "kingdee-main", "u8-main", "bank-main"

ERP_DOORS: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "kingdee-session": (KINGDEE, {"login": "session"}),
    "kingdee-signature": (KINGDEE, {"login": "signature"}),
    "u8-openapi": (U8, {"door": "openapi"}),
    "u8-eai": (U8, {"door": "eai", "read_by_sql": True}),
}
"""How an ERP can be reached: the connection and the settings that choose the way."""

SIGNERS: Mapping[str, Mapping[str, object]] = {
    "esign": {},
    "tencent_ess": {"compose_seconds": 1, "bill_delay_seconds": 0},
    "fadada": {},
}
"""Which service signs, and settings that a demo needs."""

TOLD_ONCE = ("tencent_ess",)
"""Services that take the address of the callbacks in their console, not with each flow."""


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays which vendor."""

    signer: str = "esign"
    settings: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Connection to settings beyond the sandbox's credentials."""

    @property
    def connectors(self) -> dict[str, tuple[str, str]]:
        """Connection to sandbox and connector."""
        return {
            DOUYIN: ("douyin_leads", "douyin_leads"),
            ESIGN: (self.signer, self.signer),
            KINGDEE: ("kingdee", "kingdee"),
            U8: ("yonyou_u8", "yonyou_u8"),
            BANK: ("bank", "bank_statement"),
        }

    @property
    def sandboxes(self) -> tuple[str, ...]:
        return tuple(sandbox for sandbox, _ in self.connectors.values())


def cast_of(*, signer: str = "esign", doors: tuple[str, ...] = ()) -> Cast:
    """`doors`: keys of ERP_DOORS. Raises KeyError for an unknown one."""
    return Cast(signer, {ESIGN: SIGNERS[signer], **dict(ERP_DOORS[door] for door in doors)})


async def connect_sandboxes(world: World, *, statements: Path, cast: Cast) -> None:
    """`statements`: the folder that the bank's stand-in writes to and the hub reads from."""
    for name in cast.connectors:
        await connect_sandbox(world, name, statements=statements, cast=cast)
    await world.act("bank", "set_folder", {"folder": str(statements)})
    await world.act("douyin_leads", "add_rule", {"url": f"{world.hub_url}/hooks/{DOUYIN}"})
    if cast.signer in TOLD_ONCE:
        await world.act(cast.signer, "subscribe", {"url": f"{world.hub_url}/hooks/{ESIGN}"})


async def connect_sandbox(world: World, name: str, *, statements: Path, cast: Cast) -> None:
    """With the credentials that the sandbox prints now; once more when an authorisation was lost."""
    sandbox, connector = cast.connectors[name]
    credentials = (await world.about(sandbox))["credentials"]
    place = {"folder": str(statements)} if name == BANK else {"base_url": world.sandbox_urls[sandbox]}
    values = {**credentials, **place, **cast.settings.get(name, {})}
    await world.hub("PUT", f"/api/connections/{name}", {"connector": connector, "values": values})
