"""Sign tasks as the vendor shows them."""

from sandboxes.common import Row
from sandboxes.fadada import paging
from sandboxes.fadada.envelope import Json, part, texts


def detail(task: Row, own: Row) -> Json:
    return _head(task) | {
        "initiator": {"idType": "corp", "openId": own["openCorpId"]},
        "signDocType": "contract",
        "docs": [{"docId": doc["docId"], "docName": doc["docName"]} for doc in task["docs"]],
        "attachs": [{name: row[name] for name in ("attachId", "attachName")} for row in task["attachs"]],
        "actors": [_actor(row, own) for row in task["actors"]],
        "watermarks": [],
    }


def page(tasks: list[Row], body: Json, own: Row) -> Json:
    """Newest first [U]; a subject filters by what it contains [U]."""
    wanted = part(body, "listFilter")
    subject, states = str(wanted.get("signTaskSubject") or ""), texts(wanted, "signTaskStatus")
    found = [t for t in tasks if subject in t["title"] and (not states or t["status"] in states)]
    found.sort(key=lambda task: (task["created"], task["signTaskId"]), reverse=True)
    rows = [_head(task) | {"initiatorName": own["corpName"]} for task in found]
    return paging.page(rows, body, name="signTasks")


def _head(task: Row) -> Json:
    return {
        "signTaskId": task["signTaskId"],
        "transReferenceId": task["transReferenceId"],
        "signTaskSource": "api",
        "signTaskSubject": task["title"],
        "signTaskStatus": task["status"],
        "terminationNote": task["note"] or None,
        "abolishedSignTaskId": task["abolishedBy"],
        "originalSignTaskId": task["abolishes"],
        "revokeReason": task["revokeReason"],
        "createTime": str(task["created"]),
        "startTime": _text(task["started"]),
        "finishTime": _text(task["finished"]),
        "deadlineTime": _text(task["expires"]),
        "catalogId": "",
    }


def _actor(row: Row, own: Row) -> Json:
    return {
        "actorInfo": {
            "actorId": row["actorId"],
            "actorType": row["type"],
            "actorName": row["name"],
            "actorOpenId": row["openId"] or None,
            "permissions": row["permissions"],
            "isInitiator": row["openId"] == own["openCorpId"],
        },
        "signFields": [],
        "readStatus": "read" if row["joinStatus"] == "joined" else "no_read",
        "joinStatus": row["joinStatus"],
        "signStatus": row["signStatus"] or None,
        "signTime": _text(row["time"]),
        "actorNote": row["note"] or None,
        "signOrderNo": row["orderNo"],
        "blockStatus": "unblocked",
    }


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)
