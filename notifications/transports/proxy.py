"""The way out by a proxy, if HTTPS_PROXY names one and NO_PROXY does not except the host: by CONNECT
(RFC 9110, 9.3.6). Nobody needs one to this machine itself."""

import asyncio
import socket
from base64 import b64encode
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

MOST_HEAD_BYTES = 16 * 1024
HERE = {"localhost", "127.0.0.1", "::1"}


def proxy_to(host: str) -> str | None:
    """The address of the proxy on the way to a host."""
    return None if host in HERE or proxy_bypass(host) else getproxies().get("https")


async def way_to(host: str, port: int) -> socket.socket | None:
    """A socket whose other end is that host; None: no proxy is named. Raises OSError."""
    proxy = urlsplit(proxy_to(host) or "")
    if not proxy.hostname:
        return None
    loop = asyncio.get_running_loop()
    [family, kind, protocol, _, address], *_ = await loop.getaddrinfo(
        proxy.hostname, proxy.port or 80, type=socket.SOCK_STREAM
    )
    way = socket.socket(family, kind, protocol)
    try:
        way.setblocking(False)
        await loop.sock_connect(way, address)
        await loop.sock_sendall(way, _connect(proxy, host, port))
        await _let_through(way)
    except BaseException:
        way.close()
        raise
    return way


def _connect(proxy: SplitResult, host: str, port: int) -> bytes:
    lines = [f"CONNECT {host}:{port} HTTP/1.1", f"Host: {host}:{port}"]
    if proxy.username is not None:
        shown = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode()
        lines.append(f"Proxy-Authorization: Basic {b64encode(shown).decode()}")
    return "\r\n".join([*lines, "", ""]).encode()


async def _let_through(way: socket.socket) -> None:
    """Its answer; nothing of what comes after it is read: the other end waits for us to speak first."""
    loop, head = asyncio.get_running_loop(), bytearray()
    while not head.endswith(b"\r\n\r\n"):
        piece = await loop.sock_recv(way, 1)
        if not piece or len(head) > MOST_HEAD_BYTES:
            raise ConnectionError("the proxy does not answer CONNECT")
        head += piece
    status = head.split(b" ", 2)[1:2]
    if not status or not status[0].startswith(b"2"):
        raise ConnectionRefusedError("the proxy does not let us through")
