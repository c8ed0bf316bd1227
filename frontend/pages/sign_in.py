"""The sign-in form: a page without scripts, served in place of every screen to who is not signed in."""

from html import escape

from frontend.text import LANGUAGES, texts

ERRORS = {"name": "wrong", "outside": "outside"}
"""`?refused=` -> text; anything else is a wrong key."""


def sign_in_page(*, refused: str | None = None, is_changed: bool = False, is_single: bool = False,
                 language: str | None = None) -> str:  # fmt: skip
    """Return the form as HTML; Korean first, the other language beside it.

    Parameters
    ----------
    refused
        What was not right: `name`, `outside`, or anything else for the key.
    is_changed
        The password was just changed.
    is_single
        The organisation's own sign-in is connected.
    language
        `ko` or `en`; the language that comes first.
    """
    first = texts(language)
    second = texts(next(one for one in LANGUAGES if one != first.language))

    def both(key: str) -> str:
        text, other = escape(first(f"sign_in.{key}")), escape(second(f"sign_in.{key}"))
        return f'{text} <span class="faint" lang="{second.language}">{other}</span>'

    said = ""
    if refused is not None:
        said = f'<p class="error" role="alert">{both(ERRORS.get(refused, "refused"))}</p>'
    elif is_changed:
        said = f'<p role="status">{both("changed")}</p>'
    single = f'<p><a class="single" href="/sign-in/outside">{both("single")}</a></p>' if is_single else ""
    is_by_key = refused is not None and refused not in ERRORS
    return f"""<!DOCTYPE html>
<html lang="{first.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(first("app.title"))} · {escape(first("sign_in.title"))}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/assets/console.css">
</head>
<body class="sign-in">
<main>
<h1><b>{escape(first("app.title"))}</b> <span>{escape(first("app.subtitle"))}</span></h1>
{said}
{single}
<form action="/sign-in" method="post">
<label for="name">{both("name")}</label>
<input id="name" name="name" required autofocus autocomplete="username" autocapitalize="none" spellcheck="false">
<label for="password">{both("password")}</label>
<input id="password" name="password" type="password" required autocomplete="current-password" spellcheck="false">
<button type="submit">{both("submit")}</button>
</form>
<details{" open" if is_by_key else ""}>
<summary>{both("by_key")}</summary>
<form action="/sign-in" method="post">
<label for="key">{both("key")}</label>
<input id="key" name="key" type="password" required autocomplete="off" spellcheck="false">
<button type="submit">{both("submit")}</button>
<p class="faint">{escape(first("sign_in.hint"))}<br>
<span lang="{second.language}">{escape(second("sign_in.hint"))}</span></p>
</form>
</details>
</main>
</body>
</html>
"""
