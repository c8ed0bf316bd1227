"""The two languages of the screen say the same things."""

import re
import tomllib

from tests.house.house import ROOT

FOLDER = ROOT / "frontend" / "text"


def flat(language: str) -> dict[str, str]:
    table = tomllib.loads((FOLDER / f"{language}.toml").read_text("utf-8"))
    return {f"{group}.{key}": text for group, texts in table.items() for key, text in texts.items()}


def test_both_languages_have_the_same_keys():
    assert set(flat("ko")) == set(flat("en"))


def test_both_languages_fill_in_the_same_values():
    korean, english = flat("ko"), flat("en")
    found = [
        key
        for key in korean
        if set(re.findall(r"{(\w+)", korean[key])) != set(re.findall(r"{(\w+)", english.get(key, "")))
    ]
    assert not found, found
