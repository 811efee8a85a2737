"""What happens around every request: host check, size limit, last catch, log line, security headers. Plain ASGI."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection
from pathlib import PurePosixPath

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import RequestTooLarge, WrongHost, response

log = logging.getLogger("therapy_coder.api")

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Guard:
    """Outermost: answers what nothing else caught, adds the headers, writes one log line a request.

    The log line holds method, route, status and milliseconds: no address as the client wrote it, no body.
    """

    def __init__(self, app: ASGIApp, *, tls: bool = False) -> None:
        self.app = app
        self.headers = SECURITY_HEADERS | ({"Strict-Transport-Security": "max-age=31536000"} if tls else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        status: int | None = None

        async def send_guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers[name] = value
                # Pages are checked again each time; everything else may hold a note's words and is not kept.
                headers["Cache-Control"] = "no-cache" if _is_page(scope["path"]) else "no-store"
            await send(message)

        try:
            await self.app(scope, receive, send_guarded)
        except Exception as error:
            # Passed on, the exception's message would reach the server's log, and it may repeat the note.
            answer = response(error)
            if status is None:
                await answer(scope, receive, send_guarded)
        route = getattr(scope.get("route"), "path", "(no route)")
        log.info("%s %s %s %d ms", scope["method"], route, status, (time.perf_counter() - started) * 1000)


class HostCheck:
    """Refuses requests whose Host header names none of ``hosts``: no page elsewhere reaches this computer by DNS."""

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self.app = app
        self.hosts = frozenset(host.lower().strip("[]") for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and "*" not in self.hosts and host_name(Headers(scope=scope)) not in self.hosts:
            await response(WrongHost())(scope, receive, send)
            return
        await self.app(scope, receive, send)


def host_name(headers: Headers) -> str | None:
    """Return the Host header's name without port and brackets, ``None`` where there is no single well-formed one.

    Examples
    --------
    >>> host_name(Headers({"host": "[::1]:8000"})), host_name(Headers({"host": "localhost:x"}))
    ('::1', None)
    """
    values = headers.getlist("host")
    if len(values) != 1:
        return None
    value = values[0].strip().lower()
    if value.startswith("["):
        name, closed, rest = value[1:].partition("]")
        port = rest[1:] if rest.startswith(":") else rest and "x"
        return name if closed and (not port or port.isdecimal()) else None
    name, _, port = value.partition(":")
    return name if not port or port.isdecimal() else None


class SizeLimit:
    """Reads a body up to ``limit`` bytes before anything else sees it; refuses longer ones, announced or chunked."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "0")
        body = bytearray()
        more = not announced.isdecimal() or int(announced) <= self.limit
        too_large = not more
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            too_large = len(body) > self.limit
            more = message.get("more_body", False) and not too_large
        if too_large:
            # The rest of the body is not read, so the connection cannot be used again.
            await response(RequestTooLarge(self.limit), headers={"Connection": "close"})(scope, receive, send)
            return
        read = False

        async def receive_again() -> Message:
            nonlocal read
            if read:
                return await receive()
            read = True
            return {"type": "http.request", "body": bytes(body), "more_body": False}

        await self.app(scope, receive_again, send)


def _is_page(path: str) -> bool:
    return path == "/" or PurePosixPath(path).parent.name == "static"
