"""The shipped mappings, compiled."""

from functools import cache

from mappings.mapping import CompiledMapping, compile_mapping
from mappings.shipped import LIBRARY, UnknownMapping, files, names, source

__all__ = ["LIBRARY", "UnknownMapping", "files", "load", "names", "source"]


@cache
def load(name: str) -> CompiledMapping:
    found = source(name)
    return compile_mapping(found.text, file=found.file, folder=found.folder)
