"""How often somebody may try to sign in: by address, and by login, whether there is such a login or not.

Kept in memory: what must survive a start, that wrong passwords shut an account, stands in the database (`api.people`).
"""

from __future__ import annotations

import time
from ipaddress import ip_address, ip_network

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from api.db.errors import TooManyTries
from api.errors import TooManyRequests
from api.people import LOCK, TRIES

# A clinic's people may share one address.
BY_ADDRESS = RateLimitItemPerMinute(60, 5)
# The same as an account allows, so that a login that is there cannot be told from one that is not by when it shuts.
BY_LOGIN = RateLimitItemPerMinute(TRIES, int(LOCK.total_seconds() // 60))


class Tries:
    """Counts tries to sign in.

    Examples
    --------
    >>> tries = Tries()
    >>> for _ in range(BY_LOGIN.amount):
    ...     tries.login("main", "ana")
    >>> tries.login("main", "ANA ")
    Traceback (most recent call last):
    api.db.errors.TooManyTries: Too many wrong passwords. Try again in 900 seconds.
    >>> tries.right("main", "ana")
    >>> tries.login("main", "ana")
    """

    def __init__(self) -> None:
        self._window = MovingWindowRateLimiter(MemoryStorage())

    def address(self, address: str | None) -> None:
        """Count a try from an address; of IPv6 the network of 64 bits, which one computer may have whole.

        Raises
        ------
        TooManyRequests
            There were 60 within 5 minutes.
        """
        given = "" if address is None else _network(address)
        if not self._window.hit(BY_ADDRESS, "address", given):
            raise TooManyRequests(self._wait(BY_ADDRESS, "address", given))

    def login(self, clinic: str, login: str) -> None:
        """Count a try at a login.

        Raises
        ------
        TooManyTries
            There were 10 within 15 minutes, none of them right.
        """
        given = clinic, login.strip().lower()
        if not self._window.hit(BY_LOGIN, "login", *given):
            raise TooManyTries(self._wait(BY_LOGIN, "login", *given))

    def right(self, clinic: str, login: str) -> None:
        """Forget the tries at a login: one was right."""
        self._window.clear(BY_LOGIN, "login", clinic, login.strip().lower())

    def _wait(self, item: RateLimitItem, *given: str) -> int:
        return max(1, int(self._window.get_window_stats(item, *given).reset_time - time.time()) + 1)


def _network(address: str) -> str:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    return str(parsed) if parsed.version == 4 else str(ip_network((parsed, 64), strict=False))
