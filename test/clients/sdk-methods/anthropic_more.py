"""Tokens, batches, models, files, errors and the client of the anthropic package."""

from itertools import islice
import time

import anthropic

from cases import case, scripted
from anthropic_messages import BOTH, PDF, TEXT, WEATHER, texts, user


@case("messages.countTokens", *BOTH)
def count(w, target):
    counted = w.anthropic.messages.count_tokens(model=w.model[target], messages=user("Hello, world"))
    assert counted.input_tokens > 0
    more = w.anthropic.messages.count_tokens(model=w.model[target], system="Be short.", messages=user("Hello, world"), tools=[WEATHER])
    assert more.input_tokens > counted.input_tokens


@case("messages.countTokens document", *BOTH)
def count_document(w, target):
    parts = [{"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}}]
    assert w.anthropic.messages.count_tokens(model=w.model[target], messages=user(parts)).input_tokens > 0


@case("beta.messages.countTokens", *BOTH)
def beta_count(w, target):
    assert w.anthropic.beta.messages.count_tokens(model=w.model[target], messages=user("Hello")).input_tokens > 0


def request(w, target, n):
    return {"custom_id": f"r{n}", "params": {"model": w.model[target], "max_tokens": 64, "messages": user(f"Hello {n}")}}


def ended(w, batches, batch):
    until = time.monotonic() + 60
    while batch.processing_status != "ended" and time.monotonic() < until:
        time.sleep(0.2)
        batch = batches.retrieve(batch.id)
    return batch


@case("messages.batches", *BOTH)
def batch(w, target):
    batches = w.anthropic.messages.batches
    made = batches.create(requests=[request(w, target, n) for n in range(2)])
    assert made.type == "message_batch" and made.id in [one.id for one in batches.list(limit=20)]
    last = ended(w, batches, made)
    assert last.processing_status == "ended" and last.request_counts.succeeded == 2, last
    results = {result.custom_id: result.result for result in batches.results(made.id)}
    assert texts(results["r1"].message) == TEXT
    assert batches.delete(made.id).type == "message_batch_deleted"


@case("messages.batches.cancel")
def batch_cancel(w):
    made = w.anthropic.messages.batches.create(requests=[request(w, "openai", 1)])
    assert w.anthropic.messages.batches.cancel(made.id).processing_status in ("canceling", "ended")


@case("beta.messages.batches", "anthropic")
def beta_batch(w, target):
    batches = w.anthropic.beta.messages.batches
    made = batches.create(requests=[request(w, target, n) for n in range(2)])
    assert ended(w, batches, made).request_counts.succeeded == 2


@case("anthropic: models.list")
def models(w):
    page = w.anthropic.models.list(limit=1)
    assert page.data[0].type == "model" and page.data[0].display_name and page.first_id == page.data[0].id
    listed = [model.id for model in islice(w.anthropic.models.list(limit=2), 100)]
    assert len(listed) == len(set(listed)) and any("claude-mock" in model for model in listed), listed


@case("anthropic: models.retrieve")
def model(w):
    found = w.anthropic.models.retrieve("claude-mock")
    assert found.id == "claude-mock" and found.type == "model" and found.created_at


@case("beta.models.list")
def beta_models(w):
    assert w.anthropic.beta.models.list().data[0].type == "model"


@case("anthropic: files.upload")
def upload(w):
    w.anthropic.files.upload(file=("a.txt", b"text", "text/plain"))


@case("beta.files.list")
def files(w):
    list(w.anthropic.beta.files.list())


@case("anthropic: skills.list")
def skills(w):
    list(w.anthropic.skills.list())


@case("anthropic: organization.retrieve")
def organization(w):
    w.anthropic.organization.retrieve()


@case("anthropic: with_raw_response", *BOTH)
def raw(w, target):
    answer = w.anthropic.messages.with_raw_response.create(max_tokens=64, messages=user("Hello"), model=w.model[target])
    assert answer.headers.get("request-id") and texts(answer.parse()) == TEXT


@case("anthropic: with_streaming_response", *BOTH)
def streaming(w, target):
    with w.anthropic.messages.with_streaming_response.create(max_tokens=64, messages=user("Hello"), model=w.model[target]) as answer:
        assert answer.headers.get("request-id") and any("content" in line for line in answer.iter_lines())


def raised(call):
    try:
        call()
    except anthropic.APIStatusError as error:
        assert error.body["type"] == "error" and error.body["error"]["type"] and error.request_id, (error.body, error.request_id)
        return error
    raise AssertionError("it was answered")


@case("anthropic: AuthenticationError")
def unauthorised(w):
    client = w.anthropic.with_options(api_key="sk_wrong_key")
    error = raised(lambda: client.messages.create(max_tokens=64, messages=user("Hello"), model="claude-mock"))
    assert isinstance(error, anthropic.AuthenticationError) and error.body["error"]["type"] == "authentication_error"


@case("anthropic: NotFoundError")
def not_found(w):
    error = raised(lambda: w.anthropic.messages.create(max_tokens=64, messages=user("Hello"), model="no-such-model"))
    assert isinstance(error, anthropic.NotFoundError) and error.body["error"]["type"] == "not_found_error"


@case("anthropic: BadRequestError")
def bad_request(w):
    error = raised(lambda: w.anthropic.messages.create(max_tokens=0, messages=user("Hello"), model="claude-mock"))
    assert isinstance(error, anthropic.BadRequestError) and error.body["error"]["type"] == "invalid_request_error"


STATUSES = {
    429: (anthropic.RateLimitError, "rate_limit_error"),
    500: (anthropic.InternalServerError, "api_error"),
    529: (anthropic.InternalServerError, "overloaded_error"),
}


@case("anthropic: RateLimitError, OverloadedError, InternalServerError", *BOTH)
def statuses(w, target):
    client = w.anthropic.with_options(max_retries=0)
    for status, (kind, name) in STATUSES.items():
        if status == 529 and target == "openai":
            continue
        messages, model = user(scripted({"status": status})), w.frail(target, status)
        error = raised(lambda: client.messages.create(max_tokens=64, messages=messages, model=model))
        assert isinstance(error, kind) and error.body["error"]["type"] == name, (status, error.status_code, error.body)


@case("anthropic: errors of streams", *BOTH)
def stream_error(w, target):
    try:
        with w.anthropic.messages.stream(
            max_tokens=64, messages=user(scripted({"dieAfterTokens": 2})), model=w.frail(target, "die")
        ) as events:
            events.get_final_message()
    except anthropic.APIError:
        return
    raise AssertionError("it ended")


@case("anthropic: timeout", *BOTH)
def timeout(w, target):
    try:
        w.anthropic.with_options(timeout=0.3, max_retries=0).messages.create(
            max_tokens=64, messages=user(scripted({"hang": "head"})), model=w.frail(target, "hang")
        )
    except anthropic.APITimeoutError:
        return
    raise AssertionError("it was answered")
