"""QKeras's strings: from "quantized_bits(6,0,1,alpha='auto')" to the quantizer it names.

The text is parsed as one Python call with literal arguments; nothing is evaluated.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

from bitwright.core.errors import InvalidValue, ParseError
from bitwright.train import quantizers
from bitwright.train.door import keras

__all__ = ["QUANTIZERS", "get_activation", "get_quantizer", "parse_call"]

QUANTIZERS: dict[str, Callable[..., Any]] = {
    name: getattr(quantizers, name) for name in quantizers.__all__ if name.islower() and name != "set_internal_sigmoid"
}
"""Every name that a string may start with."""


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
    if name in QUANTIZERS:
        return QUANTIZERS[name]
    near = get_close_matches(name, QUANTIZERS, 1, cutoff=0.4)
    raise ParseError(
        f"there is no quantizer {name!r}",
        why=f"known are {', '.join(sorted(QUANTIZERS))}",
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
    if name in QUANTIZERS and isinstance(config.get("config", {}), dict):
        kind = QUANTIZERS[name]
        return kind.from_config(config.get("config", {})) if isinstance(kind, type) else kind  # pyright: ignore
    if config.get("class_name") == "function" and config.get("config") in QUANTIZERS:
        return QUANTIZERS[str(config["config"])]
    if "module" not in config and "registered_name" not in config:
        _known(name)
    return keras.saving.deserialize_keras_object(config)


def get_activation(identifier: Any) -> Any:
    """As `get_quantizer`, but Keras's own activation names are understood as well."""
    if isinstance(identifier, str):
        name = identifier.strip().partition("(")[0]
        if name not in QUANTIZERS:
            try:
                return keras.activations.get(identifier)
            except ValueError:
                _known(name)
        return get_quantizer(identifier)
    if isinstance(identifier, dict) and identifier.get("class_name") in QUANTIZERS:
        return get_quantizer(identifier)
    return keras.activations.get(identifier)
