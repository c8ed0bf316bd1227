"""Every error the twin raises on purpose.

TwinError
├── BadInput            the caller sent something we refuse
│   ├── BadLayer        a layer.toml that breaks its contract
│   ├── BadMessage      one message of a source; carries a `reason` that is counted
│   ├── BadBase         a base-data file that must not be half-loaded
│   ├── BadNetwork      streets that no traffic can run on; names the links
│   └── BadScenario     a scenario, or the ground for it, that cannot be simulated
├── NotFound            no such layer, asset, datastream, tile
├── Conflict            what is asked for does not fit the state that the thing is in
├── Refused             the caller may not see this
└── Unavailable         a part we need is not answering (database, broker, ingest)
    └── MissingPackage  a Debian package has to be installed first
"""


class TwinError(Exception):
    """Base of the tree; its text says what, the value with its unit, the limit, and where."""


class BadInput(TwinError):
    """The caller sent something we refuse."""


class BadLayer(BadInput):
    """A layer.toml that breaks its contract."""


class BadMessage(BadInput):
    """One message (or one row of it) that cannot become observations.

    Parameters
    ----------
    reason
        Short machine word under which it is counted, e.g. `unknown_asset`.
    text
        What, the value with its unit, the limit, and where.
    """

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class BadBase(BadInput):
    """A base-data file that must not be half-loaded."""


class BadNetwork(BadInput):
    """Streets that no traffic can run on; the text names the links."""


class BadScenario(BadInput):
    """A scenario, or the ground for it, that cannot be simulated."""


class NotFound(TwinError):
    """No such layer, asset, datastream or tile."""


class Conflict(TwinError):
    """What is asked for does not fit the state that the thing is in."""


class Refused(TwinError):
    """The caller may not see this."""


class Unavailable(TwinError):
    """A part we need is not answering."""


class MissingPackage(Unavailable):
    """A Debian package has to be installed first."""


HTTP_STATUS: dict[type[TwinError], int] = {
    BadInput: 422,
    NotFound: 404,
    Conflict: 409,
    Refused: 403,
    Unavailable: 503,
}
"""The one table from error to HTTP status; the nearest ancestor in the table counts."""


def http_status(error: TwinError) -> int:
    """Return the HTTP status of an error by its nearest ancestor in `HTTP_STATUS`."""
    return next((HTTP_STATUS[kind] for kind in type(error).__mro__ if kind in HTTP_STATUS), 500)
