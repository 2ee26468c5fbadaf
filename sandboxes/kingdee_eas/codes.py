"""Axis names no codes: every refusal is a fault, told apart by its sentence."""

from sandboxes.common.codes import Code, codes

CODES: tuple[Code, ...] = codes(
    [
        (
            "soapenv:Server.userException",
            "com.kingdee.bos.webservice.WSInvokeException: 用户未登录或会话已失效",
        ),
        ("soapenv:Server.userException", "com.kingdee.bos.webservice.WSInvokeException"),
        ("soapenv:Server.userException", "org.xml.sax.SAXParseException: Content is not allowed in prolog."),
    ],
    status=500,
    where="/ormrpc/services/WS",
)
