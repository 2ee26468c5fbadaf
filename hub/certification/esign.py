"""e签宝, as its sandbox keeps it."""

from connector_kit.certify import Act, Bench
from connector_kit.certify.bench import Found
from mappings import Translator

BENCHES = (
    Bench(
        connector="esign",
        sandbox="esign",
        mappings=Translator(),
        other_doors=("/oss/",),
        books={"flow": Found("flows", '"{}:1"')},
        comes_again=("1437513", "1480013"),
        strange_status=(rb'"signFlowStatus"\s*:\s*\d+', b'"signFlowStatus":97'),
        sign=lambda flow: Act("sign_all", {"flow_id": flow}),
        sign_next=lambda flow: Act("sign", {"flow_id": flow}),
        uploads="contents",
        decline=lambda flow: Act("decline", {"flow_id": flow, "reason": "价格不符"}),
        hook_headers=(
            "x-tsign-open-app-id",
            "x-tsign-open-timestamp",
            "x-tsign-open-signature-algorithm",
            "x-tsign-open-signature",
        ),
    ),
)
