"""Which ASGI middleware stands around an application, as far as that can be seen.

Starlette and FastAPI list theirs in `user_middleware`. Other middleware, and mounts, have by convention what they
wrap as `app`.
"""

from typing import Any

_DEEPEST = 32  # layers and mounts that are looked through
_HARMLESS = ("ProxyHeadersMiddleware",)  # uvicorn's own: the fast websocket does its part by itself


def middleware_around(outer: Any, inner: object, depth: int = _DEEPEST) -> list[str] | None:
    """The names of the middleware from `outer` to `inner`; None where no way from one to the other can be seen."""
    if outer is inner:
        return []
    if depth == 0:
        return None
    own = [layer.cls.__name__ for layer in getattr(outer, "user_middleware", ())]
    wrapped = getattr(outer, "app", None)
    if wrapped is not None:
        found = middleware_around(wrapped, inner, depth - 1)
        if found is not None:
            name = type(outer).__name__
            is_layer = not hasattr(outer, "path") and name not in _HARMLESS
            return [name] * is_layer + found
    for route in getattr(outer, "routes", None) or ():
        found = middleware_around(route, inner, depth - 1)
        if found is not None:
            return own + found
    return None
