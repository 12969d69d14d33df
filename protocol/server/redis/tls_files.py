"""The files of TLS that a URL names."""

import ssl
from collections.abc import Mapping


def load_tls_files(
    context: ssl.SSLContext, options: Mapping[str, str], names: tuple[str, str, str], where: str
) -> None:
    """Loads the certificates to be trusted, a certificate of one's own and its key, as far as `options` has them.

    `names` are those of the three options, and `where` says to the reader of an error where these stand, as `in a Redis
    URL`. Raises ValueError, a sentence, for a file that is missing or no PEM, and for a key without its certificate.
    """
    trusted, own, key = (options.get(name) for name in names)
    if key and not own:
        raise ValueError(f"{names[2]} {where} goes with {names[1]}")
    try:
        if trusted:
            context.load_verify_locations(trusted)
    except OSError as error:  # an SSLError is one, too
        raise ValueError(f"{names[0]} {where} cannot be read: {error}") from None
    try:
        if own:
            # A key with a password would be asked for on the terminal.
            context.load_cert_chain(own, key, password=lambda: b"")
    except OSError as error:
        raise ValueError(f"{names[1]} or {names[2]} {where} cannot be read: {error}") from None
