"""QKeras's strings: from "quantized_bits(6,0,1,alpha='auto')" to the quantizer it names.

The text is parsed as one Python call with literal arguments; nothing is evaluated.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from bitwright.core.errors import InvalidValue, ParseError
from bitwright.train.door import keras
from bitwright.train.quantizer_registry import QUANTIZERS, is_quantizer, lookup_quantizer, quantizer_names

__all__ = ["QUANTIZERS", "get_activation", "get_params", "get_quantizer", "parse_call", "safe_eval"]


def parse_call(text: str) -> tuple[str, list[Any], dict[str, Any]]:
    """`text` as (name, positional arguments, named arguments), all Python literals.

    >>> parse_call("quantized_bits(6, 0, alpha='auto')")
    ('quantized_bits', [6, 0], {'alpha': 'auto'})

    Raises ParseError for anything but a name or one call with literal arguments. As in QKeras, a
    bare word among the arguments counts as a string.
    """
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise _unreadable(text, "it is no call") from error
    if isinstance(node, ast.Name):
        return node.id, [], {}
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        raise _unreadable(text, "it is no call")
    if any(keyword.arg is None for keyword in node.keywords):
        raise _unreadable(text, "** has no meaning here")
    arguments = [_literal(argument, text) for argument in node.args]
    return node.func.id, arguments, {str(k.arg): _literal(k.value, text) for k in node.keywords}


def _literal(node: ast.expr, text: str) -> Any:
    if isinstance(node, ast.Name):
        return node.id
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError) as error:
        raise _unreadable(text, f"{ast.unparse(node)!r} is no literal") from error


def _unreadable(text: str, why: str) -> ParseError:
    return ParseError(
        f"cannot read the quantizer {text!r}",
        why=why,
        remedy="write it like quantized_bits(6,0,1,alpha='auto'), quantized_relu(4) or binary",
    )


def get_params(text: str) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a call from its parentheses on: "(3, sep='x')" gives ([3], {"sep": "x"}).

    >>> get_params("(3, 0.5, sep=True)")
    ([3, 0.5], {'sep': True})
    """
    _, arguments, named = parse_call(f"call{text.strip()}")
    return arguments, named


def safe_eval(eval_str: str, op_dict: Mapping[str, Any], *params: Any, **kwparams: Any) -> Any:
    """The call in `eval_str` (see `parse_call`) with the function of `op_dict` that it names.

    params and kwparams are further arguments. A name alone gives the function itself, or an instance
    where it is a class, unless there are arguments. Nothing is evaluated. Raises ParseError for an
    unknown name.

    >>> safe_eval("maximum(3)", {"maximum": max}, 5)
    5
    """
    name, arguments, named = parse_call(eval_str)
    if name not in op_dict:
        near = get_close_matches(name, op_dict, 1, cutoff=0.4)
        raise ParseError(
            f"there is no {name!r}", remedy=f"did you mean {near[0]!r}?" if near else "give it in the dictionary"
        )
    function, arguments, named = op_dict[name], [*arguments, *params], {**named, **kwparams}
    if "(" in eval_str or arguments or named or isinstance(function, type):
        return function(*arguments, **named)
    return function


def get_quantizer(identifier: Any) -> Any:
    """The quantizer that `identifier` stands for; None stays None.

    A string is read by `parse_call`; a dict is what `get_config` or Keras serialization wrote (also
    QKeras's own); a quantizer or any other callable is returned as it is; a class is called.
    Raises ParseError for unknown names (with the nearest known one) and InvalidValue otherwise.
    """
    if identifier is None:
        return None
    if isinstance(identifier, str):
        name, arguments, named = parse_call(identifier)
        return _make(_known(name), name, arguments, named)
    if isinstance(identifier, dict):
        return _from_dict(identifier)
    if isinstance(identifier, type):
        return identifier()
    if callable(identifier):
        return identifier
    raise InvalidValue(
        f"{identifier!r} is no quantizer",
        remedy="give a quantizer, a string such as 'quantized_relu(4)', or None",
    )


def _known(name: str) -> Callable[..., Any]:
    if is_quantizer(name):
        return lookup_quantizer(name)
    near = get_close_matches(name, quantizer_names(), 1, cutoff=0.4)
    raise ParseError(
        f"there is no quantizer {name!r}",
        why=f"known are {', '.join(quantizer_names())}",
        remedy=f"did you mean {near[0]!r}?" if near else "use one of these names",
    )


def _make(kind: Callable[..., Any], name: str, arguments: list[Any], named: dict[str, Any]) -> Any:
    if not isinstance(kind, type):
        if arguments or named:
            raise ParseError(f"{name} is a function and takes no settings", remedy=f"write {name!r}")
        return kind
    try:
        return kind(*arguments, **named)
    except TypeError as error:
        raise ParseError(f"{name} does not take these arguments", why=str(error), remedy=f"see help({name})") from error


def _from_dict(config: dict[str, Any]) -> Any:
    name = str(config.get("class_name", ""))
    if is_quantizer(name) and isinstance(config.get("config", {}), dict):
        kind = lookup_quantizer(name)
        return kind.from_config(config.get("config", {})) if isinstance(kind, type) else kind  # pyright: ignore
    if config.get("class_name") == "function" and is_quantizer(config.get("config")):
        return lookup_quantizer(str(config["config"]))
    if "module" not in config and "registered_name" not in config:
        _known(name)
    return keras.saving.deserialize_keras_object(config)


def get_activation(identifier: Any) -> Any:
    """As `get_quantizer`, but Keras's own activation names are understood as well."""
    if isinstance(identifier, str):
        name = identifier.strip().partition("(")[0]
        if not is_quantizer(name):
            try:
                return keras.activations.get(identifier)
            except ValueError:
                _known(name)
        return get_quantizer(identifier)
    if isinstance(identifier, dict) and is_quantizer(identifier.get("class_name")):
        return get_quantizer(identifier)
    return keras.activations.get(identifier)
