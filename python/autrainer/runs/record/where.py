"""Conditions on runs, such as `model.id == "Cnn10" and seed < 3`. Nothing is executed.

The text is parsed into a tree in which only what is listed here may stand: names, constants, lists,
comparisons, `and`, `or`, `not`, `in`, arithmetic on numbers, and `startswith`, `endswith` and
`lower` of texts.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator
from typing import Any

from autrainer.errors import AutrainerError

LONGEST = 2000
"""Characters of a condition; people write shorter ones."""

METHODS: dict[str, Callable[..., Any]] = {
    "startswith": lambda text, prefix: text.startswith(prefix),
    "endswith": lambda text, suffix: text.endswith(suffix),
    "lower": lambda text: text.lower(),
}
_COMPARISONS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
    ast.Is: operator.eq,
    ast.IsNot: operator.ne,
}
_ARITHMETIC: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


class ConditionError(AutrainerError, ValueError):
    """A condition on runs that cannot be understood."""


class Missing:
    """Stands for a value that a run does not have: every comparison with it is false."""

    def __repr__(self) -> str:
        return "missing"


MISSING = Missing()


class Where:
    """A condition.

    Args:
        text: The condition.

    Raises:
        ConditionError: naming the part that is not allowed.

    Attributes:
        names: The names in it, dotted.

    >>> Where('model.id == "Cnn10" and seed < 3').matches({"model.id": "Cnn10", "seed": 2}.get)
    True
    """

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise ConditionError(f"the condition has over {LONGEST} characters")
        try:
            self._tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            reason = getattr(error, "msg", None) or str(error)
            hint = "; a comparison is written ==" if "=" in text and "==" not in text else ""
            raise ConditionError(
                f"the condition {text!r} cannot be read: {reason}{hint}"
            ) from error
        self._text = text
        self.names = list(dict.fromkeys(self._names(self._tree)))

    def matches(self, value_of: Callable[[str], Any]) -> bool:
        """Whether a run meets the condition.

        Args:
            value_of: Gives the value of a name; None or `MISSING` if there is none.
        """
        return bool(self._evaluated(self._tree, value_of) not in (MISSING, False, None, 0, ""))

    def _names(self, node: ast.AST) -> Iterator[str]:
        """Names in the tree; refuses what may not stand there."""
        dotted = _dotted(node)
        if dotted is not None:
            yield dotted
            return
        if isinstance(node, ast.Constant):
            self._check_constant(node)
        elif isinstance(node, ast.Call):
            yield from self._names_of_call(node)
        elif isinstance(node, ast.BoolOp):
            yield from self._names_of(node.values)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub | ast.UAdd):
            yield from self._names(node.operand)
        elif isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
            yield from self._names_of([node.left, node.right])
        elif isinstance(node, ast.Compare) and all(type(op) in _COMPARISONS for op in node.ops):
            yield from self._names_of([node.left, *node.comparators])
        elif isinstance(node, ast.List | ast.Tuple):
            yield from self._names_of(node.elts)
        else:
            self._refuse(node)

    def _names_of(self, nodes: list[ast.expr]) -> Iterator[str]:
        for node in nodes:
            yield from self._names(node)

    def _names_of_call(self, node: ast.Call) -> Iterator[str]:
        function = node.func
        if not isinstance(function, ast.Attribute) or function.attr not in METHODS or node.keywords:
            self._refuse(node)
        assert isinstance(function, ast.Attribute)
        yield from self._names_of([function.value, *node.args])

    def _check_constant(self, node: ast.Constant) -> None:
        if not isinstance(node.value, str | int | float | bool | None):
            self._refuse(node)

    def _refuse(self, node: ast.AST) -> Any:
        part = ast.unparse(node)
        raise ConditionError(
            f"{part!r} may not stand in a condition; use names such as model.id, texts in quotes, "
            "numbers, ==, !=, <, <=, >, >=, in, and, or, not"
        )

    def _evaluated(self, node: ast.AST, value_of: Callable[[str], Any]) -> Any:
        dotted = _dotted(node)
        if dotted is not None:
            return value_of(dotted)
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.List | ast.Tuple):
            return [self._evaluated(each, value_of) for each in node.elts]
        if isinstance(node, ast.BoolOp):
            results = (self._is_true(each, value_of) for each in node.values)
            return all(results) if isinstance(node.op, ast.And) else any(results)
        if isinstance(node, ast.UnaryOp):
            return self._unary(node, value_of)
        if isinstance(node, ast.Compare):
            return self._compared(node, value_of)
        if isinstance(node, ast.BinOp):
            values = [self._evaluated(each, value_of) for each in (node.left, node.right)]
            return _computed(_ARITHMETIC[type(node.op)], *values)
        assert isinstance(node, ast.Call)
        return self._called(node, value_of)

    def _is_true(self, node: ast.AST, value_of: Callable[[str], Any]) -> bool:
        return self._evaluated(node, value_of) not in (MISSING, False, None, 0, "")

    def _unary(self, node: ast.UnaryOp, value_of: Callable[[str], Any]) -> Any:
        if isinstance(node.op, ast.Not):
            return not self._is_true(node.operand, value_of)
        sign = -1 if isinstance(node.op, ast.USub) else 1
        return _computed(operator.mul, sign, self._evaluated(node.operand, value_of))

    def _compared(self, node: ast.Compare, value_of: Callable[[str], Any]) -> bool:
        left = self._evaluated(node.left, value_of)
        for op, right_node in zip(node.ops, node.comparators, strict=True):
            right = self._evaluated(right_node, value_of)
            if not _holds(type(op), left, right):
                return False
            left = right
        return True

    def _called(self, node: ast.Call, value_of: Callable[[str], Any]) -> Any:
        assert isinstance(node.func, ast.Attribute)
        text = self._evaluated(node.func.value, value_of)
        arguments = [self._evaluated(each, value_of) for each in node.args]
        if not isinstance(text, str):
            return MISSING
        try:
            return METHODS[node.func.attr](text, *arguments)
        except TypeError:
            return self._refuse(node)


def _dotted(node: ast.AST) -> str | None:
    """The name that a node is, such as `model.id`."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value)
        return None if before is None else f"{before}.{node.attr}"
    return None


def _holds(op: type, left: Any, right: Any) -> bool:
    if left is MISSING or right is MISSING:
        return False
    try:
        return bool(_COMPARISONS[op](left, right))
    except TypeError:
        # A text is neither more nor less than a number.
        return False


def _computed(function: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    """A number of two numbers; anything else is missing, so that no long text can be made."""
    both = (left, right)
    if not all(isinstance(each, int | float) for each in both):
        return MISSING
    try:
        return function(left, right)
    except (ArithmeticError, ValueError):
        return MISSING
