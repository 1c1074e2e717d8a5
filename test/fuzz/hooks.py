"""What schemathesis is told of Sluice: which refusals of requests that fit the document are right nevertheless (exceptions.json)."""

import json
import re
from pathlib import Path

import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure
from schemathesis.specs.openapi import checks

EXCEPTIONS = json.loads((Path(__file__).parent / "exceptions.json").read_text())


def message_of(response: schemathesis.Response) -> str:
    """The text of a refusal, in whichever of the API's shapes."""
    body = response.json()
    error = body["status"] if "status" in body else body
    error = error["error"]
    return error if isinstance(error, str) else error["message"]


def is_exception(response: schemathesis.Response, case: schemathesis.Case) -> bool:
    if response.status_code not in (400, 413, 422):
        return False
    operation = case.operation.definition.raw["operationId"]
    message = message_of(response)
    return any(
        re.fullmatch(each["operations"], operation) and re.search(each["message"], message) for each in EXCEPTIONS
    )


@schemathesis.check
def positive_data_acceptance_but_exceptions(ctx, response, case):
    try:
        return checks.positive_data_acceptance(ctx, response, case)
    except Failure:
        if is_exception(response, case):
            return None
        raise


@schemathesis.check
def not_a_server_error_but_what_was_asked_for(ctx, response, case):
    """A deadline of some milliseconds, and `only-if-cached`, ask for a 504."""
    asked = {"deadline_exceeded", "not_cached"}
    if response.status_code == 504 and any(f'"code":"{code}"' in response.text for code in asked):
        return None
    return not_a_server_error(ctx, response, case)


@schemathesis.serializer("application/x-ndjson")
def as_it_is(ctx, value):
    return value if isinstance(value, bytes) else str(value).encode()
