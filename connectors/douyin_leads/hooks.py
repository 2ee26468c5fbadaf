"""The vendor's calls: at which door one knocks shows by its shape, and a door without a secret is shut."""

from typing import Literal, Protocol

from connectors.douyin_leads import spi, webhooks
from connectors.douyin_leads.feiyu import FeiyuDoor
from connectors.douyin_leads.refusals import refused
from connectors.douyin_leads.settings import Settings
from connectors.douyin_leads.spi import SpiDoor
from connectors.douyin_leads.webhooks import WebhookDoor
from domain.ports import HookAnswer, HookRequest, Inbound

DoorName = Literal["feiyu", "spi", "webhook"]


class Door(Protocol):
    def open(self, request: HookRequest) -> list[Inbound]: ...

    def accepted(self, request: HookRequest) -> HookAnswer: ...


class LeadHook:
    def __init__(self, settings: Settings) -> None:
        self._limit = settings.push_limit_bytes
        self._doors: dict[DoorName, Door] = {}
        if settings.push_token.get_secret_value():
            self._doors["feiyu"] = FeiyuDoor(settings)
        if settings.spi_secret.get_secret_value():
            self._doors["spi"] = SpiDoor(settings.spi_secret)
        if settings.client_secret.get_secret_value():
            self._doors["webhook"] = WebhookDoor(settings.client_secret)

    def open(self, request: HookRequest) -> list[Inbound]:
        if len(request.body) > self._limit:
            raise refused("malformed", f"body of {len(request.body)} bytes", status=413)
        return self._door(request).open(request)

    def accepted(self, request: HookRequest) -> HookAnswer:
        return self._door(request).accepted(request)

    def _door(self, request: HookRequest) -> Door:
        name = door_of(request)
        if name is None:
            raise refused("malformed", f"{request.method} at no known door", status=405)
        if name not in self._doors:
            raise refused("forged", f"the {name} door is not set up")
        return self._doors[name]


def door_of(request: HookRequest) -> DoorName | None:
    """Checks of the address carry no signature; a Feiyu push is whatever else is posted."""
    if spi.SIGNATURE in request.headers or spi.is_check(request):
        return "spi"
    if webhooks.SIGNATURE in request.headers:
        return "webhook"
    if request.method != "POST":
        return None
    if "access-token" not in request.headers and webhooks.is_check(request):
        return "webhook"
    return "feiyu"
