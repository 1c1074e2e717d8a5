"""What the README of the openai package says of its client: raw answers, errors, retries, timeouts, pages; and what Sluice does not serve."""

import openai

from cases import case, scripted
from openai_chat import BOTH, user


@case("with_raw_response", *BOTH)
def raw(w, target):
    answer = w.openai.chat.completions.with_raw_response.create(model=w.model[target], messages=user("Hello"))
    assert answer.headers.get("x-request-id") and answer.parse().choices[0].message.content


@case("with_streaming_response", *BOTH)
def streaming(w, target):
    with w.openai.chat.completions.with_streaming_response.create(model=w.model[target], messages=user("Hello")) as answer:
        assert answer.headers.get("x-request-id") and any("choices" in line for line in answer.iter_lines())


@case("AuthenticationError")
def unauthorised(w):
    try:
        list(w.openai.with_options(api_key="sk_wrong_key").models.list())
        raise AssertionError("it was answered")
    except openai.AuthenticationError as error:
        assert error.request_id and error.code == "invalid_api_key", error.code


@case("NotFoundError")
def not_found(w):
    try:
        w.openai.chat.completions.create(model="no-such-model", messages=user("Hello"))
        raise AssertionError("it was answered")
    except openai.NotFoundError as error:
        assert error.code == "model_not_found" and error.param == "model" and error.request_id


@case("BadRequestError")
def bad_request(w):
    try:
        w.openai.chat.completions.create(model=w.model["openai"], messages=user("Hello"), temperature=9)
        raise AssertionError("it was answered")
    except openai.BadRequestError as error:
        assert error.param == "temperature", (error.param, error.code)


@case("RateLimitError", *BOTH)
def rate_limit(w, target):
    client = w.openai.with_options(max_retries=0)
    try:
        client.chat.completions.create(model=w.frail(target, 429), messages=user(scripted({"status": 429, "headers": {"retry-after": "1"}})))
        raise AssertionError("it was answered")
    except openai.RateLimitError as error:
        assert error.response.headers.get("retry-after"), dict(error.response.headers)


@case("InternalServerError", *BOTH)
def server_error(w, target):
    client = w.openai.with_options(max_retries=0)
    try:
        client.chat.completions.create(model=w.frail(target, 500), messages=user(scripted({"status": 500})))
        raise AssertionError("it was answered")
    except openai.InternalServerError as error:
        assert error.request_id


@case("errors of streams", *BOTH)
def stream_error(w, target):
    try:
        for _ in w.openai.chat.completions.create(model=w.frail(target, "die"), messages=user(scripted({"dieAfterTokens": 2})), stream=True):
            pass
        raise AssertionError("it ended")
    except openai.APIError as error:
        assert not isinstance(error, openai.APIStatusError)


@case("max_retries", *BOTH)
def retries(w, target):
    answer = w.openai.with_options(max_retries=5).chat.completions.create(model=w.model[target], messages=user("Hello"))
    assert answer.choices[0].message.content


@case("timeout", *BOTH)
def timeout(w, target):
    try:
        w.openai.with_options(timeout=0.3, max_retries=0).chat.completions.create(
            model=w.frail(target, "hang"), messages=user(scripted({"hang": "head"}))
        )
        raise AssertionError("it was answered")
    except openai.APITimeoutError:
        pass


@case("pagination")
def pagination(w):
    for n in range(3):
        w.openai.files.create(file=(f"{n}.jsonl", b"{}"), purpose="vision")
    page = w.openai.files.list(limit=2, purpose="vision")
    assert page.has_next_page() and page.next_page_info() and len(page.data) == 2
    assert page.get_next_page().data[0].id not in [file.id for file in page.data]


@case("extra_headers, extra_query, extra_body", "openai")
def extras(w, target):
    answer = w.openai.chat.completions.create(
        model=w.model[target], messages=user("Hello"), extra_headers={"x-mine": "1"}, extra_body={"top_p": 0.5}
    )
    assert answer.choices[0].message.content


@case("client.post")
def undocumented(w):
    assert w.openai.post("/embeddings", body={"model": "glove-sif-100", "input": "canal"}, cast_to=object)["data"]


NOT_SERVED = {
    "vector_stores": lambda c: c.vector_stores.create(name="a"),
    "beta.assistants": lambda c: c.beta.assistants.create(model="gpt-mock"),
    "beta.threads": lambda c: c.beta.threads.create(),
    "beta.chatkit": lambda c: list(c.beta.chatkit.threads.list()),
    "conversations": lambda c: c.conversations.create(),
    "containers": lambda c: list(c.containers.list()),
    "evals": lambda c: list(c.evals.list()),
    "videos": lambda c: list(c.videos.list()),
    "realtime.client_secrets": lambda c: c.realtime.client_secrets.create(),
    "skills": lambda c: list(c.skills.list()),
    "decisions": lambda c: c.decisions.create(model="gpt-mock", input="x", questions=[]),
}


def of_family(name):
    def run(w):
        answer = NOT_SERVED[name](w.openai)
        assert answer is not None

    return run


for family in NOT_SERVED:
    case(family)(of_family(family))
