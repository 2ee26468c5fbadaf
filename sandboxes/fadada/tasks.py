"""The life of a sign task: what the sender, the signers and the clock do to it."""

from sandboxes.common import Books, Clock, Row
from sandboxes.fadada import checks, templates
from sandboxes.fadada.envelope import Json, Refused, bad, millis, part, parts, required
from sandboxes.fadada.files import Files
from sandboxes.fadada.notices import Notices

CREATED, SIGNING, ALL_SIGNED, FINISHED = "task_created", "sign_progress", "sign_completed", "task_finished"
TERMINATED, EXPIRED = "task_terminated", "expired"
ABOLISHING, ABOLISHED = "abolishing", "revoked"
COMPLETED = {FINISHED, ABOLISHING, ABOLISHED}
WAITING, SIGNED, REJECTED = "wait_sign", "signed", "sign_rejected"
FIRST_ID = 1760000000000000001
URGE_PAUSE_MS, URGES_A_DAY, DAY_MS = 2 * 3600 * 1000, 2, 86_400_000


class Tasks:
    def __init__(self, books: Books, clock: Clock, files: Files, notices: Notices) -> None:
        self._books = books
        self._clock = clock
        self._files = files
        self._notices = notices

    # -- reading ------------------------------------------------------------------------------------------

    def get(self, body: Json) -> Row:
        return self.find(required(body, "signTaskId"))

    def find(self, task_id: str) -> Row:
        tasks = self._books.table("flows")
        if task_id not in tasks:
            raise Refused("211001", "签署任务不存在")
        if tasks[task_id]["status"] == ABOLISHING:
            # The agreement may have run out by now, and then this one is what it was before.
            self.find(tasks[task_id]["abolishedBy"])
        return self._expire_if_due(tasks[task_id])

    def all(self) -> list[Row]:
        return [self._expire_if_due(task) for task in list(self._books.table("flows").values())]

    # -- the sender's calls -------------------------------------------------------------------------------

    def create(self, body: Json) -> Json:
        return {"signTaskId": self._create(templates.with_files(self._books, body))["signTaskId"]}

    def create_with_template(self, body: Json) -> Json:
        return self.create(templates.task_body(self._books, body))

    def abolish(self, body: Json) -> Json:
        """A second task undoes a finished one as soon as everybody has signed it too."""
        original, own = self.get(body), self._books.table("account")["own"]
        _check_finished(original)
        _check_abolisher(part(body, "abolishedInitiator"), original, own)
        agreement = {
            "initiator": {"idType": "corp", "openId": own["openCorpId"]},
            "signTaskSubject": body.get("signTaskSubject")
            or f"作废 {original['title']}"[: checks.LONGEST_SUBJECT],
        }
        reason = str(body.get("reason") or "")
        if not parts(body, "docs"):
            values = {"abolishes": original["signTaskId"], "reason": reason}
            file_id = templates.paper(self._books, "作废协议.pdf", values)
            agreement["docs"] = [{"docId": "1", "docName": "作废协议", "docFileId": file_id}]
            agreement["actors"] = [one | {"signFields": []} for one in parts(body, "actors")]
        task = self._create(body | agreement, abolishes=original["signTaskId"], reason=reason)
        return {"abolishedSignTaskId": task["signTaskId"]}

    def start(self, body: Json) -> None:
        task = self.get(body)
        if task["status"] != CREATED:
            raise Refused("211055", "签署任务不是创建状态")
        self._start(task)
        self._save(task)

    def cancel(self, body: Json) -> None:
        task = self.get(body)
        if task["status"] not in (CREATED, SIGNING, ALL_SIGNED):
            raise Refused("211126", "签署任务当前状态不允许撤销")
        note = str(body.get("terminationNote") or "")
        self._end(
            task, TERMINATED, "sign-task-canceled", note=note, terminationNote=note, userName="测试经办"
        )

    def finish(self, body: Json) -> None:
        task = self.get(body)
        if task["status"] != ALL_SIGNED:
            raise Refused("211126", "签署任务当前状态不允许结束")
        self._end(task, FINISHED, "sign-task-finished")

    def delete(self, body: Json) -> None:
        task = self.get(body)
        if task["status"] != CREATED:
            raise Refused("211055", "签署任务不是创建状态")
        del self._books.table("flows")[task["signTaskId"]]

    def urge(self, body: Json) -> None:
        task, now = self.get(body), self._clock.millis()
        today = [at for at in task["urged"] if now - at < DAY_MS]
        if task["status"] != SIGNING:
            raise Refused("211127", "签署任务当前状态不允许催办")
        if len(today) >= URGES_A_DAY or (today and now - today[-1] < URGE_PAUSE_MS):
            raise Refused("211128", "催办过于频繁")
        self._save(task | {"urged": [*today, now]})

    def extend(self, body: Json) -> None:
        task = self.get(body)
        until = millis(required(body, "extensionTime"), "extensionTime") or 0
        if task["status"] not in (CREATED, SIGNING):
            raise Refused("211126", "签署任务当前状态不允许延期")
        if until <= max(task["expires"] or 0, self._clock.millis()):
            raise bad("extensionTime须晚于原截止时间")
        self._save(task | {"expires": until})
        self._notices.send("sign-task-extension", task, expiresTime=str(until))

    def finalize(self, body: Json) -> None:
        """Nothing is filled in here while a task runs, so that none ever waits for this."""
        self.get(body)
        raise Refused("211126", "签署任务当前状态不允许定稿")

    def content(self, task: Row, file_id: str) -> bytes:
        """The uploaded bytes, and after their end a made-up update with a line per signature."""
        signed = [row for row in task["actors"] if row["signStatus"] == SIGNED]
        lines = [
            f"%% signature {n} of {task['signTaskId']} at {row['time']}"
            for n, row in enumerate(signed, start=1)
        ]
        return self._files.content(file_id) + "\n".join(["", *lines, "%%EOF", ""]).encode()

    # -- people and the clock -----------------------------------------------------------------------------

    def running(self, task: Row) -> bool:
        return bool(task["status"] == SIGNING)

    def turn(self, task: Row) -> list[Row]:
        return whose_turn(task)

    def sign(self, task: Row, actor: Row) -> None:
        self._sign(task, actor)
        self._go_on(task)
        self._save(task)

    def decline(self, task: Row, actor: Row, *, reason: str) -> None:
        """One refusal ends the task."""
        actor |= {"signStatus": REJECTED, "time": self._clock.millis(), "note": reason}
        more = {"actorId": actor["actorId"], "userName": actor["name"], "signRejectReason": reason}
        self._end(task, TERMINATED, "sign-task-sign-rejected", note=reason, **more)

    def expire(self, task: Row) -> None:
        task["expires"] = self._clock.millis()
        self._end(task, EXPIRED, "sign-task-expire")

    def withdraw(self, task: Row, *, reason: str) -> None:
        self.cancel({"signTaskId": task["signTaskId"], "terminationNote": reason})

    # -- inside -------------------------------------------------------------------------------------------

    def _create(self, body: Json, *, abolishes: str | None = None, reason: str | None = None) -> Row:
        own = self._books.table("account")["own"]
        now = self._clock.millis()
        accepted = checks.accept(body, own=own, now_ms=now, document=self._files.document)
        task = accepted | {
            "signTaskId": str(self._books.next_number("tasks", start=FIRST_ID)),
            "status": CREATED,
            "created": now,
            "started": None,
            "finished": None,
            "note": "",
            "urged": [],
            "abolishes": abolishes,
            "abolishedBy": None,
            "revokeReason": reason,
        }
        if accepted["autoStart"]:
            self._start(task)
        self._save(task)
        return task

    def _start(self, task: Row) -> None:
        if not task["docs"]:
            raise Refused("211056", "签署任务没有文档")
        if not any("sign" in row["permissions"] for row in task["actors"]):
            raise Refused("211146", "签署任务没有签署方")
        original = self.find(task["abolishes"]) if task["abolishes"] else None
        if original:
            _check_finished(original)
        account = self._books.table("account")
        left = int(account["own"]["contractsLeft"])
        if left < 1:
            raise Refused("211058", "签署份额不足")
        account["own"] = account["own"] | {"contractsLeft": left - 1}
        task |= {"status": SIGNING, "started": self._clock.millis()}
        if original:
            self._save(original | {"status": ABOLISHING, "abolishedBy": task["signTaskId"]})
        self._notices.send("sign-task-start", task)
        self._go_on(task)

    def _go_on(self, task: Row) -> None:
        """Sealing without verification happens at once, before the create call has answered."""
        while machines := [row for row in whose_turn(task) if row["verifyFree"]]:
            for row in machines:
                self._sign(task, row)
        if whose_turn(task):
            return
        if task["autoFinish"]:
            self._end(task, FINISHED, "sign-task-finished")
        else:
            task["status"] = ALL_SIGNED

    def _sign(self, task: Row, actor: Row) -> None:
        actor |= {"signStatus": SIGNED, "joinStatus": "joined", "time": self._clock.millis()}
        more = {"actorId": actor["actorId"], "userName": actor["name"], "verifyFreeSign": actor["verifyFree"]}
        self._notices.send("sign-task-signed", task, **more)

    def _expire_if_due(self, task: Row) -> Row:
        if task["status"] == SIGNING and task["expires"] and task["expires"] <= self._clock.millis():
            self._end(task, EXPIRED, "sign-task-expire")
        return task

    def _end(self, task: Row, status: str, event: str, *, note: str = "", **more: object) -> None:
        task |= {"status": status, "finished": self._clock.millis(), "note": note}
        self._save(task)
        self._notices.send(event, task, **more)
        if task["abolishes"] and task["started"]:
            self._settle(self.find(task["abolishes"]), task)

    def _settle(self, original: Row, agreement: Row) -> None:
        """What becomes of a task whose abolition has ended. Whether a failed one leaves it finished: [U]."""
        if agreement["status"] != FINISHED:
            self._save(original | {"status": FINISHED})
            return
        abolished = original | {"status": ABOLISHED, "revokeReason": agreement["revokeReason"]}
        self._save(abolished)
        self._notices.send("sign-task-abolish", abolished, abolishedSignTaskId=agreement["signTaskId"])

    def _save(self, task: Row) -> None:
        self._books.table("flows")[task["signTaskId"]] = task


def _check_finished(task: Row) -> None:
    if task["status"] != FINISHED:
        raise Refused("211126", "签署任务当前状态不允许作废")


def _check_abolisher(given: Json, task: Row, own: Row) -> None:
    """Who sent it or who signed it; the sender counts first."""
    if given.get("initiatorId"):
        if given["initiatorId"] != own["openCorpId"]:
            raise bad("abolishedInitiator不正确")
        return
    actor_id = required(given, "actorId")
    if not any(row["actorId"] == actor_id for row in task["actors"]):
        raise Refused("211066", "参与方不存在")


def whose_turn(task: Row) -> list[Row]:
    waiting = [row for row in task["actors"] if row["signStatus"] == WAITING]
    if not task["signInOrder"]:
        return waiting
    order = min((row["orderNo"] for row in waiting), default=0)
    return [row for row in waiting if row["orderNo"] == order]
