from mappings.check import Finding, check, check_text
from mappings.converters import CONVERTERS
from mappings.library import UnknownMapping, load, names
from mappings.lines import Find, Source
from mappings.mapping import CompiledMapping, FieldTrace, Mapped, TraceStep, compile_mapping
from mappings.problems import ConversionError, MappingProblem, Problem
from mappings.samples import SampleFailure, check_samples
from mappings.tables import CodeTable, DictTable, both_ways
from mappings.translator import Translator

__all__ = [
    "CONVERTERS",
    "CodeTable",
    "CompiledMapping",
    "ConversionError",
    "DictTable",
    "FieldTrace",
    "Find",
    "Finding",
    "Mapped",
    "MappingProblem",
    "Problem",
    "SampleFailure",
    "Source",
    "TraceStep",
    "Translator",
    "UnknownMapping",
    "both_ways",
    "check",
    "check_samples",
    "check_text",
    "compile_mapping",
    "load",
    "names",
]
