"""vnroute's settings: one file, ``vnroute.toml``, and the environment over it.

Every setting has a default, so that vnroute runs without any. Each may be set in the file as
``[section] name`` and by the environment variable ``VNROUTE_SECTION_NAME``, which wins; lists are
written with commas there. The file is ``vnroute.toml`` in the working directory, or what
``--config`` or ``VNROUTE_CONFIG`` names. Relative paths in the file are relative to the file's
directory, in the environment to the working directory.
"""

from __future__ import annotations

import ipaddress
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin
from urllib.parse import urlsplit

import msgspec

from vnroute.model.problem import FieldError, Problem

__all__ = [
    "CdrSettings",
    "ControlSettings",
    "DipSettings",
    "FraudSettings",
    "HealthSettings",
    "LogSettings",
    "OtelSettings",
    "RoutingSettings",
    "ServerSettings",
    "Settings",
    "SettingsError",
    "StoreSettings",
    "SwitchSettings",
    "load_settings",
]

FILE_NAME = "vnroute.toml"
HOME_VARIABLE = "VNROUTE_HOME"
CONFIG_VARIABLE = "VNROUTE_CONFIG"


class SettingsError(Exception):
    """Settings were refused; ``problems`` name the file and line, or the variable."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def _check_range(name: str, value: float, low: float, high: float, unit: str = "") -> None:
    if not low <= value <= high:
        raise FieldError(name, str(value), f"{low} to {high}{' ' + unit if unit else ''}")


def _check_host(host: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9.:_-]{1,253}", host, re.ASCII):
        raise FieldError("host", repr(host), 'an address or a host name, such as "127.0.0.1"')


def _check_network(network: str, field: str) -> None:
    try:
        ipaddress.ip_network(network)
    except ValueError:
        expected = 'a network such as "10.0.0.0/8", without bits beyond its length'
        raise FieldError(field, repr(network), expected) from None


def _check_calls_address(url: str) -> None:
    if not url:
        return
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme != "postgresql" or not parts.path.strip("/"):
        # Without what may be a password.
        found = repr(f"{parts.scheme}:…") if parts.scheme else "no address"
        raise FieldError("store", found, "an address such as postgresql://vnroute@127.0.0.1/calls")
    if parts.password or "password=" in parts.query:
        # It would stand in process lists, logs and "vnroute settings".
        expected = "an address without one: passwords belong in ~/.pgpass or PGPASSWORD"
        raise FieldError("store", "a password", expected)


def _check_http(field: str, url: str, example: str, *, asked: str = "", named: str = "") -> None:
    """Refuse what is no HTTP address, or one without ``asked`` in it, or with a password."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, good = urlsplit(""), False
    if parts.username or parts.password:
        # It would stand in process lists, logs and "vnroute settings".
        raise FieldError(field, "a name or password", f"an address without them{named}")
    if not good or not re.fullmatch(r"[!-~]+", url) or asked not in parts.path + parts.query:
        raise FieldError(field, repr(url.partition("?")[0]), f"an address such as {example}")


def _is_loopback(host: str | None) -> bool:
    """Return whether what is sent to a host does not leave this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _check_webhook(url: str, secret_file: str) -> None:
    if not url:
        return
    signed = ": requests are signed"
    _check_http("webhook", url, "https://example.com/calls", named=signed)
    if not secret_file:
        expected = "webhook_secret_file beside it: requests are signed"
        raise FieldError("webhook", "no secret for it", expected)
    if not secret_file.startswith("/"):
        raise FieldError("webhook_secret_file", repr(secret_file), "an absolute path")


class ServerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[server]``: the Event Socket server to which FreeSWITCH's ``socket`` connects."""

    host: str = "127.0.0.1"
    """Address to listen on. FreeSWITCH's protocol has no password: keep it inside."""
    port: int = 8084
    """TCP port to listen on; 0 takes any that is free."""
    workers: int = 0
    """Worker processes; 0 is one for each core."""
    backlog: int = 4096
    """Connections that may wait to be accepted, for each worker; somaxconn caps it."""
    allow: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    """Networks that may connect; all others are closed at once."""
    max_bytes: int = 11_000_000
    """Bytes that one connection may send, headers and body."""
    max_seconds: float = 10.0
    """Seconds that one connection may last."""
    max_connections: int = 20_000
    """Connections open at a time, for each worker; more are closed at once."""

    def __post_init__(self) -> None:
        _check_host(self.host)
        _check_range("port", self.port, 0, 65535)
        _check_range("workers", self.workers, 0, 1024)
        _check_range("backlog", self.backlog, 1, 65535)
        for position, network in enumerate(self.allow):
            _check_network(network, f"allow[{position}]")
        _check_range("max_bytes", self.max_bytes, 16_384, 1_000_000_000, "bytes")
        _check_range("max_seconds", self.max_seconds, 0.1, 3600, "seconds")
        _check_range("max_connections", self.max_connections, 1, 1_000_000)


class RoutingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[routing]``: how calls are routed."""

    horizon_years: int = 3
    """Years ahead for which schedules are worked out when a route image is compiled."""
    max_attempts: int = 6
    """Gateways tried for one target, over all its carriers."""
    max_hops: int = 5
    """How often a call may be forwarded among our own numbers."""

    def __post_init__(self) -> None:
        _check_range("horizon_years", self.horizon_years, 1, 20, "years")
        _check_range("max_attempts", self.max_attempts, 1, 32)
        _check_range("max_hops", self.max_hops, 0, 70)


class StoreSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[store]``: where routing data rests."""

    url: str = ""
    """Address of the store; empty is the SQLite database ``routing.db`` in vnroute's home."""


class ControlSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[control]``: the HTTP address of the control process (console, metrics, CDRs)."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = 8085
    """TCP port to listen on; 0 runs no control process."""
    names: tuple[str, ...] = ()
    """Host names by which browsers may ask for it, such as a proxy's; addresses and localhost may
    always. All others are refused, so that no web page reads the console by DNS rebinding."""
    tls_certificate: str = ""
    """File of a certificate (PEM, with its chain), to serve HTTPS; absolute, as is the key's."""
    tls_key: str = ""
    """File of the certificate's private key (PEM)."""
    requests_per_second: int = 200
    """Requests to the API that one key or user may make a second; more are answered with 429."""

    def __post_init__(self) -> None:
        _check_host(self.host)
        _check_range("port", self.port, 0, 65535)
        for name in self.names:
            _check_host(name)
        if bool(self.tls_certificate) != bool(self.tls_key):
            missing = "tls_key" if self.tls_certificate else "tls_certificate"
            raise FieldError(missing, "nothing", "both the certificate and its key, or neither")
        for name, file in (("tls_certificate", self.tls_certificate), ("tls_key", self.tls_key)):
            if file and not file.startswith("/"):
                raise FieldError(name, repr(file), "an absolute path")
        _check_range("requests_per_second", self.requests_per_second, 1, 100_000)

    @property
    def scheme(self) -> str:
        """``https`` where there is a certificate."""
        return "https" if self.tls_certificate else "http"


class CdrSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[cdr]``: the call records that FreeSWITCH's mod_json_cdr posts to the control process."""

    allow: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    """Networks that may post; all others are refused."""
    max_bytes: int = 4_000_000
    """Bytes that one record may have."""
    collect: tuple[str, ...] = ()
    """Directories where FreeSWITCH on this machine leaves records it could not post
    (mod_json_cdr's err-log-dir); they are taken in and removed. Absolute paths."""
    store: str = ""
    """Where calls are stored: ``postgresql://USER@HOST/DATABASE``, which several nodes may share;
    empty is the SQLite database ``cdr.db`` in vnroute's home."""
    receive: tuple[str, ...] = ()
    """Numbers for which we pay to be called, such as toll-free ones: ``+1800=OWNER`` for a prefix,
    where the deck of the account OWNER says what a minute costs by the caller's number."""
    keep_days: int = 400
    """Days that calls are kept, 0 for ever. The sums that reports read stay."""
    archive_days: int = 0
    """Days after which calls move into Parquet files, ``archive/`` in vnroute's home; 0: never."""
    archive_keep_days: int = 0
    """Days that those files are kept, 0 for ever."""
    webhook: str = ""
    """Address to which finished calls are posted, in batches of JSON; empty posts none."""
    webhook_secret_file: str = ""
    """File with the secret by which they are signed, 16 bytes or more. An absolute path."""

    def __post_init__(self) -> None:
        _check_webhook(self.webhook, self.webhook_secret_file)
        for position, network in enumerate(self.allow):
            _check_network(network, f"allow[{position}]")
        for position, directory in enumerate(self.collect):
            if not directory.startswith("/"):
                raise FieldError(f"collect[{position}]", repr(directory), "an absolute path")
        _check_range("max_bytes", self.max_bytes, 16_384, 50_000_000, "bytes")
        _check_calls_address(self.store)
        for position, entry in enumerate(self.receive):
            if not re.fullmatch(r"\+[0-9]{1,15}=[A-Za-z0-9][A-Za-z0-9._-]*", entry, re.ASCII):
                raise FieldError(
                    f"receive[{position}]",
                    repr(entry),
                    "a prefix and an account: +1800=tollfree-in",
                )
        for name in ("keep_days", "archive_days", "archive_keep_days"):
            _check_range(name, getattr(self, name), 0, 36_500, "days")
        for name in ("keep_days", "archive_keep_days"):
            if self.archive_days and 0 < getattr(self, name) <= self.archive_days:
                expected = f"0, or more than cdr.archive_days ({self.archive_days})"
                raise FieldError(name, str(getattr(self, name)), expected)

    @property
    def receive_decks(self) -> dict[str, str]:
        """Return ``receive`` as prefix digits and the deck's owner."""
        return dict(entry[1:].split("=", 1) for entry in self.receive)


class FraudSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[fraud]``: rules over what accounts spend and where they call."""

    rules: str = ""
    """File of rules (YAML), read again when it changes; empty watches nothing. An absolute path."""
    webhook: str = ""
    """Address to which hits are posted, as JSON; empty posts none."""
    webhook_secret_file: str = ""
    """File with the secret by which they are signed, 16 bytes or more. An absolute path."""

    def __post_init__(self) -> None:
        _check_webhook(self.webhook, self.webhook_secret_file)
        if self.rules and not self.rules.startswith("/"):
            raise FieldError("rules", repr(self.rules), "an absolute path")
        if self.webhook and not self.rules:
            raise FieldError("webhook", repr(self.webhook), "rules beside it")


class HealthSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[health]``: when a gateway takes no more calls, and when it does again."""

    poll_seconds: float = 0.25
    """Seconds between two questions to a switch about its gateways, more where answers are long."""
    recycle_seconds: float = 3600.0
    """Seconds after which the process of a control connection is renewed: python-ESL may leak."""
    open_seconds: float = 5.0
    """Seconds for which a gateway takes no calls the first time; doubled each time after."""
    open_most_seconds: float = 300.0
    """The most that doubling comes to."""
    failures: int = 5
    """Failed legs in a row, as call records tell them, that open a gateway's breaker; 0: never."""
    short_seconds: float = 0.0
    """An answered call is short below this; nearly all of the last 30 short opens the breaker. 0:
    never, since load tests and some services hang up soon by nature."""
    pdd_seconds: float = 0.0
    """Median post-dial delay of the last 20 calls above which the breaker opens; 0: never."""
    window_minutes: int = 60
    """Minutes over which a carrier's quality is reckoned."""

    def __post_init__(self) -> None:
        _check_range("poll_seconds", self.poll_seconds, 0.1, 60, "seconds")
        _check_range("recycle_seconds", self.recycle_seconds, 1, 86400, "seconds")
        _check_range("open_seconds", self.open_seconds, 1, 3600, "seconds")
        _check_range("open_most_seconds", self.open_most_seconds, 1, 86400, "seconds")
        if self.failures:
            _check_range("failures", self.failures, 2, 1000)
        _check_range("short_seconds", self.short_seconds, 0, 60, "seconds")
        _check_range("pdd_seconds", self.pdd_seconds, 0, 120, "seconds")
        _check_range("window_minutes", self.window_minutes, 1, 1440, "minutes")


class DipSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[dips]``: who is asked for routing numbers that the table of ported numbers lacks."""

    http: str = ""
    """Address of a service, ``{number}`` in place of the number: ``http://127.0.0.1:8090/{number}``."""
    authorization: Literal["", "bearer", "basic"] = ""
    """How that service is told who asks, in the header Authorization; empty says nothing."""
    secret_file: str = ""
    """File with a bearer's token, or NAME:PASSWORD for ``basic``. An absolute path."""
    secret_in_clear: bool = False
    """Whether that may go over plain http to another machine, where whoever is between reads it."""
    enum: str = ""
    """Domain below which NAPTR records lie (ENUM): ``e164.arpa``, or one's own."""
    resolver: str = "127.0.0.1:53"
    """``host:port`` of the DNS server for ``enum``; an address, not a name."""
    deadline_ms: int = 50
    """Milliseconds that a call waits at most; then it is routed on the dialled number."""
    ported_seconds: float = 3600.0
    """Seconds for which an answer with a routing number is kept; a lower TTL of the DNS wins."""
    unported_seconds: float = 600.0
    """The same of an answer that the number is not ported."""
    most_kept: int = 100_000
    """Answers kept, for each worker."""

    def __post_init__(self) -> None:
        if self.http and self.enum:
            raise FieldError("enum", repr(self.enum), "one of http and enum")
        if self.http:
            _check_http("http", self.http, "http://127.0.0.1:8090/{number}", asked="{number}")
        self._check_authorization()
        label = "[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
        if self.enum and not (
            len(self.enum) <= 200 and re.fullmatch(rf"{label}(\.{label})*\.?", self.enum, re.ASCII)
        ):
            raise FieldError("enum", repr(self.enum), "a domain such as e164.arpa")
        host, colon, port = self.resolver.rpartition(":")
        try:
            ipaddress.ip_address(host.strip("[]"))
            good = bool(colon) and port.isascii() and port.isdigit() and 1 <= int(port) <= 65535
        except ValueError:
            good = False
        if not good:
            raise FieldError("resolver", repr(self.resolver), "an address such as 127.0.0.1:53")
        _check_range("deadline_ms", self.deadline_ms, 1, 1000, "milliseconds")
        _check_range("ported_seconds", self.ported_seconds, 1, 2_592_000, "seconds")
        _check_range("unported_seconds", self.unported_seconds, 1, 2_592_000, "seconds")
        _check_range("most_kept", self.most_kept, 1, 10_000_000)

    def _check_authorization(self) -> None:
        if not self.authorization:
            if self.secret_file:
                raise FieldError("authorization", "nothing", "bearer or basic, beside secret_file")
            return
        if not self.http:
            raise FieldError("authorization", repr(self.authorization), "http beside it")
        if not self.secret_file.startswith("/"):
            found = repr(self.secret_file) if self.secret_file else "nothing"
            raise FieldError("secret_file", found, "an absolute path")
        parts = urlsplit(self.http)
        if parts.scheme == "http" and not _is_loopback(parts.hostname) and not self.secret_in_clear:
            found = f"false, and a secret for http to {parts.hostname}"
            raise FieldError("secret_in_clear", found, "https, a service on this machine, or true")


class SwitchSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[[switches]]``: the Event Socket of a FreeSWITCH, to which the control connection goes."""

    name: str
    """What to call it: in the log, in metrics; best its ``switchname``, which call records bear."""
    address: str = "127.0.0.1:8021"
    """``host:port`` of its mod_event_socket."""
    password: str = ""
    """Its password, where ``password_file`` does not name a file that holds it."""
    password_file: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", self.name, re.ASCII):
            raise FieldError("name", repr(self.name), "letters, digits, dots and dashes")
        host, colon, port = self.address.rpartition(":")
        if not colon or not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
            raise FieldError("address", repr(self.address), 'host:port, such as "127.0.0.1:8021"')
        _check_host(host.strip("[]"))
        if bool(self.password) == bool(self.password_file):
            found = "both" if self.password else "neither"
            raise FieldError("password", found, "one of password and password_file")
        if any(character in self.password for character in "\r\n\0"):
            raise FieldError("password", "a line end", "one line")

    @property
    def host(self) -> str:
        """The host of the address."""
        return self.address.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port of the address."""
        return int(self.address.rpartition(":")[2])


class OtelSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[otel]``: OpenTelemetry traces of the control process, and of calls by their records."""

    endpoint: str = ""
    """Where spans go, by OTLP over HTTP, such as ``http://127.0.0.1:4318/v1/traces``; empty: none
    are made."""
    one_in: int = 1
    """Of so many spans one is kept."""

    def __post_init__(self) -> None:
        if self.endpoint and not re.fullmatch(
            r"https?://[A-Za-z0-9.:_\[\]-]+(/[!-~]*)?", self.endpoint, re.ASCII
        ):
            expected = "an address such as http://127.0.0.1:4318/v1/traces, without a password"
            raise FieldError("endpoint", repr(self.endpoint.partition("@")[2] or "…"), expected)
        _check_range("one_in", self.one_in, 1, 1_000_000)


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[log]``: what is logged, and how, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is logged."""
    format: Literal["console", "json"] = "console"
    """``console`` for people, ``json`` (an object a line) for machines."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All settings. ``home`` is ``home`` at the top of the file, or ``VNROUTE_HOME``."""

    home: Path = Path("var")
    """Directory of all that vnroute writes."""
    server: ServerSettings = ServerSettings()
    routing: RoutingSettings = RoutingSettings()
    store: StoreSettings = StoreSettings()
    control: ControlSettings = ControlSettings()
    cdr: CdrSettings = CdrSettings()
    fraud: FraudSettings = FraudSettings()
    health: HealthSettings = HealthSettings()
    dips: DipSettings = DipSettings()
    otel: OtelSettings = OtelSettings()
    log: LogSettings = LogSettings()
    switches: tuple[SwitchSettings, ...] = ()

    @classmethod
    def load(cls, config_path: Path | None, environ: Mapping[str, str]) -> Settings:
        """Return the settings in force; raise :class:`SettingsError` with all that is wrong.

        ``config_path`` None looks at ``VNROUTE_CONFIG``, then for ``vnroute.toml``.
        """
        return load_settings(config_path, environ)[0]

    @property
    def store_address(self) -> str:
        """What :func:`vnroute.store.open_store` takes."""
        return self.store.url or str(self.home)

    @property
    def calls_address(self) -> str:
        """What :func:`vnroute.calls.opening.open_calls` takes."""
        return self.cdr.store or str(self.home)

    @property
    def images(self) -> Path:
        """Directory of route images."""
        return self.home / "images"

    @property
    def spool(self) -> Path:
        """Directory of what waits to be stored, such as CDRs."""
        return self.home / "spool"

    @property
    def here_spool(self) -> Path:
        """Directory of what known phones said, for the control process to put in force."""
        return self.spool / "here"

    @property
    def state(self) -> Path:
        """Directory of what running processes share and leave."""
        return self.home / "state"

    @property
    def state_page(self) -> Path:
        """The state page: what is true right now of gateways, schedules, accounts and so on."""
        return self.state / "state.page"

    @property
    def fraud_memory(self) -> Path:
        """The file of hits of fraud rules."""
        return self.state / "fraud.json"


_SECTIONS: dict[str, type[msgspec.Struct]] = {
    "server": ServerSettings,
    "routing": RoutingSettings,
    "store": StoreSettings,
    "control": ControlSettings,
    "cdr": CdrSettings,
    "fraud": FraudSettings,
    "health": HealthSettings,
    "dips": DipSettings,
    "otel": OtelSettings,
    "log": LogSettings,
}


def load_settings(
    config_path: Path | None, environ: Mapping[str, str]
) -> tuple[Settings, dict[str, str]]:
    """Return the settings in force, and the origin of each by its name (``server.port``).

    An origin is ``default``, ``FILE:LINE`` or a variable's name. Raises :class:`SettingsError`.
    """
    reading = _Reading()
    if config_path is None and environ.get(CONFIG_VARIABLE):
        config_path = Path(environ[CONFIG_VARIABLE])
    if config_path is not None or Path(FILE_NAME).is_file():
        reading.read_file(config_path or Path(FILE_NAME))
    reading.read_environment(environ)
    return reading.finish()


class _Reading:
    """Values as they come, by name, and where from."""

    def __init__(self) -> None:
        self.values: dict[str, dict[str, Any]] = {section: {} for section in _SECTIONS}
        self.home = Settings().home
        self.origins: dict[str, tuple[str, int]] = {}
        self.problems: list[Problem] = []
        self.switches: tuple[SwitchSettings, ...] = ()

    def read_file(self, path: Path) -> None:
        file = str(path)
        try:
            text = path.read_bytes().decode("utf-8")
            content = tomllib.loads(text)
        except OSError as error:
            found = (error.strerror or str(error)).lower()
            self.problems.append(Problem(file, 0, "file", found, "a settings file"))
            return
        except UnicodeDecodeError as error:
            self.problems.append(Problem(file, 0, "file", str(error.reason), "UTF-8 text"))
            return
        except tomllib.TOMLDecodeError as error:
            words = re.sub(r" \(at .*\)$", "", str(error))
            at = re.search(r"at line (\d+)", str(error))
            # Where the text ends too soon, it is the last line.
            line = int(at[1]) if at else len(text.splitlines())
            self.problems.append(Problem(file, line, "file", words.lower(), "TOML"))
            return
        for section, entries in content.items():
            line = _line_of(text, "", section)
            if section == "home":
                if isinstance(entries, str) and entries:
                    self.home = path.parent / entries
                    self.origins["home"] = (file, line)
                else:
                    self.problems.append(Problem(file, line, "home", repr(entries), "a path"))
            elif section == "switches":
                self._take_switches(entries, file, line)
            elif section not in _SECTIONS:
                expected = f"home, switches or one of the sections {', '.join(_SECTIONS)}"
                self.problems.append(Problem(file, line, section, "an unknown name", expected))
            elif not isinstance(entries, dict):
                expected = f"a section: [{section}]"
                self.problems.append(Problem(file, line, section, repr(entries), expected))
            else:
                for name, value in entries.items():
                    self._take(section, name, value, (file, _line_of(text, section, name)), True)

    def read_environment(self, environ: Mapping[str, str]) -> None:
        for variable, text in sorted(environ.items()):
            section, _, name = variable.removeprefix("VNROUTE_").lower().partition("_")
            if variable == HOME_VARIABLE:
                if text:
                    self.home = Path(text)
                    self.origins["home"] = (variable, 0)
            elif variable.startswith("VNROUTE_") and section in _SECTIONS and name:
                value: Any = text
                if name in (fields := _field_types(section)) and _is_list(fields[name]):
                    value = [item.strip() for item in text.split(",") if item.strip()]
                self._take(section, name, value, (variable, 0), False)

    def _take_switches(self, entries: Any, file: str, line: int) -> None:
        """Read [[switches]]; line is that of the first."""
        found: list[SwitchSettings] = []
        if not isinstance(entries, list):
            expected = "tables: [[switches]]"
            self.problems.append(Problem(file, line, "switches", repr(entries), expected))
            return
        for place, entry in enumerate(entries):
            path = f"switches[{place}]"
            try:
                found.append(msgspec.convert(entry, SwitchSettings))
            except FieldError as error:
                self.problems.append(
                    Problem(file, line, f"{path}.{error.field}", error.found, error.expected)
                )
            except msgspec.ValidationError as error:
                cause = error.__cause__
                if isinstance(cause, FieldError):
                    self.problems.append(
                        Problem(file, line, f"{path}.{cause.field}", cause.found, cause.expected)
                    )
                else:
                    names = ", ".join(SwitchSettings.__struct_fields__)
                    self.problems.append(Problem(file, line, path, str(error), names))
        names_seen = [switch.name for switch in found]
        for name in sorted({name for name in names_seen if names_seen.count(name) > 1}):
            self.problems.append(Problem(file, line, "switches", f"{name} twice", "one each"))
        self.switches = tuple(found)
        self.origins["switches"] = (file, line)

    def _take(
        self, section: str, name: str, value: Any, origin: tuple[str, int], strict: bool
    ) -> None:
        fields = _field_types(section)
        path = f"{section}.{name}"
        if name not in fields:
            expected = f"one of {', '.join(fields)}"
            self.problems.append(Problem(*origin, path, "an unknown name", expected))
            return
        try:
            self.values[section][name] = msgspec.convert(value, fields[name], strict=strict)
            self.origins[path] = origin
        except msgspec.ValidationError:
            expected = _expected(fields[name])
            self.problems.append(Problem(*origin, path, repr(value), expected))

    def finish(self) -> tuple[Settings, dict[str, str]]:
        sections: dict[str, Any] = {}
        for section, kind in _SECTIONS.items():
            values = self.values[section]
            wrong: set[str] = set()
            while True:
                try:
                    sections[section] = kind(**values)
                    break
                except FieldError as error:
                    # Mended, so that what is wrong behind it is told as well.
                    name = error.field.partition("[")[0]
                    path = f"{section}.{error.field}"
                    if name in wrong:
                        break  # without it, it is wrong as well
                    wrong.add(name)
                    origin = self.origins.get(f"{section}.{name}", (section, 0))
                    self.problems.append(Problem(*origin, path, error.found, error.expected))
                    values.pop(name, None)
        if self.problems:
            raise SettingsError(self.problems)
        settings = Settings(home=self.home, switches=self.switches, **sections)
        names = ["home", "switches"]
        names += [f"{section}.{name}" for section in _SECTIONS for name in _field_types(section)]
        told = {}
        for name in names:
            file, line = self.origins.get(name, ("default", 0))
            told[name] = f"{file}:{line}" if line else file
        return settings, told


def _field_types(section: str) -> dict[str, Any]:
    return {field.name: field.type for field in msgspec.structs.fields(_SECTIONS[section])}


def _is_list(kind: Any) -> bool:
    return get_origin(kind) is tuple


def _expected(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return " or ".join(get_args(kind))
    if _is_list(kind):
        return "a list of texts"
    return {int: "a whole number", float: "a number", str: "text", bool: "true or false"}.get(
        kind, "another value"
    )


def _line_of(text: str, section: str, name: str) -> int:
    """Return the line where a TOML file sets ``[section] name``; tomllib does not tell."""
    current = ""
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[\s*\"?([^\]\"]+?)\"?\s*\]", line)
        if header:
            current = header[1]
            if not section and current.split(".")[0] == name:
                return number
            continue
        key = re.match(r"\s*([^=#]+?)\s*=", line)
        if key:
            dotted = (f"{current}." if current else "") + key[1].replace('"', "").replace(" ", "")
            wanted = f"{section}.{name}" if section else name
            if dotted == wanted or dotted.startswith(wanted + "."):
                return number
            # server = { port = 1 }
            if section and dotted == section and re.search(rf"\b{re.escape(name)}\b", line):
                return number
    return 0
