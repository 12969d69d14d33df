"""The cookie on the answer that opens a session."""

from protocol.server.config.options import EngineOptions


def cookie_headers(options: EngineOptions, session_id: str) -> list[tuple[bytes, bytes]]:
    """The `Set-Cookie` header of the answer that opens a session; none where the options name no cookie."""
    if options.cookie is None:
        return []
    return [(b"set-cookie", options.cookie.header(session_id).encode("latin-1"))]
