"""The report on a finished task (保全报告): ready without an application, a zip."""

import io
import zipfile

from sandboxes.common import Row


def report(task: Row) -> bytes:
    lines = [f"{row['name']} {row['account']} {row['signStatus']} {row['time']}" for row in task["actors"]]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("保全报告.txt", "\n".join([task["signTaskId"], task["title"], *lines]))
    return packed.getvalue()
