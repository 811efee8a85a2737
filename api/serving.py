"""The running server follows the pointer of `models.versions`: a promoted version is loaded beside the old, then takes its place.

A request keeps the coder that it began with, so that none is lost or served by two. A version that cannot be used is refused,
and the one that serves goes on; a server that began without any looks for it until it is there again.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool

from models.coder import Coder
from models.errors import UnknownRisk, UnknownVersion, UntrustedModel
from models.note import Risk
from models.versions import POINTER, Versions

log = logging.getLogger("therapy_coder.api")
_SECONDS = 1.0
_TRY = "Ther ex x 15 min: SLR 3x10"  # a model that loads but cannot code this serves nobody


class Serving:
    """What keeps ``app.state.coder`` the version that the pointer names; ``refused`` is the one it could not take over."""

    def __init__(self, app: FastAPI, versions: Versions, risk: Risk, rules: Path | None = None) -> None:
        self.app, self.versions = app, versions
        self.risk: Risk = risk
        self.rules = rules
        self.refused: str | None = None
        self._seen: Any = None  # no pointer: whatever was loaded goes on

    async def watch(self, seconds: float = _SECONDS) -> None:
        """Look again and again until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(seconds)

    async def look(self) -> None:
        """Take the current version over, where the pointer changed since the last look or nothing serves yet."""
        mark = self._mark()
        if mark == self._seen and self.app.state.coder is not None:
            return
        self._seen = mark
        wanted = ""
        try:
            wanted = self.versions.current().version
            serving: Coder | None = self.app.state.coder
            if serving is not None and serving.version == wanted:
                return
            self.app.state.coder = await run_in_threadpool(self._load)
            self.refused = None
            log.info("model %s serves", wanted)
        except (UntrustedModel, UnknownVersion, UnknownRisk, OSError) as error:
            self.refuse(wanted or "unknown", error)
        except Exception as error:  # a model's own code failed on the trial note
            if self.refused != wanted:
                log.error("model %s cannot code: %s", wanted, type(error).__name__)
            self.refused = wanted

    def refuse(self, version: str, error: Exception) -> None:
        """Remember, and log once, that a version cannot be used."""
        if self.refused != version:
            log.error("model %s was refused: %s", version, type(error).__name__)
        self.refused = version

    def _load(self) -> Coder:
        coder = Coder.load(self.versions.current_path(), risk=self.risk, rules=self.rules)
        coder.code(_TRY)
        return coder

    def _mark(self) -> tuple[int, int, int] | None:
        """What changes whenever the pointer is replaced; one look at the file's entry."""
        try:
            entry = (self.versions.folder / POINTER).stat()
        except OSError:
            return None
        return entry.st_ino, entry.st_mtime_ns, entry.st_size
