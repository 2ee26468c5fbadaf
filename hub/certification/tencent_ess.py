"""腾讯电子签, as its sandbox keeps it."""

from connector_kit.certify import Act, Bench
from connector_kit.certify.bench import Found
from mappings import Translator

BENCHES = (
    Bench(
        connector="tencent_ess",
        sandbox="tencent_ess",
        mappings=Translator(),
        settings={"compose_seconds": 0, "bill_delay_seconds": 0},
        books={"flow": Found("flows")},
        comes_again=(
            "OperationDenied.DocumentNoAvailable",
            "ResourceNotFound.Resource",
            "RequestLimitExceeded",
        ),
        strange_status=(rb'"FlowStatus"\s*:\s*\d+', b'"FlowStatus":97'),
        sign=lambda flow: Act("sign_all", {"flow_id": flow}),
        sign_next=lambda flow: Act("sign", {"flow_id": flow}),
        uploads="contents",
        decline=lambda flow: Act("decline", {"flow_id": flow, "reason": "价格不符"}),
        subscribe=lambda url, settings: Act("subscribe", {"url": url}),
        hook_headers=("content-signature",),
    ),
)
