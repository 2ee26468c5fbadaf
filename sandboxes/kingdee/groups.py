"""Base data in groups, and shared with other organisations."""

from sandboxes.common import Books, Row
from sandboxes.kingdee.archive import Archive, listed
from sandboxes.kingdee.envelope import Done, result, status
from sandboxes.kingdee.forms import FORMS, GROUP
from sandboxes.kingdee.metadata import Form
from sandboxes.kingdee.saving import blank
from sandboxes.kingdee.words import nothing_found, number_used, refuse

ORGANIZATION = FORMS["org_organizations"]


class Groups:
    def __init__(self, archive: Archive, books: Books) -> None:
        self._archive = archive
        self._allocations = books.table("allocations")

    def save(self, form: Form, data: Row) -> Row:
        number, parent = str(data.get("fnumber") or ""), int(data.get("fparentid") or 0)
        if not number or not data.get("fname"):
            raise refuse("参数[FNumber]和[FName]不能为空", code=8)
        if self._archive.by_number(GROUP, number):
            raise number_used("FNumber", number)
        if parent and self._archive.get(GROUP, parent) is None:
            raise nothing_found(GROUP.title, str(parent))
        key = self._archive.next_id(GROUP)
        said = {"FName": str(data["fname"]), "FDescription": str(data.get("fdescription") or "")}
        row = {"FNumber": number, "FFormId": form.id, "FParentId": parent, GROUP.status: "C"} | said
        self._archive.put(GROUP, blank(GROUP, key) | row)
        return result(status([Done(key, number)]), Id=key)

    def list(self, form: Form, data: Row) -> Row:
        """All groups of a form, or those asked for."""
        wanted = listed(data.get("grouppkids")) or listed(data.get("ids"))
        shown = ("FID", "FNumber", "FName", "FParentId", "FDescription")
        rows = [row for row in self._archive.rows(GROUP) if row["FFormId"] == form.id]
        rows = [row for row in rows if not wanted or str(row["FID"]) in wanted]
        return result(status(), NeedReturnData=[{key: row[key] for key in shown} for row in rows])

    def delete(self, form: Form, data: Row) -> Row:
        keys = listed(data.get("grouppkids"))
        if not keys:
            raise refuse("参数[GroupPkIds]不能为空", code=8)
        rows = [(key, self._archive.get(GROUP, key)) for key in keys]
        done = []
        for index, (key, row) in enumerate(rows):
            if row is None or row["FFormId"] != form.id:
                raise nothing_found(GROUP.title, key)
            done.append(Done(row["FID"], row["FNumber"], index))
        for _, row in rows:
            self._archive.remove(GROUP, row or {})
        return result(status(done))

    def allocate(self, form: Form, data: Row) -> Row:
        """分配: base data of one organisation may be used by others. Here it is noted, and visible to all."""
        return self._share(form, data, cancel=False)

    def cancel(self, form: Form, data: Row) -> Row:
        return self._share(form, data, cancel=True)

    def _share(self, form: Form, data: Row, *, cancel: bool) -> Row:
        keys, organizations = listed(data.get("pkids")), listed(data.get("torgids"))
        if not keys or not organizations:
            raise refuse("参数[PkIds]和[TOrgIds]不能为空", code=8)
        for organization in organizations:
            if self._archive.get(ORGANIZATION, organization) is None:
                raise nothing_found(ORGANIZATION.title, organization)
        done = []
        for index, key in enumerate(keys):
            row = self._archive.get(form, key)
            if row is None:
                raise nothing_found(form.title, key)
            if row[form.status] != "C":
                raise refuse(f"{form.title}[{row[form.number]}]未审核，不允许分配！")
            done.append(Done(row[form.key], row[form.number], index))
        for key in keys:
            for organization in organizations:
                place = f"{form.id}/{key}/{organization}"
                if cancel:
                    self._allocations.pop(place, None)
                else:
                    self._allocations[place] = {"form": form.id, "id": key, "organization": organization}
        return result(status(done))

    def switch_organization(self, call: Row) -> Row:
        number = str((call.get("data") or {}).get("orgnumber") or "")
        if not self._archive.usable(ORGANIZATION, number):
            raise nothing_found(ORGANIZATION.title, number)
        return result(status())
