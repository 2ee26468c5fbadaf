"""Stands in for 法大大 (FASC OpenAPI 5.1)."""

from sandboxes.fadada.app import Fadada

SANDBOX = Fadada

__all__ = ["SANDBOX", "Fadada"]
