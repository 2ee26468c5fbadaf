"""The descriptions that the services give of themselves, with the server's own idea of its address."""

LOGIN_NS = "http://login.webservice.bos.kingdee.com"
VOUCHER_NS = "http://webservice.app.gl.fi.eas.kingdee.com"
BEAN_NS = "urn:client.wsvoucher"
BILL_NS = "http://webservice.app.ar.fi.eas.kingdee.com"
FAULT_NS = "http://webservice.bos.kingdee.com"
SOAP_ENCODING = "http://schemas.xmlsoap.org/soap/encoding/"

STRINGS = [
    *("companyNumber", "bookedDate", "bizDate", "voucherType", "voucherNumber", "voucherAbstract"),
    *("currencyNumber", "accountNumber", "creator", "auditor", "poster", "measurement", "invoiceNumber"),
    *("customerNumber", "settlementType", "settlementNumber", "tempNumber", "description"),
    *(f"asstAct{part}{place}" for part in ("Type", "Number", "Name") for place in range(1, 9)),
]
INTS = ["periodYear", "periodNumber", "entrySeq", "entryDC", "asstSeq", "attaches", "itemFlag"]
DOUBLES = ["originalAmount", "localRate", "debitAmount", "creditAmount", "qty", "price"]
BOOLEANS = ["isCheck"]
ANSWER = ["number", "voucherType", "year", "period", "message", "exception", "easNumber"]
"""Fields of WSWSRtnInfo, and columns of the answers that are tables."""

NILLABLE = 'nillable="true"'

_LOGIN_PARTS = "userName:string password:string slnName:string dcName:string language:string dbType:int"
# service -> (portType, request namespace, operations in the order of the WSDL: name, parts, result)
SERVICES: dict[str, tuple[str, str, tuple[tuple[str, str, str], ...]]] = {
    "EASLogin": (
        "EASLoginProxy",
        LOGIN_NS,
        (
            ("login", f"{_LOGIN_PARTS} authPattern:string", "tns1:WSContext"),
            ("login", f"{_LOGIN_PARTS} authPattern:string isEncodePwd:int", "tns1:WSContext"),
            ("login", _LOGIN_PARTS, "tns1:WSContext"),
            ("logout", "userName:string slnName:string dcName:string language:string", "xsd:boolean"),
        ),
    ),
    "WSWSVoucher": (
        "WSWSVoucherSrvProxy",
        VOUCHER_NS,
        (
            (
                "importVoucher",
                "voucherCols:rows isTempSave:boolean isVerify:boolean hasCashflow:boolean",
                "impl:ArrayOf_tns1_WSWSRtnInfo",
            ),
            (
                "importVoucherOfReturnID",
                "voucherCols:rows isVerify:int isImpCashflow:int",
                "impl:ArrayOfArrayOf_xsd_string",
            ),
            (
                "importVoucher",
                "voucherCols:rows isVerify:int isImpCashflow:int",
                "impl:ArrayOfArrayOf_xsd_string",
            ),
        ),
    ),
    "WSOtherBillFacade": (
        "WSOtherBillFacadeSrvProxy",
        BILL_NS,
        (("submit", "xmlData:string", "xsd:string"),),
    ),
}


def describe(service: str, url: str) -> str:
    port, namespace, operations = SERVICES[service]
    messages = "".join(_message(at, *each) for at, each in enumerate(operations))
    abstract = "".join(_operation(at, each[0], each[1]) for at, each in enumerate(operations))
    bound = "".join(_binding(at, each[0], namespace) for at, each in enumerate(operations))
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<wsdl:definitions targetNamespace="{url}" xmlns:impl="{url}" xmlns:tns1="{_bean_namespace(service)}"
 xmlns:tns2="{FAULT_NS}" xmlns:soapenc="{SOAP_ENCODING}" xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/"
 xmlns:wsdlsoap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xsd="http://www.w3.org/2001/XMLSchema">
<wsdl:types>{_types(service, url)}</wsdl:types>
<wsdl:message name="WSInvokeException"><wsdl:part name="fault" type="tns2:WSInvokeException"/></wsdl:message>
{messages}
<wsdl:portType name="{port}">{abstract}</wsdl:portType>
<wsdl:binding name="{service}SoapBinding" type="impl:{port}">
<wsdlsoap:binding style="rpc" transport="http://schemas.xmlsoap.org/soap/http"/>{bound}</wsdl:binding>
<wsdl:service name="{port}Service"><wsdl:port binding="impl:{service}SoapBinding" name="{service}">
<wsdlsoap:address location="{url}"/></wsdl:port></wsdl:service>
</wsdl:definitions>"""


def _bean_namespace(service: str) -> str:
    return BEAN_NS if service == "WSWSVoucher" else "urn:client"


def _types(service: str, url: str) -> str:
    schema = '<schema xmlns="http://www.w3.org/2001/XMLSchema" targetNamespace="{}">{}</schema>'
    fault = schema.format(FAULT_NS, '<complexType name="WSInvokeException"><sequence/></complexType>')
    imported = f'<import namespace="{SOAP_ENCODING}"/>'
    if service == "EASLogin":
        strings = ["dcName", "password", "sessionId", "slnName", "userName"]
        bean = _bean("WSContext", {"dbType": "int"} | dict.fromkeys(strings, "string"))
        return schema.format("urn:client", imported + bean) + fault
    if service == "WSWSVoucher":
        kinds = dict.fromkeys(STRINGS, "string") | dict.fromkeys(INTS, "int")
        kinds |= dict.fromkeys(DOUBLES, "double") | dict.fromkeys(BOOLEANS, "boolean")
        beans = _bean("WSWSVoucher", kinds) + _bean("WSWSRtnInfo", dict.fromkeys(ANSWER, "string"))
        bean = schema.format(BEAN_NS, imported + beans)
        arrays = _array("ArrayOf_tns1_WSWSVoucher", "tns1:WSWSVoucher[]")
        arrays += _array("ArrayOf_tns1_WSWSRtnInfo", "tns1:WSWSRtnInfo[]")
        arrays += _array("ArrayOfArrayOf_xsd_string", "xsd:string[][]")
        return bean + schema.format(url, imported + arrays) + fault
    return fault


def _bean(name: str, kinds: dict[str, str]) -> str:
    fields = "".join(
        f'<element name="{key}" {NILLABLE if kind == "string" else ""} type="xsd:{kind}"/>'
        for key, kind in kinds.items()
    )
    return f'<complexType name="{name}"><sequence>{fields}</sequence></complexType>'


def _array(name: str, kind: str) -> str:
    return (
        f'<complexType name="{name}"><complexContent><restriction base="soapenc:Array">'
        f'<attribute ref="soapenc:arrayType" wsdl:arrayType="{kind}"/></restriction>'
        "</complexContent></complexType>"
    )


def _message(at: int, name: str, parts: str, answer: str) -> str:
    listed = (part.split(":") for part in parts.split())
    types = {"rows": "impl:ArrayOf_tns1_WSWSVoucher"}
    declared = "".join(
        f'<wsdl:part name="{part}" type="{types.get(kind, "xsd:" + kind)}"/>' for part, kind in listed
    )
    return (
        f'<wsdl:message name="{name}Request{at}">{declared}</wsdl:message>'
        f'<wsdl:message name="{name}Response{at}">'
        f'<wsdl:part name="{name}Return" type="{answer}"/></wsdl:message>'
    )


def _operation(at: int, name: str, parts: str) -> str:
    order = " ".join(part.partition(":")[0] for part in parts.split())
    return (
        f'<wsdl:operation name="{name}" parameterOrder="{order}">'
        f'<wsdl:input message="impl:{name}Request{at}" name="{name}Request{at}"/>'
        f'<wsdl:output message="impl:{name}Response{at}" name="{name}Response{at}"/>'
        '<wsdl:fault message="impl:WSInvokeException" name="WSInvokeException"/></wsdl:operation>'
    )


def _binding(at: int, name: str, namespace: str) -> str:
    body = f'<wsdlsoap:body encodingStyle="{SOAP_ENCODING}" namespace="{namespace}" use="encoded"/>'
    refused = f'<wsdlsoap:fault encodingStyle="{SOAP_ENCODING}" name="WSInvokeException" use="encoded"/>'
    return (
        f'<wsdl:operation name="{name}"><wsdlsoap:operation soapAction=""/>'
        f'<wsdl:input name="{name}Request{at}">{body}</wsdl:input>'
        f'<wsdl:output name="{name}Response{at}">{body}</wsdl:output>'
        f'<wsdl:fault name="WSInvokeException">{refused}</wsdl:fault>'
        "</wsdl:operation>"
    )
