"""Chats, completions and moderations as the README and the guides of the openai package show them."""

import openai
from pydantic import BaseModel

from cases import case, scripted

BOTH = ("openai", "anthropic")
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
IMAGE = f"data:image/png;base64,{PIXEL}"
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a place.",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
CALLS_WEATHER = {"tool": {"name": "get_weather", "arguments": '{"city":"Delft"}'}}


def user(content):
    return [{"role": "user", "content": content}]


class Step(BaseModel):
    explanation: str
    output: str


@case("chat.completions.create", *BOTH)
def create(w, target):
    answer = w.openai.chat.completions.create(
        model=w.model[target],
        messages=[{"role": "developer", "content": "Talk like a pirate."}, {"role": "user", "content": "Hello"}],
    )
    assert answer.object == "chat.completion" and answer.choices[0].message.content == "t0 t1 t2 t3 t4", answer
    assert answer.choices[0].finish_reason == "stop" and answer.choices[0].message.role == "assistant"
    assert answer.usage.completion_tokens == 5 and answer.usage.total_tokens == answer.usage.prompt_tokens + 5
    assert answer._request_id


@case("chat.completions.create stream", *BOTH)
def stream(w, target):
    chunks = list(w.openai.chat.completions.create(model=w.model[target], messages=user("Hello"), stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "t0 t1 t2 t3 t4"
    assert chunks[0].choices[0].delta.role == "assistant" and all(chunk.usage is None for chunk in chunks)
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"


@case("chat.completions.create stream_options", *BOTH)
def stream_usage(w, target):
    chunks = list(
        w.openai.chat.completions.create(model=w.model[target], messages=user("Hello"), stream=True, stream_options={"include_usage": True})
    )
    assert chunks[-1].usage.completion_tokens == 5 and chunks[-1].choices == []


@case("chat.completions.create max_completion_tokens", *BOTH)
def cut(w, target):
    answer = w.openai.chat.completions.create(model=w.model[target], messages=user("Hello"), max_completion_tokens=2)
    assert answer.choices[0].finish_reason == "length" and answer.choices[0].message.content == "t0 t1"


@case("chat.completions.create stop, temperature, top_p, user", *BOTH)
def sampling(w, target):
    answer = w.openai.chat.completions.create(
        model=w.model[target], messages=user("Hello"), stop=["END"], temperature=0.5, top_p=0.9, user="u1", metadata={"a": "b"}
    )
    assert answer.choices[0].message.content


@case("chat.completions.create seed", *BOTH)
def seed(w, target):
    assert w.openai.chat.completions.create(model=w.model[target], messages=user("Hello"), seed=7).choices[0].message.content


@case("chat.completions.create n", *BOTH)
def several(w, target):
    answer = w.openai.chat.completions.create(model=w.model[target], messages=user("Hello"), n=2)
    assert [choice.index for choice in answer.choices] == [0, 1]


@case("chat.completions.create logprobs", *BOTH)
def logprobs(w, target):
    answer = w.openai.chat.completions.create(
        model=w.model[target], messages=user(scripted({"logprob": -0.5})), logprobs=True, top_logprobs=2
    )
    assert answer.choices[0].logprobs.content[0].logprob == -0.5


@case("chat.completions.create logit_bias", *BOTH)
def bias(w, target):
    assert w.openai.chat.completions.create(model=w.model[target], messages=user("Hello"), logit_bias={"50256": -100}).choices


@case("chat.completions.create penalties", *BOTH)
def penalties(w, target):
    assert w.openai.chat.completions.create(
        model=w.model[target], messages=user("Hello"), frequency_penalty=0.5, presence_penalty=0.5
    ).choices


@case("chat.completions.create reasoning_effort, verbosity", *BOTH)
def reasoning(w, target):
    assert w.openai.chat.completions.create(
        model=w.model[target], messages=user("Hello"), reasoning_effort="low", verbosity="low"
    ).choices


@case("chat.completions.create service_tier", *BOTH)
def tier(w, target):
    assert w.openai.chat.completions.create(model=w.model[target], messages=user("Hello"), service_tier="auto").choices


@case("chat.completions.create prediction", *BOTH)
def prediction(w, target):
    assert w.openai.chat.completions.create(
        model=w.model[target], messages=user("Hello"), prediction={"type": "content", "content": "t0 t1"}
    ).choices


@case("chat.completions.create prompt_cache_key, safety_identifier", *BOTH)
def cache_key(w, target):
    assert w.openai.chat.completions.create(
        model=w.model[target], messages=user("Hello"), prompt_cache_key="k", safety_identifier="s"
    ).choices


@case("chat.completions.create response_format json_object", *BOTH)
def json_object(w, target):
    answer = w.openai.chat.completions.create(
        model=w.model[target],
        messages=user(scripted({"texts": ['{"a":', "1}"]}, "Answer in JSON.")),
        response_format={"type": "json_object"},
    )
    assert answer.choices[0].message.content == '{"a":1}'


@case("chat.completions.create response_format json_schema", *BOTH)
def json_schema(w, target):
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}
    answer = w.openai.chat.completions.create(
        model=w.model[target],
        messages=user(scripted({"texts": ['{"a":', "1}"]})),
        response_format={"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}},
    )
    assert answer.choices[0].message.content == '{"a":1}'


@case("chat.completions.parse", *BOTH)
def parse(w, target):
    answer = w.openai.chat.completions.parse(
        model=w.model[target],
        messages=user(scripted({"texts": ['{"explanation":"e",', '"output":"o"}']}, "solve 8x + 31 = 2")),
        response_format=Step,
    )
    assert answer.choices[0].message.parsed == Step(explanation="e", output="o")


@case("chat.completions.parse function tool", *BOTH)
def parse_tool(w, target):
    class GetWeather(BaseModel):
        city: str

    answer = w.openai.chat.completions.parse(
        model=w.model[target],
        messages=user(scripted({"tool": {"name": "GetWeather", "arguments": '{"city":"Delft"}'}})),
        tools=[openai.pydantic_function_tool(GetWeather)],
    )
    assert answer.choices[0].message.tool_calls[0].function.parsed_arguments == GetWeather(city="Delft")


@case("chat.completions.stream", *BOTH)
def stream_helper(w, target):
    with w.openai.chat.completions.stream(
        model=w.model[target], messages=user(scripted({"texts": ['{"explanation":"e",', '"output":"o"}']})), response_format=Step
    ) as events:
        kinds = [event.type for event in events]
        last = events.get_final_completion()
    assert "content.delta" in kinds and "content.done" in kinds, kinds
    assert last.choices[0].message.parsed == Step(explanation="e", output="o")


@case("chat.completions.create tools", *BOTH)
def tools(w, target):
    asked = user(scripted(CALLS_WEATHER))
    first = w.openai.chat.completions.create(model=w.model[target], messages=asked, tools=[WEATHER], tool_choice="auto")
    message = first.choices[0].message
    assert first.choices[0].finish_reason == "tool_calls" and message.tool_calls[0].function.arguments == '{"city":"Delft"}'
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "18 degrees"}
    second = w.openai.chat.completions.create(model=w.model[target], messages=[*asked, message, result], tools=[WEATHER])
    assert second.choices[0].finish_reason == "stop" and second.choices[0].message.content


@case("chat.completions.create tools stream", *BOTH)
def tools_streamed(w, target):
    chunks = w.openai.chat.completions.create(model=w.model[target], messages=user(scripted(CALLS_WEATHER)), tools=[WEATHER], stream=True)
    deltas = [call for chunk in chunks for choice in chunk.choices for call in choice.delta.tool_calls or []]
    assert deltas[0].id and deltas[0].function.name == "get_weather" and deltas[0].index == 0
    assert "".join(delta.function.arguments or "" for delta in deltas) == '{"city":"Delft"}'


@case("chat.completions.create tool_choice, parallel_tool_calls", *BOTH)
def tool_choice(w, target):
    named = {"type": "function", "function": {"name": "get_weather"}}
    for choice in ("required", named):
        answer = w.openai.chat.completions.create(
            model=w.model[target],
            messages=user(scripted(CALLS_WEATHER)),
            tools=[WEATHER],
            tool_choice=choice,
            parallel_tool_calls=False,
        )
        assert answer.choices[0].message.tool_calls[0].function.name == "get_weather"


@case("chat.completions.create tools, two results", *BOTH)
def two_results(w, target):
    calls = [
        {"id": f"call_{n}", "type": "function", "function": {"name": "get_weather", "arguments": f'{{"city":"{n}"}}'}} for n in "ab"
    ]
    results = [{"role": "tool", "tool_call_id": f"call_{n}", "content": "18"} for n in "ab"]
    messages = [*user("Weather?"), {"role": "assistant", "content": None, "tool_calls": calls}, *results]
    assert w.openai.chat.completions.create(model=w.model[target], messages=messages, tools=[WEATHER]).choices[0].message.content


@case("chat.completions.create tools, empty contents", *BOTH)
def empty_contents(w, target):
    call = {"id": "call_a", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"a"}'}}
    messages = [
        *user("Weather?"),
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_a", "content": ""},
    ]
    assert w.openai.chat.completions.create(model=w.model[target], messages=messages, tools=[WEATHER]).choices[0].message.content


@case("chat.completions.create custom tool", *BOTH)
def custom_tool(w, target):
    tool = {"type": "custom", "custom": {"name": "code", "description": "Runs code."}}
    assert w.openai.chat.completions.create(model=w.model[target], messages=user("Hello"), tools=[tool]).choices


@case("chat.completions.create functions", *BOTH)
def functions(w, target):
    function = {"name": "get_weather", "parameters": WEATHER["function"]["parameters"]}
    assert w.openai.chat.completions.create(model=w.model[target], messages=user("Hello"), functions=[function]).choices


@case("chat.completions.create image_url", *BOTH)
def image(w, target):
    for url in (IMAGE, "https://example.com/image.png"):
        parts = [{"type": "text", "text": "What is in this image?"}, {"type": "image_url", "image_url": {"url": url, "detail": "low"}}]
        assert w.openai.chat.completions.create(model=w.model[target], messages=user(parts)).choices[0].message.content


@case("chat.completions.create input_audio", *BOTH)
def audio_in(w, target):
    parts = [{"type": "text", "text": "What is said?"}, {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}]
    assert w.openai.chat.completions.create(model=w.model[target], messages=user(parts)).choices[0].message.content


@case("chat.completions.create audio output", *BOTH)
def audio_out(w, target):
    assert w.openai.chat.completions.create(
        model=w.model[target], messages=user("Hello"), modalities=["text", "audio"], audio={"voice": "alloy", "format": "wav"}
    ).choices


@case("chat.completions.create file", *BOTH)
def file_in(w, target):
    data = "data:application/pdf;base64,JVBERi0xLjQKMSAwIG9iajw8L1R5cGUvUGFnZT4+ZW5kb2JqCg=="
    parts = [{"type": "text", "text": "Sum up."}, {"type": "file", "file": {"filename": "a.pdf", "file_data": data}}]
    assert w.openai.chat.completions.create(model=w.model[target], messages=user(parts)).choices[0].message.content


@case("chat.completions.create web_search_options", *BOTH)
def web_search(w, target):
    assert w.openai.chat.completions.create(
        model=w.model[target], messages=user("Hello"), web_search_options={"search_context_size": "low"}
    ).choices


@case("chat.completions.create assistant parts, names", *BOTH)
def conversation(w, target):
    messages = [
        {"role": "system", "content": [{"type": "text", "text": "Be short."}]},
        {"role": "user", "content": [{"type": "text", "text": "Hello"}], "name": "ada"},
        {"role": "assistant", "content": [{"type": "text", "text": "Hi."}]},
        {"role": "user", "content": "And now?"},
    ]
    assert w.openai.chat.completions.create(model=w.model[target], messages=messages).choices[0].message.content


@case("chat.completions.retrieve, list, update, delete", *BOTH)
def stored(w, target):
    chats = w.openai.chat.completions
    made = chats.create(model=w.model[target], messages=user("Hello"), store=True, metadata={"case": f"{w.unique} {target}"})
    assert chats.retrieve(made.id).id == made.id
    # The package says that all messages are of assistants.
    assert [message.content for message in w.lenient.chat.completions.messages.list(made.id)] == ["Hello"]
    assert chats.update(made.id, metadata={"case": f"{w.unique} {target}", "more": "1"}).metadata["more"] == "1"
    assert [chat.id for chat in chats.list(metadata={"case": f"{w.unique} {target}"})] == [made.id]
    assert chats.delete(made.id).deleted


@case("completions.create", "openai")
def completions(w, target):
    answer = w.openai.completions.create(model=w.model[target], prompt="Say this", max_tokens=5)
    assert answer.choices[0].text == "t0 t1 t2 t3 t4" and answer.usage.completion_tokens == 5
    chunks = w.lenient.completions.create(model=w.model[target], prompt="Say this", max_tokens=5, stream=True)
    assert "".join(chunk.choices[0].text for chunk in chunks) == "t0 t1 t2 t3 t4"


@case("moderations.create")
def moderations(w):
    texts = w.openai.moderations.create(model="mod-mock", input=["violence", "peace"])
    assert [result.flagged for result in texts.results] == [True, False]
    parts = [{"type": "text", "text": "peace"}, {"type": "image_url", "image_url": {"url": IMAGE}}]
    assert w.openai.moderations.create(model="mod-mock", input=parts).results
