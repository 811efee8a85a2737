"""What the database, the audit trail and the people's accounts refuse: named classes that hold data, never a note's text.

Examples
--------
>>> print(SchemaBehind("r0001", "r0002"))
The database is at step r0001, this program needs r0002. Run: therapy-coder db upgrade
"""

from __future__ import annotations

from nlp.errors import TherapyCoderError


class StorageError(TherapyCoderError):
    """Base of what can be wrong with the database itself; ``where`` is its address without a password."""


class DatabaseUnavailable(StorageError):
    """The database cannot be reached."""

    def __init__(self, where: str, reason: str) -> None:
        self.where, self.reason = where, reason
        super().__init__(f"The database {where} cannot be reached: {reason}.")


class DatabaseBusy(StorageError):
    """Another writer held the database for longer than we wait, or a deadlock was broken; trying again may work."""

    def __init__(self, where: str) -> None:
        self.where = where
        super().__init__(f"The database {where} is busy. Try again.")


class DatabaseReadOnly(StorageError):
    """The database takes no writes."""

    def __init__(self, where: str) -> None:
        self.where = where
        super().__init__(f"The database {where} is read-only. Check its permissions, or whether it is a standby.")


class DatabaseFull(StorageError):
    """The disk that the database lies on is full; nothing of the change was kept."""

    def __init__(self, where: str) -> None:
        self.where = where
        super().__init__(f"The disk of the database {where} is full. Nothing was changed; make room and try again.")


class DatabaseCorrupt(StorageError):
    """The file is no database, or is damaged."""

    def __init__(self, where: str) -> None:
        self.where = where
        super().__init__(f"{where} is no intact database. Restore a backup: therapy-coder db restore")


class DatabaseFailed(StorageError):
    """The database refused for a reason that has no class of its own; ``code`` is the engine's own code for it."""

    def __init__(self, where: str, code: str) -> None:
        self.where, self.code = where, code
        super().__init__(f"The database {where} failed (code {code}).")


class SchemaMissing(StorageError):
    """There is no database yet, or it has no tables."""

    def __init__(self, where: str) -> None:
        self.where = where
        super().__init__(f"There is no database at {where} yet. Run: therapy-coder db upgrade")


class SchemaBehind(StorageError):
    """The database is older than the program."""

    def __init__(self, found: str, wanted: str) -> None:
        self.found, self.wanted = found, wanted
        super().__init__(f"The database is at step {found}, this program needs {wanted}. Run: therapy-coder db upgrade")


class SchemaAhead(StorageError):
    """The database was made by a newer program."""

    def __init__(self, found: str, wanted: str) -> None:
        self.found, self.wanted = found, wanted
        super().__init__(f"The database is at step {found}, which this program ({wanted}) does not know. Update it.")


class AppendOnly(StorageError):
    """A row of an append-only table was to be changed or deleted."""

    def __init__(self) -> None:
        super().__init__("Reviews and audit rows are never changed or deleted.")


class RowRefused(StorageError):
    """A row broke a rule of the tables (unknown reference, taken name, wrong value); ``rule`` names it where known."""

    def __init__(self, rule: str) -> None:
        self.rule = rule
        super().__init__(f"The database refused a row: {rule}.")


class BackupRefused(TherapyCoderError):
    """A backup or a restore cannot be made; nothing was changed."""

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path}: {reason}")


class NotPlain(TherapyCoderError):
    """A value holds what may be words of a note and would be kept for ever; ``path`` is where in it."""

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path or 'The value'} {reason}; reviews and audit rows hold ids, numbers and names alone.")


class UnknownClinic(TherapyCoderError):
    """There is no such clinic."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"There is no clinic {name!r}. See: therapy-coder clinics list")


class WhichClinic(TherapyCoderError):
    """There is no clinic yet, or there are several and none was named."""

    def __init__(self, count: int) -> None:
        self.count = count
        super().__init__(
            f"There are {count} clinics: say which with --clinic."
            if count
            else "There is no clinic yet. Add one: therapy-coder clinics add NAME"
        )


class NameTaken(TherapyCoderError):
    """A clinic, a person or a key of that name is there already."""

    def __init__(self, kind: str, name: str) -> None:
        self.kind, self.name = kind, name
        super().__init__(f"There is already a {kind} {name!r}.")


class UnknownPerson(TherapyCoderError):
    """The clinic has no such person."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"The clinic has no person {name!r}. See: therapy-coder people list")


class UnknownKey(TherapyCoderError):
    """The clinic has no such API key that still works."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"The clinic has no working key {name!r}. See: therapy-coder keys list")


class UnknownRow(TherapyCoderError):
    """The clinic has no such note, result or review (it may be another clinic's: no difference is told)."""

    def __init__(self, kind: str, id: str) -> None:
        self.kind, self.id = kind, id
        super().__init__(f"The clinic has no {kind} {id}.")


class NotePurged(TherapyCoderError):
    """The note's text was purged; its hash and what was decided remain."""

    def __init__(self, id: str) -> None:
        self.id = id
        super().__init__(f"The text of note {id} was purged.")


class ClaimLost(TherapyCoderError):
    """A claim is not the caller's, or not any more: its lease lapsed and somebody else claimed, or it was decided or released."""

    def __init__(self, id: str) -> None:
        self.id = id
        super().__init__(f"Queue entry {id} is not claimed by you under this number any more. Claim it again.")


class NotClaimable(TherapyCoderError):
    """A queue entry cannot be claimed, decided, answered or taken back as it stands now."""

    def __init__(self, id: str, reason: str) -> None:
        self.id, self.reason = id, reason
        super().__init__(f"Queue entry {id}: {reason}.")


class PersonDisabled(TherapyCoderError):
    """A link was to be made for somebody whose account is disabled: it would open nothing."""

    def __init__(self) -> None:
        super().__init__(
            "This account is disabled. Enable it first (page People and keys, or therapy-coder people enable), then make the link."
        )


class SignsInElsewhere(TherapyCoderError):
    """Something was to be done that needs a sign-in in this clinic, of a person who uses that of another one."""

    def __init__(self) -> None:
        super().__init__(
            "This person signs in with an account of another clinic, and reads the queue here, no more. Password and links are "
            "made there. For an account of their own here, whoever runs the server unlinks them: therapy-coder people unlink."
        )


class LinkRefused(TherapyCoderError):
    """A person cannot sign in with that account of another clinic, or does not."""

    def __init__(self, login: str, reason: str) -> None:
        self.login, self.reason = login, reason
        super().__init__(f"{login!r}: {reason}. Nothing was changed.")


class LastAdmin(TherapyCoderError):
    """The clinic would be left without anybody who can manage its people."""

    def __init__(self) -> None:
        super().__init__("This is the clinic's last admin. Add another one first.")


class BadName(TherapyCoderError):
    """A name has characters that it may not have."""

    def __init__(self, kind: str, rule: str) -> None:
        self.kind, self.rule = kind, rule
        super().__init__(f"This is no name for a {kind}: {rule}.")


class WeakPassword(TherapyCoderError):
    """A password is too short or too long, or is the person's own name."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"Choose another password: {reason}.")


class SignInRefused(TherapyCoderError):
    """Name or password, link, session or key was not accepted; the message never says which part was wrong."""

    def __init__(self) -> None:
        super().__init__("This sign-in is not valid, or not any more.")


class TooManyTries(TherapyCoderError):
    """Sign-in to an account is shut for a while after wrong passwords."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(f"Too many wrong passwords. Try again in {seconds} seconds.")


class ScopeMissing(TherapyCoderError):
    """An API key is valid, but not for this."""

    def __init__(self, scope: str) -> None:
        self.scope = scope
        super().__init__(f"This key is not allowed to do that: it lacks the scope {scope}.")


class NoTrainer(TherapyCoderError):
    """Somebody who is no trainer was to answer for a change of the model or of what it learns from."""

    def __init__(self, login: str) -> None:
        self.login = login
        super().__init__(f"{login!r} is no working trainer or admin. Give the role: therapy-coder people set-role")


class JobRunning(TherapyCoderError):
    """A job of this kind waits or runs already."""

    def __init__(self, id: str) -> None:
        self.id = id
        super().__init__(f"Job {id} waits or runs; one retrains at a time. Wait for it or cancel it.")


class NoVerdict(TherapyCoderError):
    """A version may not serve: the gate did not let it pass."""

    def __init__(self, version: str, reason: str) -> None:
        self.version, self.reason = version, reason
        super().__init__(
            f"{version} may not serve: {reason.rstrip('.')}. Judge it: therapy-coder models gate {version}"
        )
