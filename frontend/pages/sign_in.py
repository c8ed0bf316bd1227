"""The sign-in form: a page without scripts, served in place of every screen to who is not signed in."""

from html import escape

from frontend.text import LANGUAGES, texts


def sign_in_page(*, is_refused: bool = False, language: str | None = None) -> str:
    """Return the form as HTML; Korean first, the other language below.

    Parameters
    ----------
    is_refused
        A key was given and it was not right.
    language
        `ko` or `en`; the language that comes first.
    """
    first = texts(language)
    second = texts(next(one for one in LANGUAGES if one != first.language))
    refused = f'<p class="error" role="alert">{escape(first("sign_in.refused"))}</p>' if is_refused else ""
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
<form action="/sign-in" method="post">
<h1><b>{escape(first("app.title"))}</b> <span>{escape(first("app.subtitle"))}</span></h1>
<label for="key">{escape(first("sign_in.key"))} <span class="faint">{escape(second("sign_in.key"))}</span></label>
<input id="key" name="key" type="password" required autofocus autocomplete="current-password" spellcheck="false">
{refused}
<button type="submit">{escape(first("sign_in.submit"))}</button>
<p class="faint">{escape(first("sign_in.hint"))}<br>
<span lang="{second.language}">{escape(second("sign_in.hint"))}</span></p>
</form>
</body>
</html>
"""
