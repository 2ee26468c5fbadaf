"""What may still be changed in a flow that has not ended: documents, attachments, copiers, areas to sign."""

from collections.abc import Callable

from sandboxes.common import Row
from sandboxes.esign import checks
from sandboxes.esign.envelope import BAD_FLOW, Json, Refused, bad, flag, parts
from sandboxes.esign.flows import AT_WORK, DRAFT, SIGNING, WAITING, Flows
from sandboxes.esign.store import Store


class Amendments:
    def __init__(self, flows: Flows, store: Store) -> None:
        self._flows = flows
        self._store = store

    def add_documents(self, flow_id: str, body: Json) -> None:
        flow = self._draft(flow_id)
        docs = flow["docs"] + checks.documents(body, "unsignedFiles", self._store)
        self._change(flow | {"docs": docs})

    def drop_documents(self, flow_id: str, file_ids: list[str]) -> None:
        """With the areas on them."""
        flow = self._draft(flow_id)
        self._change(flow | {"docs": [doc for doc in flow["docs"] if doc["fileId"] not in file_ids]})
        self._drop_areas(flow_id, lambda area: area["fileId"] in file_ids)

    def add_attachments(self, flow_id: str, body: Json) -> None:
        flow = self._open(flow_id)
        added = checks.enclosures(body, "attachmentList", self._store)
        self._change(flow | {"attachments": flow["attachments"] + added})

    def drop_attachments(self, flow_id: str, file_ids: list[str]) -> None:
        flow = self._open(flow_id)
        kept = [file for file in flow["attachments"] if file["fileId"] not in file_ids]
        self._flows.save(flow | {"attachments": kept})

    def add_copiers(self, flow_id: str, body: Json) -> None:
        flow = self._amendable(flow_id, "自动归档流程开启后，不允许添加抄送人")
        self._flows.save(flow | {"copiers": flow["copiers"] + parts(body, "copiers")})

    def drop_copiers(self, flow_id: str, body: Json) -> None:
        flow, dropped = self._open(flow_id), parts(body, "copiers")
        self._flows.save(flow | {"copiers": [copier for copier in flow["copiers"] if copier not in dropped]})

    def add_signers(self, flow_id: str, body: Json) -> None:
        flow = self._amendable(flow_id, "自动完结的流程不允许追加签署区")
        if not parts(body, "signers"):
            raise bad("signers不能为空")
        verify = flag(body.get("identityVerify"), default=True)
        added = checks.parties(body, flow["docs"], self._flows.known_names(), verify=verify)
        flow = flow | {"signers": flow["signers"] + added}
        self._change(flow)
        if flow["status"] == SIGNING:
            self._flows.go_on(flow)

    def drop_areas(self, flow_id: str, area_ids: list[str]) -> None:
        flow = self._amendable(flow_id, "自动完结的流程不允许删除签署区")
        open_ones = [
            area["signFieldId"]
            for signer in flow["signers"]
            for area in signer["signFields"]
            if signer["signStatus"] in (WAITING, AT_WORK)
        ]
        if not area_ids or not set(area_ids) <= set(open_ones):
            raise bad("signFieldIds须为未签署的签署区")
        self._drop_areas(flow_id, lambda area: area["signFieldId"] in area_ids)

    def _draft(self, flow_id: str) -> Row:
        flow = self._flows.find(flow_id)
        if flow["status"] != DRAFT:
            raise Refused(1437502, "流程非草稿状态，不允许添加文档")
        return flow

    def _open(self, flow_id: str) -> Row:
        flow = self._flows.find(flow_id)
        if flow["status"] not in (DRAFT, SIGNING):
            raise Refused(BAD_FLOW, "流程已完结, 不允许变更")
        return flow

    def _amendable(self, flow_id: str, refusal: str) -> Row:
        """A running flow that ends by itself stays as it was sent."""
        flow = self._open(flow_id)
        if flow["status"] == SIGNING and flow["autoFinish"]:
            raise Refused(BAD_FLOW, refusal)
        return flow

    def _change(self, flow: Row) -> None:
        checks.check_amounts(flow["docs"], flow["signers"], flow["attachments"])
        self._flows.save(flow)

    def _drop_areas(self, flow_id: str, dropped: Callable[[Json], bool]) -> None:
        """Whoever has no area left is no signer any more."""
        flow = self._flows.find(flow_id)
        for signer in flow["signers"]:
            signer["signFields"] = [area for area in signer["signFields"] if not dropped(area)]
        flow["signers"] = [signer for signer in flow["signers"] if signer["signFields"]]
        self._flows.save(flow)
        if flow["status"] == SIGNING:
            self._flows.go_on(flow)
