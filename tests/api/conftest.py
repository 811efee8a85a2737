"""A small deterministic coder, and a client that speaks to the app in memory, as a browser on this computer would."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import anyio.from_thread
import httpx
import pytest

from api.main import create_app
from api.settings import Settings
from models.billing.audit import NoteAudit, audit_note
from models.billing.claims import ClaimCheck, Line, check_claim
from models.billing.payers import Terms, terms_of
from models.billing.rules import load_rules
from models.billing.units import all_units
from models.coder import Coder
from models.errors import UntrustedModel
from models.explain import Explanation, explain
from models.note import Note
from models.registry import Manifest
from models.result import DocumentationElement, FlagResult, ModelInfo, ProposalResult, Result, ServiceResult, TextSpan
from nlp.document import ELEMENTS, Document
from nlp.pipeline import check_text

SENTINEL = "zzyxsentinel"


class FakeReader:
    """Finds nothing."""

    def read(self, text: str) -> Document:
        return Document(text=text)


class FakeCoder:
    """Codes a note that has the word ``bridging`` as 15 minutes of exercise, any other as no treatment.

    A note with the word ``broken`` raises an error that repeats the note, as a programming error may.
    """

    version = "fake"
    profile = "accurate"
    rules = load_rules()
    reader = FakeReader()
    readers = MappingProxyType({"fast": reader})
    manifest = Manifest(
        format=1, version="fake", profile="accurate", feature_version=1, tagger_feature_version=1, scikit_learn="1.9.1",
        python="3.11", data_sha256="0" * 64, notes=3, seed=1, files={"a": "0" * 64}, scores={"accuracy": 0.5},
    )  # fmt: skip

    def code(self, note: str | Note) -> Result:
        note = note if isinstance(note, Note) else Note(text=note)
        check_text(note.text)
        if "broken" in note.text:
            raise KeyError(note.text)
        start = note.text.find("bridging")
        services = () if start < 0 else (self._service(start),)
        minutes = {"97110": 15} if services else {}
        missing = FlagResult(
            id="no_treatment", severity="info", message="None found.", action="Write it.", start=None, end=None
        )
        return Result(
            note_id=note.note_id,
            policy=note.policy,
            proposal=ProposalResult(
                code="97110" if services else None, confidence=0.9, status="suggested" if services else "no_code"
            ),
            services=services,
            mentions=(),
            goals=(),
            minutes=minutes,
            units=all_units(minutes),
            documentation=tuple(
                DocumentationElement(element=e, documented=False, start=None, end=None) for e in ELEMENTS
            ),
            flags=() if services else (missing,),
            date_of_service=note.date_of_service,
            payers=(),
            model=ModelInfo(version=self.version, profile=note.profile, rules="fake"),
        )

    def code_many(self, notes: Iterable[str | Note]) -> Iterator[Result]:
        for note in notes:
            yield self.code(note)

    def audit(self, note: Note) -> NoteAudit:
        check_text(note.text)
        if "broken" in note.text:
            raise KeyError(note.text)
        return audit_note(Document(text=note.text), (), Terms(self.rules))

    def explain(self, note: Note) -> Explanation:
        return explain(self.code(note), Terms(self.rules))

    def check_claim(self, note: Note, lines: Sequence[Line]) -> tuple[ClaimCheck, Result]:
        result = self.code(note)
        payers = {"payer": note.payer, "secondary": note.secondary_payer}
        terms = terms_of(self.rules, day=note.date_of_service, **payers)
        return check_claim(lines, Document(text=note.text), (), terms, note.policy), result

    @staticmethod
    def _service(start: int) -> ServiceResult:
        span = TextSpan(start=start, end=start + 8, text="bridging")
        return ServiceResult(
            **span.model_dump(), code="97110", other_code=None, confidence=0.9, probabilities={"97110": 0.9, "97530": 0.05, "other": 0.05},
            minutes=15, duration=None, stated_code=None, activities=(span,), goals=(), reasons=(),
        )  # fmt: skip


class Client:
    """An HTTP client on the app's lifespan, without a socket; use it with ``with``."""

    def __init__(self, app: Any, host: str = "127.0.0.1:8000", peer: str = "127.0.0.1") -> None:
        self._app = app
        self._host = host
        self._peer = peer

    def __enter__(self) -> Client:
        self._portal_context = anyio.from_thread.start_blocking_portal()
        self._portal = self._portal_context.__enter__()
        self._lifespan = self._portal.wrap_async_context_manager(self._app.router.lifespan_context(self._app))
        self._lifespan.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._lifespan.__exit__(None, None, None)
        self._portal_context.__exit__(None, None, None)

    def request(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        return self._portal.call(partial(self._request, method, path, **arguments))

    async def _request(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        transport = httpx.ASGITransport(app=self._app, raise_app_exceptions=True, client=(self._peer, 50000))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{self._host}") as client:
            return await client.request(method, path, **arguments)

    def get(self, path: str, **arguments: Any) -> httpx.Response:
        return self.request("GET", path, **arguments)

    def post(self, path: str, **arguments: Any) -> httpx.Response:
        return self.request("POST", path, **arguments)


@pytest.fixture(autouse=True)
def models_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees, or changes, which version serves on the machine that it runs on."""
    folder = tmp_path / "models"
    monkeypatch.setenv("THERAPY_CODER_MODELS_FOLDER", str(folder))
    return folder


@pytest.fixture
def settings() -> Settings:
    return Settings(max_request_bytes=2000, max_batch_notes=5)


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    with Client(create_app(settings, coder=FakeCoder())) as made:  # type: ignore[arg-type]
        yield made


@pytest.fixture(scope="session")
def real_coder() -> Coder:
    return Coder.load()


@pytest.fixture
def fake_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands load the fake coder; a folder named ``refused`` is refused."""

    def load(
        path: Any = None, profile: str = "accurate", *, alone: bool = False, risk: int = 5, rules: Any = None
    ) -> FakeCoder:
        if path is not None and path.name == "refused":
            raise UntrustedModel(path.name, "its hash differs")
        return FakeCoder()

    monkeypatch.setattr(Coder, "load", load)
