"""Pure: application signature, as the vendor's own SDK writes it into the headers of every request.

Two keyed digests. One vouches for application and user, with the application's secret; the ERP checks it.
The other vouches for path and time, with a key that is hidden in the application id; the vendor's gateway
checks it, private sites are said not to. The body is in neither.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import replace
from datetime import datetime
from urllib.parse import quote, urlsplit

from connector_kit import Request
from connectors.kingdee.settings import KingdeeSettings

HIDING_KEY = b"0054f397c6234378b09ca7d3e5debce7"
"""The same in every copy of the vendor's SDKs: no secret."""
HIDDEN_LENGTH = 32
BASE64 = re.compile(r"[A-Za-z0-9+/]+")


def signed(request: Request, settings: KingdeeSettings, *, now: datetime) -> Request:
    return replace(request, headers={**request.headers, **headers(request.url, settings, now=now)})


def headers(url: str, settings: KingdeeSettings, *, now: datetime) -> dict[str, str]:
    """The vendor's SDK, too, uses the time as the nonce."""
    app_id, moment = settings.app_id.get_secret_value(), str(int(now.timestamp()))
    client_id, client_key = _client(app_id)
    app_data = f"{settings.acct_id},{settings.user_name},{settings.lcid},{settings.org_num}"
    return {
        "X-Api-ClientID": client_id,
        "X-Api-Auth-Version": "2.0",
        "x-api-timestamp": moment,
        "x-api-nonce": moment,
        "x-api-signheaders": "x-api-timestamp,x-api-nonce",
        "X-Api-Signature": digest(path_text(url, nonce=moment, timestamp=moment), client_key),
        "X-Kd-Appkey": app_id,
        "X-Kd-Appdata": base64.b64encode(app_data.encode()).decode(),
        "X-Kd-Signature": digest(app_id + app_data, settings.app_secret.get_secret_value()),
    }


def path_text(url: str, *, nonce: str, timestamp: str) -> str:
    """What is signed of a request: its path with every slash escaped, and the two headers."""
    path = quote(urlsplit(url).path, safe="")
    return f"POST\n{path}\n\nx-api-nonce:{nonce}\nx-api-timestamp:{timestamp}\n"


def client_secret(hidden: str) -> str:
    """The key that the second half of an application id hides; empty where it is none."""
    if len(hidden) != HIDDEN_LENGTH or not BASE64.fullmatch(hidden):
        return ""
    pairs = zip(base64.b64decode(hidden), HIDING_KEY, strict=False)
    return base64.b64encode(bytes(one ^ other for one, other in pairs)).decode()


def digest(text: str, key: str) -> str:
    """Base64 of the hexadecimal text, not of the bytes."""
    found = hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()
    return base64.b64encode(found.encode()).decode()


def _client(app_id: str) -> tuple[str, str]:
    parts = app_id.split("_")
    if len(parts) != 2:
        return "", ""
    return parts[0], client_secret(parts[1])
