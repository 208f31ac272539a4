"""Faulty variants of a module, one fault each. For `mutation`.

What is varied: comparisons, and/or, not, conditions, constants, arithmetic, `min`/`max` and `any`/`all`; a statement
left out, a function that returns early. Left alone: annotations, docstrings, imports, type variables, and the
wording of messages.
"""

import ast
import copy
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_FLIPS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}  # fmt: skip
_SIGNS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip
_NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}
_DROPPED = (ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Raise, ast.Continue, ast.Break)
_SKIPPED = ("annotation", "returns", "type_params", "bases", "decorator_list")


@dataclass(frozen=True)
class Fault:
    """One fault: `name` says in which function what became what; `source` is the whole faulty module."""

    name: str
    source: str


def faults(source: str) -> Iterator[Fault]:
    """Every fault of the kinds named above, in the order of the module; names are unique."""
    tree = ast.parse(source)
    _mark(tree)
    seen: Counter[str] = Counter()
    for node in list(_of_interest(tree, "")):
        for was, now, made in _of_node(node):
            name = f"{node.inside}: {was} -> {now}"  # type: ignore[attr-defined]
            seen[name] += 1
            _put(node, made)
            yield Fault(
                name if seen[name] == 1 else f"{name} ({seen[name]})", ast.unparse(ast.fix_missing_locations(tree))
            )
            _put(node, node)


def _mark(tree: ast.AST) -> None:
    """Give each node its parent, its place there, and the function it is in."""
    for node in ast.walk(tree):
        for key, value in ast.iter_fields(node):
            for index, child in enumerate(value) if isinstance(value, list) else ((None, value),):
                if isinstance(child, ast.AST):
                    child.place = (node, key, index)  # type: ignore[attr-defined]


def _of_interest(node: ast.AST, inside: str) -> Iterator[ast.AST]:
    """Every node that may be changed, with the function it is in as `inside`."""
    for key, value in ast.iter_fields(node):
        if key in _SKIPPED or (isinstance(node, ast.ClassDef) and key == "keywords"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or _left_alone(child):
                continue
            within = inside
            if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
                within = f"{inside}.{child.name}".lstrip(".")
            child.inside = within or "the module"  # type: ignore[attr-defined]
            yield child
            if not isinstance(child, ast.Raise):  # what an error says is wording
                yield from _of_interest(child, within)


def _left_alone(node: ast.AST) -> bool:
    if isinstance(node, (ast.Import, ast.ImportFrom, ast.JoinedStr)):
        return True
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True  # a docstring
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return True
    if isinstance(node, ast.FunctionDef) and all(_left_alone(one) for one in node.body):
        return True  # a protocol's method has no body
    if isinstance(node, ast.AnnAssign):  # a declaration, or the name of a type
        return node.value is None or ast.unparse(node.annotation) == "TypeAlias"
    if isinstance(node, ast.Assign) and isinstance(node.value, (ast.Call, ast.Subscript)):
        return ast.unparse(node.value).startswith(("TypeVar(", "Mapping["))
    return False


def _put(node: ast.AST, made: ast.AST) -> None:
    parent, key, index = node.place  # type: ignore[attr-defined]
    if index is None:
        setattr(parent, key, made)
    else:
        getattr(parent, key)[index] = made


def _of_node(node: ast.AST) -> Iterator[tuple[str, str, ast.AST]]:
    """What the node may become: how it reads before and after, and the other node."""
    for kind, variants in _KINDS:
        if isinstance(node, kind):
            for made in variants(node):
                yield _short(node), _short(made), made


def _short(node: ast.AST) -> str:
    """How a node reads, in one line."""
    if isinstance(node, ast.FunctionDef):
        return "returns at once" if ast.unparse(node.body[0]) == "return None" else f"def {node.name}"
    if isinstance(node, (ast.If, ast.While)):
        return f"if {_short(node.test)}"
    text = " ".join(ast.unparse(ast.fix_missing_locations(node)).split())
    return text if len(text) <= 90 else f"{text[:60]} … {text[-25:]}"


def _compared(node: ast.Compare) -> Iterator[ast.AST]:
    for other in _FLIPS[type(node.ops[0])] if len(node.ops) == 1 else ():
        yield ast.Compare(node.left, [other()], node.comparators)


def _joined(node: ast.BoolOp) -> Iterator[ast.AST]:
    yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    for index in range(len(node.values)):
        rest = [value for place, value in enumerate(node.values) if place != index]
        yield rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)


def _denied(node: ast.UnaryOp) -> Iterator[ast.AST]:
    if isinstance(node.op, ast.Not):
        yield node.operand


def _tested(node: ast.If | ast.IfExp | ast.While) -> Iterator[ast.AST]:
    changed = copy.copy(node)
    changed.test = ast.UnaryOp(ast.Not(), node.test)
    yield changed


def _filtered(node: ast.comprehension) -> Iterator[ast.AST]:
    for index, test in enumerate(node.ifs):
        for other in ([ast.UnaryOp(ast.Not(), test)], []):
            yield ast.comprehension(node.target, node.iter, [*node.ifs[:index], *other, *node.ifs[index + 1 :]], 0)


def _constant(node: ast.Constant) -> Iterator[ast.AST]:
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield ast.Constant(value + 1)
    elif isinstance(value, str) and not _wording(node):
        yield ast.Constant(f"x{value}")


def _wording(node: ast.AST) -> bool:
    """Part of a message, or of a sentence: longer texts with a blank are."""
    return isinstance(node, ast.Constant) and " " in str(node.value)


def _signed(node: ast.BinOp) -> Iterator[ast.AST]:
    if type(node.op) in _SIGNS:
        yield ast.BinOp(node.left, _SIGNS[type(node.op)](), node.right)


def _named(node: ast.Name) -> Iterator[ast.AST]:
    if node.id in _NAMES and isinstance(node.ctx, ast.Load):
        yield ast.Name(_NAMES[node.id], ast.Load())


def _omitted(node: ast.stmt) -> Iterator[ast.AST]:
    if not _wording(getattr(node, "value", None) or node):
        yield ast.Pass()


def _returned(node: ast.FunctionDef) -> Iterator[ast.AST]:
    changed = copy.copy(node)
    changed.body = [ast.Return(ast.Constant(None)), *node.body]
    yield changed


_KINDS: tuple[tuple[type | tuple[type, ...], Callable[..., Iterator[ast.AST]]], ...] = (
    (ast.Compare, _compared), (ast.BoolOp, _joined), (ast.UnaryOp, _denied), ((ast.If, ast.IfExp, ast.While), _tested),
    (ast.comprehension, _filtered), (ast.Constant, _constant), (ast.BinOp, _signed), (ast.Name, _named),
    (_DROPPED, _omitted), (ast.FunctionDef, _returned),
)  # fmt: skip
