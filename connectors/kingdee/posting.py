"""One document under a number of our own, and through its states: the same for every form."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from connectors.kingdee.client import WebApi
from connectors.kingdee.errors import AlreadyDone, NumberUsed
from connectors.kingdee.protocol import Saved, Step
from domain.faults import Misconfigured, Rejected
from domain.records import DocumentState, ErpDocument

Find = Callable[[str], Awaitable[ErpDocument | None]]

NEXT = {
    DocumentState.DRAFT: (Step.SUBMIT, DocumentState.SUBMITTED),
    DocumentState.SUBMITTED: (Step.AUDIT, DocumentState.DONE),
}
MOST_STEPS = 6
"""Submit and audit, and as many again if a person recalls the document meanwhile; then people sort it out."""


@dataclass(frozen=True, slots=True)
class Posting:
    api: WebApi

    async def save(self, form: str, model: Mapping[str, object], number: str) -> None:
        """A number that is taken was most likely taken by us, earlier: the lookup that follows tells."""
        try:
            saved = await self.api.save(form, model)
        except NumberUsed:
            return
        if saved.number != number:
            await self._undo(form, saved, number)

    async def found(self, find: Find, number: str) -> ErpDocument:
        document = await find(number)
        if document is None:
            raise Rejected(f"编号 {number} 在金蝶已被使用，却查不到单据：请检查接口用户的数据权限")
        return document

    async def advance(self, form: str, document: ErpDocument, find: Find) -> ErpDocument:
        """Each step by the document's own state; one that came too late reads the state again."""
        number = document.number
        for _ in range(MOST_STEPS):
            if document.state is DocumentState.DONE:
                return await self.found(find, number)
            step, after = NEXT[document.state]
            try:
                await self.api.step(step, form, document.vendor_id)
                document = replace(document, state=after)
            except AlreadyDone:
                document = await self.found(find, number)
        raise Rejected(f"{form} {number} 的状态在金蝶一直在变：请财务处理")

    async def _undo(self, form: str, saved: Saved, number: str) -> None:
        """Without our number in it a document cannot be found again: take it back at once."""
        await self.api.step(Step.DELETE, form, saved.vendor_id)
        raise Misconfigured(
            f"金蝶的编码规则把 {form} 的编号 {number} 改成了 {saved.number}：请允许手工录入编号"
        )
