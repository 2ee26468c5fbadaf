"""Stands in for 腾讯电子签 (Tencent ESS, enterprise edition)."""

from sandboxes.tencent_ess.app import TencentEss

SANDBOX = TencentEss

__all__ = ["SANDBOX", "TencentEss"]
