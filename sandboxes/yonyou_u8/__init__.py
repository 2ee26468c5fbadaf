"""A stand-in for Yonyou U8: the OpenAPI gateway and the XML import."""

from sandboxes.yonyou_u8.app import YonyouU8

SANDBOX = YonyouU8

__all__ = ["SANDBOX"]
