"""Vessels: AIS sentences (NMEA 0183 `!AIVDM`), one a line, of ships (types 1-3, 5) and small craft (18, 24).

Other AIS types (base stations, aids to navigation, safety texts) are none of this layer's and pass without a word.

References
----------
ITU-R M.1371-5, annex 8 (messages), and IEC 61162-1 (sentences, checksum).
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pyais import AISSentence
from pyais.exceptions import AISBaseException
from pyais.messages import NMEASentenceFactory

from layers.reading import ROW_LIMIT, check_size
from twin.crs import is_in_city
from twin.errors import BadMessage
from twin.report import Adapter, Report

NAV_STATUS = (
    "under_way",
    "at_anchor",
    "not_under_command",
    "restricted",
    "constrained",
    "moored",
    "aground",
    "fishing",
    "sailing",
    "reserved_9",
    "reserved_10",
    "towing_astern",
    "towing_ahead",
    "reserved_13",
    "ais_sart",
    "undefined",
)
"""Words of the layer's `nav_status`, in the order of ITU-R M.1371-5 table 45."""
POSITION_TYPES = (1, 2, 3, 18)
STATIC_TYPES = (5, 24)
TEXT_LIMIT = 200
"""Most characters of a parser's own words, which repeat the line."""
LINE_LIMIT = 1024
"""Longest line taken [bytes]; NMEA allows 82, receivers add tag blocks."""
FRAGMENT_LIFE = timedelta(seconds=30)
FRAGMENT_SLOTS = 200
STATIC_SLOTS = 5_000
CLOCK_TOLERANCE = timedelta(seconds=5)
SHIP_TYPES = {2: "wing_in_ground", 4: "high_speed", 6: "passenger", 7: "cargo", 8: "tanker", 9: "other"}
SPECIAL_TYPES = {30: "fishing", 31: "tug", 32: "tug", 33: "dredger", 36: "sailing", 37: "pleasure", 50: "pilot",
                 51: "search_and_rescue", 52: "tug", 55: "law_enforcement"}  # fmt: skip


@dataclass(slots=True)
class _Fragments:
    """The parts of a message that have come so far."""

    since: datetime
    parts: dict[int, AISSentence]


@dataclass(frozen=True, slots=True)
class _Static:
    """What a vessel said of itself and no report has carried yet."""

    name: str | None
    attributes: dict[str, Any]


class VesselAdapter:
    """Reads sentences, and remembers what one sentence alone does not tell.

    It keeps the parts of messages that span several sentences, and holds a vessel's static data back until a position
    inside the city comes, so that ships far out at sea are not taken into the register.
    """

    def __init__(self) -> None:
        self._fragments: OrderedDict[tuple[Any, ...], _Fragments] = OrderedDict()
        self._static: OrderedDict[str, _Static] = OrderedDict()
        self._told: OrderedDict[str, _Static] = OrderedDict()

    def __call__(self, payload: bytes, received: datetime) -> Iterator[Report | BadMessage]:
        """Read the lines of a message."""
        check_size(payload)
        lines = [line for line in payload.split(b"\n") if line.strip()]
        if len(lines) > ROW_LIMIT:
            raise BadMessage("too_large", f"message of {len(lines)} lines; the limit is {ROW_LIMIT}")
        if not lines:
            raise BadMessage("bad_sentence", "message without a sentence")
        yield from self._expired(received)
        for number, line in enumerate(lines, 1):
            where = f"line {number}"
            try:
                sentence = _sentence(line, where)
                whole = self._joined(sentence, received)
                report = None if whole is None else self._report(whole, received, where)
                if report is not None:
                    yield report
            except BadMessage as error:
                yield error

    def _joined(self, sentence: AISSentence, received: datetime) -> AISSentence | None:
        """Return the whole message once its last part has come, else None."""
        if sentence.frag_cnt == 1:
            return sentence
        slot = (sentence.seq_id, sentence.channel, sentence.frag_cnt)
        waiting = self._fragments.get(slot)
        if waiting is None or sentence.frag_num == 1:
            waiting = self._fragments[slot] = _Fragments(received, {})
        waiting.parts[sentence.frag_num] = sentence
        if len(waiting.parts) < sentence.frag_cnt:
            return None
        del self._fragments[slot]
        parts: list[AISSentence] = [part for _, part in sorted(waiting.parts.items())]
        return AISSentence.assemble_from_iterable(parts)

    def _expired(self, received: datetime) -> list[BadMessage]:
        """Give up the parts whose rest never came."""
        lost = []
        while self._fragments:
            slot, waiting = next(iter(self._fragments.items()))
            if received - waiting.since < FRAGMENT_LIFE and len(self._fragments) <= FRAGMENT_SLOTS:
                break
            del self._fragments[slot]
            text = f"{len(waiting.parts)} of {slot[2]} parts of a message came; the rest did not within {FRAGMENT_LIFE}"
            lost.append(BadMessage("incomplete_message", text))
        return lost

    def _report(self, sentence: AISSentence, received: datetime, where: str) -> Report | None:
        if sentence.ais_id not in POSITION_TYPES and sentence.ais_id not in STATIC_TYPES:
            return None
        try:
            fields: dict[str, Any] = sentence.decode().asdict(enum_as_int=True)
        except Exception as error:  # pyais raises what its bit readers happen to raise
            raise BadMessage("bad_sentence", f"{where}: AIS type {sentence.ais_id}: {error}") from error
        mmsi = _mmsi(fields, where)
        if sentence.ais_id in STATIC_TYPES:
            self._learn(mmsi, _static(fields))
            return None
        position = _position(fields, where)
        static = self._static.get(mmsi)
        if position is not None and is_in_city(*position) and static is not None:
            del self._static[mmsi]
            _keep(self._told, mmsi, static)
        else:
            static = None
        if position is None and not _is_beacon(mmsi, fields):
            raise BadMessage("no_position", f"{where}: vessel {mmsi} does not know where it is")
        return Report(
            mmsi,
            _time(sentence, fields, received),
            _results(fields),
            position,
            static.name if static else None,
            static.attributes if static else {},
        )

    def _learn(self, mmsi: str, new: _Static) -> None:
        known = self._static.get(mmsi) or self._told.get(mmsi)
        if known is not None:  # a type 24 comes in two halves
            new = _Static(new.name or known.name, known.attributes | new.attributes)
        if new != self._told.get(mmsi):
            _keep(self._static, mmsi, new)


def new_adapter() -> Adapter:
    """Return an adapter that has heard nothing yet."""
    return VesselAdapter()


def _keep(known: OrderedDict[str, _Static], mmsi: str, static: _Static) -> None:
    known[mmsi] = static
    known.move_to_end(mmsi)
    while len(known) > STATIC_SLOTS:
        known.popitem(last=False)


def _sentence(line: bytes, where: str) -> AISSentence:
    if len(line) > LINE_LIMIT:
        raise BadMessage("too_large", f"{where}: {len(line)} bytes; the limit is {LINE_LIMIT}")
    try:
        sentence = NMEASentenceFactory.produce(line)
    except AISBaseException as error:
        raise BadMessage("bad_sentence", f"{where}: {str(error)[:TEXT_LIMIT]}") from error
    except Exception as error:  # pyais indexes fields that a torn line does not have
        raise BadMessage("bad_sentence", f"{where}: not an AIS sentence ({type(error).__name__})") from error
    if not isinstance(sentence, AISSentence):
        raise BadMessage("bad_sentence", f"{where}: not an AIS sentence")
    if not sentence.is_valid:
        raise BadMessage("bad_checksum", f"{where}: the checksum does not fit the sentence")
    return sentence


def _mmsi(fields: dict[str, Any], where: str) -> str:
    """Return the MMSI of a ship (2xx to 7xx), a handheld radio (8xx) or a distress beacon (970, 972, 974)."""
    mmsi = f"{int(fields['mmsi']):09d}"
    if len(mmsi) == 9 and (mmsi[0] in "2345678" or mmsi[:3] in ("970", "972", "974")):
        return mmsi
    raise BadMessage("bad_mmsi", f"{where}: MMSI {mmsi} is none of a ship (2 to 7), a handheld (8) or a beacon (97)")


def _is_beacon(mmsi: str, fields: dict[str, Any]) -> bool:
    """Tell whether this is a distress beacon: it is heard even before it knows where it is."""
    return mmsi.startswith("97") or fields.get("status") == NAV_STATUS.index("ais_sart")


def _position(fields: dict[str, Any], where: str) -> tuple[float, float] | None:
    """Return (lon, lat); None when the vessel says that it does not know (181, 91)."""
    lon, lat = fields.get("lon"), fields.get("lat")
    if lon is None or lat is None:
        raise BadMessage("bad_sentence", f"{where}: the message is cut before its position")
    return None if abs(lon) > 180 or abs(lat) > 90 else (float(lon), float(lat))


def _results(fields: dict[str, Any]) -> dict[str, float | str | datetime]:
    """Return what is known; the codes for `not available` (102.3 kn, 360 deg, 511 deg) are left out."""
    results: dict[str, float | str | datetime] = {}
    speed, course, heading, status = (fields.get(name) for name in ("speed", "course", "heading", "status"))
    if speed is not None and speed < 102.3:
        results["sog"] = float(speed)
    if course is not None and course < 360:
        results["cog"] = float(course)
    if heading is not None and heading < 360:
        results["heading"] = float(heading)
    if status is not None:
        results["nav_status"] = NAV_STATUS[int(status)]
    return results


def _static(fields: dict[str, Any]) -> _Static:
    """Return name and facts of a type 5 or 24; zeros and blanks mean `not available`."""
    facts: dict[str, Any] = {}
    code = fields.get("ship_type")
    if code:
        facts["vessel_type"] = SPECIAL_TYPES.get(int(code)) or SHIP_TYPES.get(int(code) // 10, "other")
    for field, name in (("imo", "imo_number"), ("callsign", "callsign"), ("destination", "destination")):
        value = fields.get(field)
        if value:
            facts[name] = value.strip() if isinstance(value, str) else int(value)
    if fields.get("draught"):
        facts["draught_m"] = float(fields["draught"])
    sides = [fields.get(side) or 0 for side in ("to_bow", "to_stern", "to_port", "to_starboard")]
    if any(sides):
        facts["loa_m"], facts["beam_m"] = int(sides[0] + sides[1]), int(sides[2] + sides[3])
    if (
        fields.get("month")
        and fields.get("day")
        and (fields.get("hour") or 0) < 24
        and (fields.get("minute") or 0) < 60
    ):
        facts["eta_utc"] = "{month:02d}-{day:02d} {hour:02d}:{minute:02d}".format(**fields)
    return _Static((fields.get("shipname") or "").strip() or None, facts)


def _time(sentence: AISSentence, fields: dict[str, Any], received: datetime) -> datetime:
    """Return when the vessel was there: its UTC second, in the minute of the receiver's stamp or of reception."""
    stamp = received
    if sentence.tag_block is not None:
        try:
            sentence.tag_block.init()
            stamp = datetime.fromtimestamp(int(sentence.tag_block.receiver_timestamp or ""), UTC)
        except (AISBaseException, ValueError, OverflowError, OSError):
            stamp = received
    second = fields.get("second")
    if second is None or not 0 <= second < 60:
        return stamp
    time = stamp.replace(second=int(second), microsecond=0)
    return time - timedelta(minutes=1) if time > stamp + CLOCK_TOLERANCE else time
