"""On what ground somebody may look at personal data or pass them on: the cases of PIPA art. 18(2), an enum."""

from enum import StrEnum


class Ground(StrEnum):
    """Statutory ground; the number is that of the case in PIPA art. 18(2), to be confirmed by the city's officer."""

    WITHIN_PURPOSE = "within_purpose"
    """Not another use at all: what the data are kept for (art. 15 and 25). For looking, never for passing on."""
    CONSENT = "consent"
    """No 1."""
    STATUTE = "statute"
    """No 2: another statute says so."""
    IMMINENT_DANGER = "imminent_danger"
    """No 3: life, body or property are in clear and urgent danger."""
    COMMISSION = "commission"
    """No 5: the protection commission has decided so."""
    TREATY = "treaty"
    """No 6."""
    INVESTIGATION = "investigation"
    """No 7: of a crime, and its prosecution."""
    COURT = "court"
    """No 8."""
    SENTENCE = "sentence"
    """No 9: a sentence, custody or protective measure is carried out."""
    PUBLIC_SAFETY = "public_safety"
    """No 10: public safety urgently needs it."""


PASSING_ON = frozenset(Ground) - {Ground.WITHIN_PURPOSE}
"""Grounds of a share."""
OPENS_RESTRICTED = frozenset(
    {Ground.STATUTE, Ground.IMMINENT_DANGER, Ground.INVESTIGATION, Ground.COURT, Ground.PUBLIC_SAFETY}
)
"""Grounds on which a restricted layer or a camera may be shared; on all others it is refused."""
