"""Which note is read next: what is at stake and how likely it is wrong, and near-twins not one after the other.

Examples
--------
>>> drawn(b"key", "audit", "note", 0.0), drawn(b"key", "audit", "note", 1.0)
(False, True)
"""

from __future__ import annotations

import hashlib
import hmac
import math
import re

from api.db.values import QueueReason
from api.queue.words import QUEUE
from models.billing.units import UNIT_MINUTES
from models.result import Result, ServiceResult

_WORD = re.compile(r"[^\W\d_]+|\d+")


def priority(result: Result, reason: QueueReason) -> float:
    """Return how soon a result is to be read; higher is sooner.

    That is the relative worth of its units times the chance that their code is wrong, what its flags and its reason weigh, and
    a little for doubt alone (``queue.toml``).
    """
    doubt = 1.0 - result.proposal.confidence
    money = math.fsum(_at_stake(service, doubt) for service in result.services)
    risk = math.fsum(QUEUE.severity[flag.severity] for flag in result.flags)
    # Doubt is greatest where right and wrong are equally likely.
    unsure = 2 * min(doubt, 1.0 - doubt)
    return money + risk + QUEUE.reason[reason] + QUEUE.doubt * unsure


def _at_stake(service: ServiceResult, doubt: float) -> float:
    """Return the worth that a wrong code of this block would move, times its chance."""
    units = 1.0 if service.minutes is None else service.minutes / UNIT_MINUTES
    worth = QUEUE.worth[service.code]
    others = {code: share for code, share in service.probabilities.items() if code != service.code}
    rest = math.fsum(others.values())
    apart = math.fsum(share * abs(worth - QUEUE.worth[code]) for code, share in others.items())
    return units * max(1.0 - service.confidence, doubt) * (apart / rest if rest > 0 else 0.0)


def variety(text: str, result: Result) -> str:
    """Return the group of near-twins that a note belongs to: 32 hexadecimal digits that tell nothing of its words.

    It is a hash of the proposed code, the flags, and the least hash of the text's shingles (MinHash with one permutation): two
    texts share that with the probability of their Jaccard similarity. Case, numbers and marks do not count.

    Examples
    --------
    >>> from models.note import Note
    >>> from models.coder import Coder
    >>> coder = Coder.load(profile="fast")
    >>> one, two = ("Ther ex x 15 min: SLR 3x10, bridging 2x10", "ther ex x 20 min: SLR 2x15, bridging 3x10.")
    >>> variety(one, coder.code(one)) == variety(two, coder.code(two))
    True
    """
    words = ["0" if word.isdigit() else word for word in _WORD.findall(text.lower())]
    width = QUEUE.shingle_words
    shingles = {" ".join(words[at : at + width]) for at in range(max(1, len(words) - width + 1))}
    least = min(hashlib.blake2b(shingle.encode("utf-8"), digest_size=16).digest() for shingle in shingles)
    flags = ",".join(sorted({flag.id for flag in result.flags if flag.severity != "info"}))
    kind = f"{result.proposal.code}|{flags}|".encode()
    return hashlib.blake2b(kind + least, digest_size=16).hexdigest()


def drawn(key: bytes, purpose: str, subject: str, share: float) -> bool:
    """Return whether ``subject`` is one of the ``share`` in [0, 1] drawn for a purpose; always the same for the same key.

    Without the clinic's key nobody can tell beforehand, so that no note can be written around the sample.
    """
    digest = hmac.digest(key, f"{purpose}:{subject}".encode(), "sha256")
    # 53 bits are what a float holds exactly, so that a share of 1 draws everything.
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53 < share
