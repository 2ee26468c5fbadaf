"""Stands in for e签宝 (eSign.cn OpenAPI v3)."""

from sandboxes.esign.app import Esign

SANDBOX = Esign

__all__ = ["SANDBOX", "Esign"]
