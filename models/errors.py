"""Errors of `models`, each a named class holding its data; none knows HTTP, none holds note text."""

from __future__ import annotations

from nlp.errors import TherapyCoderError


class UntrustedModel(TherapyCoderError):
    """A model's files are missing or do not match their manifest; nothing of it was loaded."""

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"The model at {path} was refused: {reason}")


class UnknownRisk(TherapyCoderError):
    """A risk that no threshold was fitted for; the message names those there are."""

    def __init__(self, risk: object, known: tuple[int, ...]) -> None:
        self.risk, self.known = risk, known
        super().__init__(f"no threshold was fitted for a risk of {risk} in 100; choose {', '.join(map(str, known))}")


class DatasetError(TherapyCoderError):
    """A labelled file cannot be used; the message names file, line (0: the whole file) and reason."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        self.file, self.line, self.reason = file, line, reason
        super().__init__(f"{file}, line {line}: {reason}" if line else f"{file}: {reason}")


class NotConvertible(TherapyCoderError):
    """A note labelled with another tool cannot become a labelled note; the message names note and reason."""

    def __init__(self, note: str, reason: str) -> None:
        self.note, self.reason = note, reason
        super().__init__(f"note {note}: {reason}")


class UnknownVersion(TherapyCoderError):
    """There is no model version of that name."""

    def __init__(self, version: str) -> None:
        self.version = version
        super().__init__("There is no model version of that name. See: therapy-coder models list")


class NothingToRollBack(TherapyCoderError):
    """No version served before the current one."""

    def __init__(self, version: str) -> None:
        self.version = version
        super().__init__(f"No version served before {version}.")


class NothingToLearn(TherapyCoderError):
    """There are too few reviewed notes to train on."""

    def __init__(self, found: int, needed: int) -> None:
        self.found, self.needed = found, needed
        super().__init__(f"{found} reviewed notes can train; at least {needed} are needed.")


class ModelsFolderError(TherapyCoderError):
    """The folder of model versions cannot be written to; the version that serves goes on."""

    def __init__(self, folder: str, reason: str) -> None:
        self.folder, self.reason = folder, reason
        super().__init__(f"The models folder {folder} cannot be written to: {reason}. The version that serves goes on.")


class ModelsFolderFull(ModelsFolderError):
    """Its disk, or that of temporary files, is full."""

    def __init__(self, folder: str) -> None:
        super().__init__(folder, "the disk, or that of temporary files, is full; make room and try again")


class ModelsFolderReadOnly(ModelsFolderError):
    """It takes no writes."""

    def __init__(self, folder: str) -> None:
        super().__init__(folder, "it takes no writes; give the program's user the right to write there, and try again")


class NoTrainingPackages(TherapyCoderError):
    """The encoder was to be trained, and what that takes is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "Training the encoder takes the packages of requirements-train.txt and requirements-encoder.txt, which are not "
            "installed on the server. Install them, or retrain without the encoder."
        )
