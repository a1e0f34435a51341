"""A socket to serve on, made before the web server: so that a port that is taken is told in words, and the port that was found can be announced."""

from __future__ import annotations

import socket
import sys

from irctl.domain.problems import Problem, Refused

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""This machine's own addresses: what is said there crosses no network."""


def listen(host: str, port: int, field: str, remedy: str) -> socket.socket:
    """Bound, not yet listening; port 0 is any free one. Raises Refused, which calls the port `field`."""
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    if sys.platform != "win32":  # there it would mean to share the port with its owner
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise Refused([Problem(field, port, error.strerror or str(error), remedy)], conflict=True) from None
    return listening


def url_of(listening: socket.socket, *, tls: bool = False) -> str:
    """As a browser on this machine writes it."""
    host, port = listening.getsockname()[:2]
    scheme = "https" if tls else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
