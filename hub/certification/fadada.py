"""法大大, as its sandbox keeps it."""

from connector_kit.certify import Act, Bench
from connector_kit.certify.bench import Found
from mappings import Translator

BENCHES = (
    Bench(
        connector="fadada",
        sandbox="fadada",
        mappings=Translator(),
        books={"flow": Found("flows")},
        other_doors=("/cos/",),
        login="get-access-token",
        strange_status=(rb'"signTaskStatus"\s*:\s*"[^"]*"', b'"signTaskStatus":"nobody_knows"'),
        sign=lambda flow: Act("sign_all", {"flow_id": flow}),
        sign_next=lambda flow: Act("sign", {"flow_id": flow}),
        uploads="contents",
        decline=lambda flow: Act("decline", {"flow_id": flow, "reason": "价格不符"}),
        subscribe=lambda url, settings: Act("subscribe", {"url": url}),
        hook_headers=("x-fasc-app-id", "x-fasc-timestamp", "x-fasc-sign"),
    ),
)
