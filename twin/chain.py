"""The chain of the log, and its verifier, which needs Python and the exported file only: `python chain.py FILE`.

Every row bears the SHA-256 of its own canonical JSON, and that JSON names the hash of the row before. A changed,
removed or moved row breaks the chain there. A tail that was cut off breaks nothing: it is found against a published
head.
"""

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FORMAT = "gunsan-log/1"
FIELDS = ("seq", "at", "account", "place", "work", "subject", "reason", "ground", "outcome", "previous")
"""What is hashed of a row, all of it."""
START = "0" * 64
"""What the first row of all names as the one before."""
MOST_FAULTS = 20
HASH = re.compile(r"[0-9a-f]{64}")


def canonical(row: Mapping[str, Any]) -> bytes:
    """Return the one form of a row that is hashed: its fields as JSON, names sorted, no blanks, UTF-8."""
    told = {name: row[name] for name in FIELDS}
    return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def hash_of(row: Mapping[str, Any]) -> str:
    """Return the hash of a row."""
    return hashlib.sha256(canonical(row)).hexdigest()


@dataclass(frozen=True)
class Head:
    """A head that was published: the last row of the log at some time.

    Parameters
    ----------
    seq
        None when only the hash is known.
    """

    hash: str
    seq: int | None = None


def read_head(told: str) -> Head:
    """Read a head: its hash, or the path of a published file with the lines `seq N` and `hash H`.

    Raises
    ------
    ValueError
        It is neither.
    """
    if HASH.fullmatch(told):
        return Head(told)
    try:
        lines = dict(line.split(" ", 1) for line in Path(told).read_text("utf-8").splitlines() if " " in line)
    except OSError as error:
        raise ValueError(f"{told} is neither a hash of 64 hex digits nor a file: {error}") from error
    if not HASH.fullmatch(lines.get("hash", "")) or not lines.get("seq", "").isdigit():
        raise ValueError(f"{told} names no head: the lines `seq` and `hash` are missing")
    return Head(lines["hash"], int(lines["seq"]))


@dataclass
class Verdict:
    """What a check found.

    Attributes
    ----------
    first, last
        Numbers of the first and the last row; 0 when there is none.
    head
        Hash of the last row.
    faults, notes
        What is wrong, and what could not be told; one line each.
    """

    rows: int = 0
    first: int = 0
    last: int = 0
    head: str = START
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def fault(self, text: str) -> None:
        """Note what is wrong."""
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(text)


def check(lines: Iterable[str], heads: Iterable[Head] = ()) -> Verdict:
    """Check an exported log (JSON lines, the first names format and anchor) against itself and published heads."""
    found, hashes = Verdict(), {}
    rows = iter(lines)
    top = _parsed(next(rows, ""))
    if top.get("format") != FORMAT or not isinstance(top.get("anchor"), dict):
        found.fault(f"the first line does not say that this is a {FORMAT} file")
        return found
    seq, before = int(top["anchor"].get("seq", -1)), str(top["anchor"].get("hash"))
    hashes[seq] = before
    for number, line in enumerate(rows, 2):
        row = _parsed(line)
        if any(name not in row for name in (*FIELDS, "hash")) or not isinstance(row["seq"], int):
            found.fault(f"line {number} is no row of the log")
            continue
        if row["seq"] != seq + 1:
            found.fault(f"line {number}: row {row['seq']} stands where row {seq + 1} belongs: removed or moved")
        if row["hash"] != hash_of(row):
            found.fault(f"row {row['seq']} was changed: its content does not have the hash that it bears")
        if row["previous"] != before:
            found.fault(f"row {row['seq']} does not follow the row before it: removed, moved or rewritten")
        seq, before = row["seq"], row["hash"]
        hashes[seq] = before
        found.first = found.first or seq
        found.rows, found.last, found.head = found.rows + 1, seq, before
    for head in heads:
        _compare(found, hashes, head)
    return found


def _parsed(line: str) -> dict[str, Any]:
    try:
        told = json.loads(line)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _compare(found: Verdict, hashes: Mapping[int, str], head: Head) -> None:
    if head.seq is None:
        if head.hash not in hashes.values():
            found.fault(f"no row bears the published head {head.hash}: the tail was cut off, or the log was rewritten")
    elif head.seq > found.last:
        found.fault(f"the published head is row {head.seq}, the file ends with row {found.last}: the tail was cut off")
    elif head.seq not in hashes:
        if head.seq < min(hashes):
            found.notes.append(f"row {head.seq} of a published head is older than what the file keeps")
        else:
            found.fault(f"row {head.seq} of a published head is missing")
    elif hashes[head.seq] != head.hash:
        found.fault(f"row {head.seq} is not the one that was published: the log was rewritten")


def verify(file: Path, heads: Iterable[str] = ()) -> int:
    """Check a file, print what was found, and return 0 when it is whole, 1 when it is not, 2 for bad arguments."""
    try:
        known = [read_head(one) for one in heads]
        with file.open(encoding="utf-8") as lines:
            found = check(lines, known)
    except (OSError, ValueError) as error:
        print(f"cannot verify: {error}", file=sys.stderr)
        return 2
    for text in found.faults:
        print(f"FAULT  {text}")
    for text in found.notes:
        print(f"note   {text}")
    print(f"{found.rows} rows, {found.first} to {found.last}, head {found.head}")
    if not found.faults and not known:
        print("no head was given: a tail that was cut off cannot be seen (--head)")
    print("NOT WHOLE" if found.faults else "whole")
    return 1 if found.faults else 0


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description="Verify an exported log.")
    asked.add_argument("file", type=Path)
    asked.add_argument("--head", action="append", default=[], help="a published hash, or the file it stands in")
    given = asked.parse_args()
    sys.exit(verify(given.file, given.head))
