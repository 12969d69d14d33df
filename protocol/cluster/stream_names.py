"""The names of streams, as `@socket.io/redis-streams-adapter` gives them."""


def stream_names(name: str, count: int) -> list[str]:
    """All names that `stream_name` can give."""
    return [name] if count == 1 else [f"{name}-{number}" for number in range(1 - count, count)]


def stream_name(name: str, count: int, nsp: str) -> str:
    """The stream of a namespace, where there are `count`: by Java's hash of a string, with the remainder of
    JavaScript, which has the sign of the hash. (Node writes to streams of negative numbers, and does not read them.)
    """
    if count == 1:
        return name
    units = nsp.encode("utf-16-le", "surrogatepass")
    value = 0
    for low, high in zip(units[::2], units[1::2], strict=True):
        value = (value * 31 + low + high * 256) & 0xFFFFFFFF
    return f"{name}-{value % count if value < 2**31 else -((2**32 - value) % count)}"
