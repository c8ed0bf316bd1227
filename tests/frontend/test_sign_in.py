"""The sign-in form."""

from frontend.pages.sign_in import sign_in_page


def test_form_posts_one_key_and_needs_no_script() -> None:
    page = sign_in_page()
    assert 'action="/sign-in" method="post"' in page
    assert 'name="key"' in page
    assert "<script" not in page
    assert page.index("접속 키") < page.index("Access key")


def test_refused_key_is_told() -> None:
    assert 'role="alert"' in sign_in_page(is_refused=True)
    assert 'role="alert"' not in sign_in_page()
