"""A certificate authority of the tests' own: what a user would name in SSL_CERT_FILE."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

import trustme


class Authority:
    """Issues certificates; `path` is what a client must be given to believe them."""

    def __init__(self, folder: Path) -> None:
        self._issuer = trustme.CA()
        self.path = folder / "authority.pem"
        self._issuer.cert_pem.write_to_path(str(self.path))

    def server(self, name: str = "127.0.0.1", *, days: int = 2) -> ssl.SSLContext:
        """Return what a server of that name needs; with negative days it has expired."""
        end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
        begin = end - datetime.timedelta(days=30)
        issued = self._issuer.issue_cert(name, not_before=begin, not_after=end)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issued.configure_cert(context)
        return context
