from configuration.errors import ConfigurationError, ConfigurationErrors, Problems, did_you_mean
from configuration.nodes import Node, Plain
from configuration.reading import load, parse

__all__ = [
    "ConfigurationError",
    "ConfigurationErrors",
    "Node",
    "Plain",
    "Problems",
    "did_you_mean",
    "load",
    "parse",
]
