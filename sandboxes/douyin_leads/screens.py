"""The books as people see them, and what visitors do."""

from sandboxes.common.screens import KEY, Blank, Deed, Screen, columns, seconds
from sandboxes.douyin_leads.clues import ADVERTISERS

SCREENS = {
    "leads": Screen(
        "线索",
        "leads",
        columns(
            ("create_time_detail", "时间"),
            ("name", "姓名"),
            ("telephone", "电话"),
            ("province_name", "省"),
            ("city_name", "市"),
            ("remark", "留言"),
            ("advertiser_name", "广告主"),
            ("clue_state_name", "状态"),
        ),
        deeds=(
            Deed("push_again", "再推一次", "push again", "已再推一次 (pushed again)", takes={"clue_id": KEY}),
            Deed(
                "refund",
                "团购退款",
                "refund",
                "已退款，电话不再明文 (refunded)",
                takes={"clue_id": KEY},
                when=lambda row: not row["refunded"] and bool(row["local_account_id"]),
            ),
        ),
        front=True,
    ),
    "feedback": Screen("回传", "conversion feedback"),
    "stages": Screen("阶段回传", "stages"),
    "chats": Screen("私信线索", "leads from chats"),
    "old_feedback": Screen("旧接口回传", "feedback to the old interface"),
    "subscribers": Screen("订阅账户", "subscribed accounts"),
    "rules": Screen("推送规则", "push rules"),
    "pushes": Screen("推送记录", "pushes"),
    "subscriptions": Screen("SPI 订阅", "subscriptions"),
    "webhooks": Screen("开放平台 Webhook", "webhooks"),
    "messages": Screen("消息", "messages"),
    "limits": Screen("限额", "limits"),
    "access_tokens": Screen("访问令牌", "access tokens", columns(("until", "到期", seconds))),
    "refresh_tokens": Screen(
        "刷新令牌", "refresh tokens", columns(("state", "状态"), ("until", "到期", seconds))
    ),
    "app_tokens": Screen("应用级令牌", "app tokens", columns(("until", "到期", seconds))),
    "client_tokens": Screen("抖音应用令牌", "client tokens", columns(("until", "到期", seconds))),
}
DEEDS = (
    Deed(
        "submit_lead",
        "留一条线索",
        "submit a lead",
        "线索 {clue_id} 已提交 (submitted)",
        (
            Blank("name", "姓名", "name", required=True),
            Blank("telephone", "电话", "phone", required=True),
            Blank("province_name", "省", "province", "浙江"),
            Blank("city_name", "市", "city", "杭州"),
            Blank("remark", "留言", "message"),
            Blank("advertiser_id", "广告主", "advertiser", choices=lambda _: ADVERTISERS),
            Blank(
                "push",
                "推送",
                "push",
                read=lambda text: text == "yes",
                choices=lambda _: {"yes": "按规则推送 push", "no": "只等拉取 pull only"},
            ),
        ),
    ),
    Deed(
        "push_forged",
        "伪造一次推送",
        "push a forged lead",
        "已推送伪造的线索 {clue_id} (forged)",
    ),
)
