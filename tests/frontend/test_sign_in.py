"""The sign-in form."""

from frontend.pages.refused import refused_page
from frontend.pages.sign_in import sign_in_page
from twin.access import Right


def test_form_posts_one_key_and_needs_no_script() -> None:
    page = sign_in_page()
    assert 'action="/sign-in" method="post"' in page
    assert 'name="key"' in page
    assert "<script" not in page
    assert page.index("접속 키") < page.index("Access key")


def test_refused_key_is_told() -> None:
    assert 'role="alert"' in sign_in_page(refused="1")
    assert 'role="alert"' not in sign_in_page()


def test_who_is_refused_a_screen_is_told_so_in_both_languages() -> None:
    for language in ("ko", "en"):
        answer = refused_page("kim", language, Right.AUDIT)
        assert answer.status_code == 403
        told = answer.body.decode()
        assert "kim" in told
        assert {"ko": "접속기록 점검", "en": "Reviewing the log"}[language] in told
        assert {"ko": "관제 책임자, 데이터 담당", "en": "Supervisor, Data steward"}[language] in told
