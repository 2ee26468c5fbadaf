"""What people do at any signing service: sign, decline, let a contract expire, take it back."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Protocol

from sandboxes.common.app import Act, Sandbox
from sandboxes.common.books import Row
from sandboxes.common.screens import KEY, Blank, Deed, Screen

Json = dict[str, Any]


class Contracts(Protocol):
    """The contracts of one service, as far as people act on them."""

    def find(self, flow_id: str) -> Row: ...

    def all(self) -> list[Row]: ...

    def running(self, flow: Row) -> bool: ...

    def turn(self, flow: Row) -> list[Row]:
        """Whoever may sign a running contract now."""
        ...

    def sign(self, flow: Row, signer: Row) -> None: ...

    def decline(self, flow: Row, signer: Row, *, reason: str) -> None: ...

    def expire(self, flow: Row) -> None: ...

    def withdraw(self, flow: Row, *, reason: str) -> None: ...


class SigningSandbox(Sandbox):
    """The books keep contracts in `flows` and the company itself in `account`, under `own`."""

    id_field: ClassVar[str]
    signers_field: ClassVar[str]
    signer_status: ClassVar[str]
    refusals: ClassVar[type[Exception]]
    """How the service says no to its own caller."""
    deeds = (
        Deed(
            "quota",
            "改合同份额",
            "contracts left",
            "还可以发 {contractsLeft} 份合同 (contracts left)",
            (Blank("left", "还剩几份", "left", required=True, read=int),),
        ),
    )

    @property
    @abstractmethod
    def contracts(self) -> Contracts: ...

    def acts(self) -> dict[str, Act]:
        return {
            "sign": self._act_sign,
            "sign_all": self._act_sign_all,
            "decline": self._act_decline,
            "expire": self._act_expire,
            "revoke": self._act_revoke,
            "subscribe": self._act_subscribe,
            "quota": self._act_quota,
        }

    async def _act_sign(self, body: Json) -> Json:
        """{flow_id | title, signer?: index}: the next signer in order, or the given one, signs."""
        flow = self._named(body)
        self.contracts.sign(flow, self._signer(flow, body))
        return self._state(flow)

    async def _act_sign_all(self, body: Json) -> Json:
        """{flow_id | title}: everybody who is left signs, in order."""
        flow, contracts = self._named(body), self.contracts
        while contracts.running(flow) and (turn := contracts.turn(flow)):
            contracts.sign(flow, turn[0])
        return self._state(flow)

    async def _act_decline(self, body: Json) -> Json:
        """{flow_id | title, signer?: index, reason?}: ends the contract for everybody."""
        flow = self._named(body)
        reason = str(body.get("reason") or "拒签")
        self.contracts.decline(flow, self._signer(flow, body), reason=reason)
        return self._state(flow)

    async def _act_expire(self, body: Json) -> Json:
        """{flow_id | title}: the deadline passes now."""
        flow = self._named(body)
        self._check_running(flow)
        self.contracts.expire(flow)
        return self._state(flow)

    async def _act_revoke(self, body: Json) -> Json:
        """{flow_id | title, reason?}: the sender takes it back at the vendor's own pages."""
        flow = self._named(body)
        try:
            self.contracts.withdraw(flow, reason=str(body.get("reason") or "撤回"))
        except self.refusals as refusal:
            raise ValueError(str(refusal)) from refusal
        return self._state(flow)

    async def _act_subscribe(self, body: Json) -> Json:
        """{url}: the console's own callback address; null ends it."""
        return self._change_account(webhook=body["url"])

    async def _act_quota(self, body: Json) -> Json:
        """{left}: how many contracts may still be sent."""
        return self._change_account(contractsLeft=int(body["left"]))

    def _change_account(self, **changes: Any) -> Json:
        account = self.books.table("account")
        account["own"] = account["own"] | changes
        return account["own"]

    def _named(self, body: Json) -> Row:
        """By id, or the newest of this title; one that can be signed comes first."""
        contracts = self.contracts
        if flow_id := body.get("flow_id"):
            try:
                return contracts.find(str(flow_id))
            except self.refusals as refusal:
                raise ValueError(str(refusal)) from refusal
        found = [flow for flow in contracts.all() if flow["title"] == body["title"]]
        if not found:
            raise ValueError(f"没有标题为“{body['title']}”的合同 (no contract with this title)")
        return max(found, key=lambda flow: (contracts.running(flow), flow["created"]))

    def _check_running(self, flow: Row) -> None:
        if not self.contracts.running(flow):
            raise ValueError(f"合同 {flow[self.id_field]} 不在签署中 (it is not being signed)")

    def _signer(self, flow: Row, body: Json) -> Row:
        self._check_running(flow)
        turn = self.contracts.turn(flow)
        if not turn:
            raise ValueError("现在没有人需要签署 (nobody has to sign now)")
        if (index := body.get("signer")) in (None, ""):
            return turn[0]
        wanted = flow[self.signers_field][int(index) : int(index) + 1]
        if not wanted or wanted[0] not in turn:
            raise ValueError(f"还没轮到第 {index} 个签署人 (it is not the turn of signer {index})")
        signer: Row = wanted[0]
        return signer

    def _state(self, flow: Row) -> Json:
        signers = [signer[self.signer_status] for signer in flow[self.signers_field]]
        return {"flow_id": flow[self.id_field], "status": flow["status"], "signers": signers}


def contract_screens(
    flow: Screen, *, signers: Callable[[Row], Sequence[str]], running: Callable[[Row], bool]
) -> dict[str, Screen]:
    """The table of contracts with what signers and senders do to one, and the other tables of the service."""

    def who(row: Row) -> dict[str, str]:
        return {"": "轮到的人 next in turn"} | {str(at): name for at, name in enumerate(signers(row))}

    signer = Blank("signer", "签署人", "signer", choices=who)
    reason = Blank("reason", "理由", "reason")
    takes = {"flow_id": KEY}
    deeds = (
        Deed("sign", "签署", "sign", "已签署：合同 {flow_id}", (signer,), takes, when=running),
        Deed("decline", "拒签", "decline", "已拒签：合同 {flow_id}", (signer, reason), takes, when=running),
        Deed("expire", "到期", "expire", "已到期：合同 {flow_id}", takes=takes, when=running),
        Deed("revoke", "撤回", "revoke", "已撤回：合同 {flow_id}", (reason,), takes, when=running),
    )
    return {
        "flows": replace(flow, deeds=deeds, front=True),
        "account": Screen("企业账户", "the company's account"),
        "files": Screen("文件", "files"),
        "contents": Screen("文件内容", "contents of files"),
        "people": Screen("已实名的人", "people whose identity is proved"),
        "reports": Screen("证据报告", "reports of evidence"),
        "templates": Screen("模板", "templates"),
        "tokens": Screen("访问令牌", "access tokens"),
        "uploads": Screen("上传", "uploads"),
        "usage": Screen("用量账单", "usage"),
    }
