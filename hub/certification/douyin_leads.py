"""Ocean Engine and Feiyu, as their sandbox keeps them."""

from collections.abc import Mapping

from connector_kit.certify import Act, Bench
from connector_kit.certify.bench import Found
from mappings import Translator


def _subscribe(url: str, settings: Mapping[str, object]) -> Act:
    return Act(
        "add_rule",
        {
            "url": url,
            "token": settings["push_token"],
            "secretkey": settings["push_secretkey"],
            "signed": True,
        },
    )


def _submit(count: int, push: bool) -> Act:
    lead = {"telephone": "13800000001", "push": push}
    return Act("submit_leads", {"leads": [{**lead, "name": f"测试{n}"} for n in range(count)]})


BENCHES = (
    Bench(
        connector="douyin_leads",
        sandbox="douyin_leads",
        mappings=Translator(),
        settings={"verification": "signature", "feedback": True},
        books={"feedback": Found("feedback")},
        prepare=(Act("set_limits", {"qps": 0}),),
        login="oauth2/refresh_token",
        comes_again=("40100", "40102", "40105", "50000", "51010"),
        login_works_once=True,
        small_pages={"page_size": 3},
        small_pages_act=Act("set_limits", {"page_cap": 3, "qps": 0}),
        submit=_submit,
        subscribe=_subscribe,
        hook_headers=("access-token", "timestamp", "signature"),
        hook_signs_body=False,
        hook_ages=True,
    ),
)
