from expressions.errors import EvaluationError, ExpressionError
from expressions.expression import Expression, compile_expression, define
from expressions.functions import FUNCTIONS, Function
from expressions.paths import CodeUnit, Path, Scope, parse_path
from expressions.places import Place, place_of

__all__ = [
    "FUNCTIONS",
    "CodeUnit",
    "EvaluationError",
    "Expression",
    "ExpressionError",
    "Function",
    "Path",
    "Place",
    "Scope",
    "compile_expression",
    "define",
    "parse_path",
    "place_of",
]
