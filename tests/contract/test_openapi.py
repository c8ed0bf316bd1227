"""Whatever a client may send by the OpenAPI description, no answer is an error of ours."""

# ruff: noqa: F401, F811
from typing import Any

import httpx
import hypothesis
import schemathesis

from tests.backend.test_live import city, operator, url
from twin.settings import Settings

EXAMPLES = 4
PARTS_AWAY = 503
"""This city has no broker, no ingest process and no worker, and says so."""


def test_no_answer_to_what_the_description_allows_is_an_error_of_ours(city: Settings) -> None:
    described = schemathesis.openapi.from_url(url(city, "/api/openapi.json"), headers=operator(city))
    operations = [found.ok() for found in described.get_all_operations()]
    answers: dict[str, list[int]] = {operation.label: [] for operation in operations}
    wrong: list[str] = []
    for operation in operations:

        @hypothesis.given(case=operation.as_strategy())
        @hypothesis.settings(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
        )
        def walk(case: Any) -> None:
            answer = case.call(headers=operator(city), timeout=60)
            answers[case.operation.label].append(answer.status_code)
            if answer.status_code >= 500 and answer.status_code != PARTS_AWAY:
                wrong.append(f"{case.operation.label}: {answer.status_code} {answer.text[:300]}")

        walk()
    assert not wrong, "\n".join(wrong)
    paths = httpx.get(url(city, "/api/openapi.json"), headers=operator(city)).json()["paths"]
    assert len(operations) == sum(len(methods) for methods in paths.values())
    assert all(answers.values()), [label for label, given in answers.items() if not given]
