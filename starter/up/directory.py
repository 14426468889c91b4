"""The data directory: who uses it now, at which addresses, and its first API key."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

DEFAULT = Path(".aftercare")
DEMO = DEFAULT / "demo"


class DirectoryError(Exception):
    """The data directory cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Addresses:
    """Where the parts of a running `aftercare up` answer."""

    web: int
    temporal: int
    temporal_ui: int
    host: str = "127.0.0.1"
    variables: Mapping[str, str] = field(default_factory=dict)  # what else commands must know

    @property
    def web_url(self) -> str:
        return f"http://{self.host}:{self.web}"

    @property
    def ui_url(self) -> str:
        return f"http://{self.host}:{self.temporal_ui}"

    @property
    def temporal_target(self) -> str:
        return f"{self.host}:{self.temporal}"


@dataclass(frozen=True)
class Directory:
    path: Path

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def temporal_db(self) -> Path:
        return self.path / "temporal.db"

    @property
    def fakes(self) -> Path:
        """What the fake providers keep."""
        return self.path / "fakes"

    @property
    def api_key(self) -> Path:
        return self.path / "api-key"

    def make(self) -> None:
        try:
            self.logs.mkdir(parents=True, exist_ok=True)
            self.path.chmod(0o700)  # it holds customers' data and a key
        except OSError as fault:
            raise DirectoryError(
                f"cannot write to the data directory {self.path}: {fault.strerror}. "
                "Name another one: --data DIR"
            ) from None

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Held by the one `aftercare up` that runs on it; the kernel lets go when that dies."""
        with (self.path / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise DirectoryError(
                    f"`aftercare up` already runs on {self.path}{self._where()}. Stop that one, "
                    "or name another directory: --data DIR"
                ) from None
            try:
                yield
            finally:
                self._addresses.unlink(missing_ok=True)

    def publish(self, addresses: Addresses, variables: Mapping[str, str]) -> None:
        """Tell commands in other terminals where the parts answer."""
        published = asdict(replace(addresses, variables=dict(variables)))
        self._addresses.write_text(json.dumps(published))

    def addresses(self) -> Addresses | None:
        """Where the parts answer, if `aftercare up` runs on this directory now."""
        try:
            with (self.path / "lock").open() as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            with contextlib.suppress(OSError, ValueError, TypeError):
                return Addresses(**json.loads(self._addresses.read_text()))
        except OSError:
            pass
        return None

    def write_key(self, secret: str) -> None:
        descriptor = os.open(self.api_key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secret + "\n")

    @property
    def _addresses(self) -> Path:
        return self.path / "addresses.json"

    def _where(self) -> str:
        with contextlib.suppress(OSError, ValueError, TypeError):
            return f" ({Addresses(**json.loads(self._addresses.read_text())).web_url})"
        return ""


def adopt(environment: Mapping[str, str]) -> dict[str, str]:
    """What a command in another terminal must know of the `aftercare up` that runs here.

    The demonstration has a directory of its own: it is meant when it alone runs and no other
    directory or database is named.
    """
    named = {"AFTERCARE_DATA", "AFTERCARE_DATABASE_URL"} & environment.keys()
    path = Path(environment.get("AFTERCARE_DATA", DEFAULT))
    found = Directory(path).addresses()
    if found is None and not named and (found := Directory(DEMO).addresses()):
        path = DEMO
    if found is None:
        return {}
    known = {"AFTERCARE_DATA": str(path), "AFTERCARE_PUBLIC_URL": found.web_url}
    known |= {"TEMPORAL_ADDRESS": found.temporal_target, **found.variables}
    return {name: value for name, value in known.items() if name not in environment}


def command() -> str:
    """What to type for this program."""
    return "aftercare" if shutil.which("aftercare") else ".venv/bin/aftercare"
