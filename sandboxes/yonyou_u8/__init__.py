"""A stand-in for Yonyou U8 behind its OpenAPI gateway."""

from sandboxes.yonyou_u8.app import YonyouU8

SANDBOX = YonyouU8

__all__ = ["SANDBOX"]
