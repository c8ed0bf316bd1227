"""The texts of the screens in Korean and English."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from twin.layer import Text

Language = Literal["ko", "en"]
LANGUAGES: tuple[Language, ...] = ("ko", "en")


class Texts:
    """Texts in one language, by dotted key.

    Parameters
    ----------
    language
        `ko` or `en`.
    table
        Content of `<language>.toml`.
    """

    def __init__(self, language: Language, table: Mapping[str, Mapping[str, str]]) -> None:
        self.language: Language = language
        self._flat = {f"{group}.{key}": text for group, texts in table.items() for key, text in texts.items()}

    def __call__(self, key: str, **values: Any) -> str:
        """Return the text of a key; a missing key is an error of ours and raises KeyError."""
        return self._flat[key].format(**values) if values else self._flat[key]

    def get(self, key: str, default: str) -> str:
        """Return the text of a key that data has named, or the default."""
        return self._flat.get(key, default)

    def of(self, text: Text | Mapping[str, str]) -> str:
        """Return a two-language text of a layer or an alarm in this language."""
        return text[self.language] if isinstance(text, Mapping) else str(getattr(text, self.language))

    def name(self, record: Mapping[str, Any]) -> str:
        """Return the name of a record with `name_ko` and `name_en`; the Korean one when there is no English one."""
        english = record.get("name_en") if self.language == "en" else None
        return str(english or record.get("name_ko") or record.get("key") or "")

    def unit(self, record: Mapping[str, Any]) -> str:
        """Return the name of the administrative unit of a record, empty outside the city."""
        english = record.get("unit_en") if self.language == "en" else None
        return str(english or record.get("unit_ko") or "")

    @property
    def keys(self) -> frozenset[str]:
        """All keys."""
        return frozenset(self._flat)


@cache
def texts(language: str | None) -> Texts:
    """Return the texts of a language; Korean when it is not one of ours."""
    known: Language = "en" if language == "en" else "ko"
    path = Path(__file__).parent / f"{known}.toml"
    return Texts(known, tomllib.loads(path.read_text("utf-8")))


def both(key: str) -> str:
    """Return the text of a key in Korean and English; of a key without a text what stands behind its group."""
    said = [texts(language).get(key, "") for language in LANGUAGES]
    return " ".join(said) if all(said) else key.partition(".")[2]
