"""The texts of the screens."""

import re
from pathlib import Path

from frontend.text import texts

FRONTEND = Path(__file__).parents[2] / "frontend"


def test_both_languages_have_the_same_keys() -> None:
    assert texts("ko").keys == texts("en").keys


def test_every_key_that_the_code_names_exists() -> None:
    code = "\n".join(path.read_text("utf-8") for path in FRONTEND.rglob("*.py"))
    named = set(re.findall(r'\bt\(\s*"([a-z_]+\.[A-Za-z_]+)"', code))
    assert named
    assert named <= texts("ko").keys


def test_placeholders_agree_between_languages() -> None:
    ko, en = texts("ko"), texts("en")
    holes = re.compile(r"\{\w+\}")
    for key in ko.keys:
        assert sorted(holes.findall(ko.get(key, ""))) == sorted(holes.findall(en.get(key, ""))), key


def test_unknown_language_is_korean() -> None:
    assert texts("xx").language == "ko"
    assert texts(None)("app.title") == "군산 트윈"
