"""What schemathesis is told of Sluice: which refusals of requests that fit the document are right nevertheless."""

import json
import re
from pathlib import Path

import jsonschema_rs
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure
from schemathesis.specs.openapi import checks

EXCEPTIONS = json.loads((Path(__file__).parent / "exceptions.json").read_text())

# The codes of refusals for what a request is by itself. Any other code says that something else stands against it: what there is, or was asked before.
ABOUT_THE_REQUEST = {"malformed_json", "invalid_value", "limit_exceeded", "payload_too_large", "unsupported_media_type"}


def refusal_of(response: schemathesis.Response) -> tuple[str, str]:
    """The code and the text of a refusal, in whichever of the API's shapes."""
    body = response.json()
    body = body.get("status", body)
    error = body.get("error", body)
    if isinstance(error, str):
        return body["code"], error
    return error["code"], error["error"] if "error" in error else error["message"]


VALIDATORS: dict[str, jsonschema_rs.Validator] = {}


def fits(case: schemathesis.Case) -> bool:
    """Whether a body is what the document says. The tool calls some fitting that are not: it cuts recursive schemas short by an empty object."""
    if case.media_type != "application/json":
        return True
    raw = case.operation.definition.raw
    name = raw["operationId"]
    if name not in VALIDATORS:
        body = raw["requestBody"]["content"]["application/json"]["schema"]
        components = case.operation.schema.raw_schema["components"]
        VALIDATORS[name] = jsonschema_rs.validator_for({"allOf": [body], "components": components})
    return VALIDATORS[name].is_valid(case.body)


def is_exception(response: schemathesis.Response, case: schemathesis.Case) -> bool:
    if response.status_code not in (400, 413, 422):
        return False
    code, message = refusal_of(response)
    if code not in ABOUT_THE_REQUEST or not fits(case):
        return True
    operation = case.operation.definition.raw["operationId"]
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


@schemathesis.hook
def filter_case(ctx, case):
    """A header that nobody knows is no fault: the coverage phase takes the headers of an operation for all that there may be."""
    return "x-schemathesis-unknown-property" not in (case.headers or {})


@schemathesis.serializer("application/x-ndjson")
def as_it_is(ctx, value):
    return value if isinstance(value, bytes) else str(value).encode()
