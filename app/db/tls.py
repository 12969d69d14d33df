"""TLS to PostgreSQL, as its URLs ask for it: the options of libpq, which `databases` would drop.

`?sslmode=` is `disable`, `allow`, `prefer` (as without it), `require`, `verify-ca` or `verify-full`; `sslrootcert` is a
file with the certificates to be trusted, or `system` for those of the system; `sslcert` and `sslkey` are the files of a
certificate of one's own and its key. Without files asyncpg looks where libpq does: in `PGSSLROOTCERT` and the like, and
in `~/.postgresql`.
"""

import ssl
from collections.abc import Mapping

from app.db.servers import options_of
from protocol import load_tls_files

MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
FILES = ("sslrootcert", "sslcert", "sslkey")


def tls_of(url: str) -> str | ssl.SSLContext | None:
    """The TLS that a URL asks for, as asyncpg's argument `ssl`; None where it asks for none.

    Raises ValueError, a sentence, for what cannot be.
    """
    options = options_of(url)
    mode = options.get("sslmode")
    if mode is not None and mode not in MODES:
        raise ValueError(f"sslmode in it must be one of {', '.join(MODES)}")
    if not options.keys() & set(FILES):
        return mode
    if mode is None or MODES.index(mode) < MODES.index("require"):
        raise ValueError(
            "sslrootcert, sslcert and sslkey in it go with sslmode=require, verify-ca or verify-full"
        )
    return _context(mode, options)


def _context(mode: str, options: Mapping[str, str]) -> ssl.SSLContext:
    root = options.get("sslrootcert")
    if root is None and mode != "require":
        raise ValueError(f"sslmode={mode} in it goes with sslrootcert, a file or system")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = mode == "verify-full"
    if root is None:
        context.verify_mode = ssl.CERT_NONE
    elif root == "system":
        # Any host can have a certificate of an authority that the system trusts.
        context.check_hostname = True
        context.load_default_certs()
    files = {name: file for name, file in options.items() if (name, file) != ("sslrootcert", "system")}
    load_tls_files(context, files, FILES, "in it")
    return context
