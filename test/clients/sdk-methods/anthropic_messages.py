"""Messages as the README and the guides of the anthropic package show them."""

import anthropic
from anthropic import beta_async_tool, beta_tool
from pydantic import BaseModel

from cases import case, scripted
from openai_chat import BOTH, PIXEL, Step

TEXT = "t0 t1 t2 t3 t4"
PDF = "JVBERi0xLjQKMSAwIG9iajw8L1R5cGUvUGFnZT4+ZW5kb2JqCg=="
WEATHER = {
    "name": "get_weather",
    "description": "The weather of a place.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
CALLS_WEATHER = {"tool": {"name": "get_weather", "arguments": '{"city":"Delft"}'}}


def user(content):
    return [{"role": "user", "content": content}]


def texts(message):
    return "".join(block.text for block in message.content if block.type == "text")


@case("messages.create", *BOTH)
def create(w, target):
    message = w.anthropic.messages.create(max_tokens=1024, messages=user("Hello, Claude"), model=w.model[target])
    assert texts(message) == TEXT and message.stop_reason == "end_turn" and message.role == "assistant" and message.type == "message"
    assert message.usage.output_tokens == 5 and message.usage.input_tokens > 0
    assert message._request_id


@case("messages.create stream", *BOTH)
def stream(w, target):
    events = list(w.anthropic.messages.create(max_tokens=64, messages=user("Hello"), model=w.model[target], stream=True))
    kinds = [event.type for event in events if event.type != "ping"]
    assert kinds[0] == "message_start" and kinds[1] == "content_block_start" and kinds[-2:] == ["message_delta", "message_stop"], kinds
    assert "".join(event.delta.text for event in events if event.type == "content_block_delta") == TEXT


@case("messages.stream", *BOTH)
def stream_helper(w, target):
    with w.anthropic.messages.stream(max_tokens=64, messages=user("Hello"), model=w.model[target]) as events:
        assert "".join(events.text_stream) == TEXT
        message = events.get_final_message()
    assert texts(message) == TEXT and message.stop_reason == "end_turn" and message.usage.output_tokens == 5


@case("messages.create system", *BOTH)
def system(w, target):
    for value in ("Be short.", [{"type": "text", "text": "Be short.", "cache_control": {"type": "ephemeral"}}]):
        assert texts(w.anthropic.messages.create(max_tokens=64, system=value, messages=user("Hello"), model=w.model[target])) == TEXT


@case("messages.create max_tokens", *BOTH)
def cut(w, target):
    assert w.anthropic.messages.create(max_tokens=2, messages=user("Hello"), model=w.model[target]).stop_reason == "max_tokens"


@case("messages.create conversation", *BOTH)
def conversation(w, target):
    messages = [*user([{"type": "text", "text": "Hello"}]), {"role": "assistant", "content": "Hi."}, *user("And now?")]
    assert texts(w.anthropic.messages.create(max_tokens=64, messages=messages, model=w.model[target])) == TEXT


@case("messages.create temperature, top_p, stop_sequences, metadata", *BOTH)
def sampling(w, target):
    assert texts(
        w.anthropic.messages.create(
            max_tokens=64, messages=user("Hello"), model=w.model[target], extra_body={"temperature": 0.5},
            stop_sequences=["END"], metadata={"user_id": "u1"},
        )
    )


@case("messages.create top_k", *BOTH)
def top_k(w, target):
    assert texts(w.anthropic.messages.create(max_tokens=64, messages=user("Hello"), model=w.model[target], extra_body={"top_k": 5}))


@case("messages.create service_tier", *BOTH)
def tier(w, target):
    assert texts(w.anthropic.messages.create(max_tokens=64, messages=user("Hello"), model=w.model[target], service_tier="auto"))


@case("messages.create thinking", *BOTH)
def thinking(w, target):
    options = {"max_tokens": 4096, "messages": user("Hello"), "model": w.model[target]}
    message = w.anthropic.messages.create(thinking={"type": "enabled", "budget_tokens": 2048}, **options)
    assert texts(message) == TEXT
    assert texts(w.anthropic.messages.create(thinking={"type": "disabled"}, **options)) == TEXT


@case("messages.create thinking adaptive", *BOTH)
def thinking_adaptive(w, target):
    assert texts(
        w.anthropic.messages.create(
            max_tokens=4096, messages=user("Hello"), model=w.model[target], thinking={"type": "adaptive"}, output_config={"effort": "low"}
        )
    )


@case("messages.create thinking blocks sent back", *BOTH)
def thinking_back(w, target):
    blocks = [{"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}, {"type": "text", "text": "Hi."}]
    messages = [*user("Hello"), {"role": "assistant", "content": blocks}, *user("And now?")]
    assert texts(w.anthropic.messages.create(max_tokens=64, messages=messages, model=w.model[target])) == TEXT


@case("messages.create image base64", *BOTH)
def image(w, target):
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    parts = [{"type": "image", "source": source}, {"type": "text", "text": "What is this?"}]
    assert texts(w.anthropic.messages.create(max_tokens=64, messages=user(parts), model=w.model[target])) == TEXT


@case("messages.create image url", *BOTH)
def image_url(w, target):
    parts = [{"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}, {"type": "text", "text": "What is this?"}]
    assert texts(w.anthropic.messages.create(max_tokens=64, messages=user(parts), model=w.model[target])) == TEXT


@case("messages.create document base64", *BOTH)
def document(w, target):
    source = {"type": "base64", "media_type": "application/pdf", "data": PDF}
    parts = [{"type": "document", "source": source, "title": "A"}, {"type": "text", "text": "Sum up."}]
    assert texts(w.anthropic.messages.create(max_tokens=64, messages=user(parts), model=w.model[target])) == TEXT


@case("messages.create document url", *BOTH)
def document_url(w, target):
    parts = [{"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}}, {"type": "text", "text": "Sum up."}]
    assert texts(w.anthropic.messages.create(max_tokens=64, messages=user(parts), model=w.model[target])) == TEXT


@case("messages.create document text, citations", *BOTH)
def document_text(w, target):
    source = {"type": "text", "media_type": "text/plain", "data": "Grass is green."}
    parts = [{"type": "document", "source": source, "citations": {"enabled": True}}, {"type": "text", "text": "Colour?"}]
    assert texts(w.anthropic.messages.create(max_tokens=64, messages=user(parts), model=w.model[target])) == TEXT


@case("messages.create search_result", *BOTH)
def search_result(w, target):
    result = {"type": "search_result", "source": "https://example.com", "title": "A", "content": [{"type": "text", "text": "Grass."}]}
    parts = [result, {"type": "text", "text": "Colour?"}]
    assert texts(w.anthropic.messages.create(max_tokens=64, messages=user(parts), model=w.model[target])) == TEXT


@case("messages.create tools", *BOTH)
def tools(w, target):
    asked = user(scripted(CALLS_WEATHER))
    first = w.anthropic.messages.create(max_tokens=64, messages=asked, model=w.model[target], tools=[WEATHER])
    assert first.stop_reason == "tool_use", first.stop_reason
    call = next(block for block in first.content if block.type == "tool_use")
    assert call.name == "get_weather" and call.input == {"city": "Delft"}
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "18 degrees"}
    messages = [*asked, {"role": "assistant", "content": first.content}, *user([result])]
    second = w.anthropic.messages.create(max_tokens=64, messages=messages, model=w.model[target], tools=[WEATHER])
    assert second.stop_reason == "end_turn" and texts(second)


@case("messages.create tools stream", *BOTH)
def tools_streamed(w, target):
    with w.anthropic.messages.stream(
        max_tokens=64, messages=user(scripted(CALLS_WEATHER)), model=w.model[target], tools=[WEATHER]
    ) as events:
        message = events.get_final_message()
    assert [block.input for block in message.content if block.type == "tool_use"] == [{"city": "Delft"}]


@case("messages.create tool_choice", *BOTH)
def tool_choice(w, target):
    for choice in ({"type": "any"}, {"type": "tool", "name": "get_weather"}, {"type": "auto", "disable_parallel_tool_use": True}):
        message = w.anthropic.messages.create(
            max_tokens=64, messages=user(scripted(CALLS_WEATHER)), model=w.model[target], tools=[WEATHER], tool_choice=choice
        )
        assert message.stop_reason == "tool_use"


@case("messages.create two tool results", *BOTH)
def two_results(w, target):
    calls = [{"type": "tool_use", "id": f"toolu_{n}", "name": "get_weather", "input": {"city": n}} for n in "ab"]
    results = [{"type": "tool_result", "tool_use_id": f"toolu_{n}", "content": [{"type": "text", "text": "18"}]} for n in "ab"]
    messages = [
        *user("Weather?"),
        {"role": "assistant", "content": [{"type": "text", "text": "I look."}, *calls]},
        *user([*results, {"type": "text", "text": "And?"}]),
    ]
    assert texts(w.anthropic.messages.create(max_tokens=64, messages=messages, model=w.model[target], tools=[WEATHER])) == TEXT


@case("messages.create tool result with error, image", *BOTH)
def result_image(w, target):
    calls = [{"type": "tool_use", "id": f"toolu_{n}", "name": "get_weather", "input": {"city": n}} for n in "ab"]
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    results = [
        {"type": "tool_result", "tool_use_id": "toolu_a", "is_error": True, "content": "no such city"},
        {"type": "tool_result", "tool_use_id": "toolu_b", "content": [{"type": "image", "source": source}]},
    ]
    messages = [*user("Weather?"), {"role": "assistant", "content": calls}, *user(results)]
    assert texts(w.anthropic.messages.create(max_tokens=64, messages=messages, model=w.model[target], tools=[WEATHER])) == TEXT


@case("messages.create web_search", *BOTH)
def web_search(w, target):
    tool = {"type": "web_search_20250305", "name": "web_search", "max_uses": 2}
    assert texts(w.anthropic.messages.create(max_tokens=64, messages=user("News?"), model=w.model[target], tools=[tool])) == TEXT


@case("messages.parse", *BOTH)
def parse(w, target):
    message = w.anthropic.messages.parse(
        max_tokens=64,
        messages=user(scripted({"texts": ['{"explanation":"e",', '"output":"o"}']})),
        model=w.model[target],
        output_format=Step,
    )
    assert message.parsed_output == Step(explanation="e", output="o")


@case("messages.create output_config", *BOTH)
def output_config(w, target):
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}
    message = w.anthropic.messages.create(
        max_tokens=64,
        messages=user(scripted({"texts": ['{"a":1}']})),
        model=w.model[target],
        output_config={"format": {"type": "json_schema", "schema": schema}},
    )
    assert texts(message) == '{"a":1}'


def weather_tool(w):
    def get_weather(city: str) -> str:
        """The weather of a place.

        Args:
            city: The place.
        """
        return "18 degrees"

    async def get_weather_async(city: str) -> str:
        """The weather of a place.

        Args:
            city: The place.
        """
        return "18 degrees"

    get_weather_async.__name__ = "get_weather"
    return beta_async_tool(get_weather_async, name="get_weather") if w.is_async else beta_tool(get_weather)


@case("beta.messages.toolRunner", *BOTH)
def tool_runner(w, target):
    runner = w.anthropic.beta.messages.tool_runner(
        max_tokens=64, messages=user(scripted(CALLS_WEATHER)), model=w.model[target], tools=[weather_tool(w)]
    )
    stops = [message.stop_reason for message in runner]
    assert stops == ["tool_use", "end_turn"], stops


@case("beta.messages.toolRunner stream", *BOTH)
def tool_runner_stream(w, target):
    runner = w.anthropic.beta.messages.tool_runner(
        max_tokens=64, messages=user(scripted(CALLS_WEATHER)), model=w.model[target], tools=[weather_tool(w)], stream=True
    )
    stops = [stream.get_final_message().stop_reason for stream in runner]
    assert stops == ["tool_use", "end_turn"], stops


@case("beta.messages.create", *BOTH)
def beta_create(w, target):
    message = w.anthropic.beta.messages.create(max_tokens=64, messages=user("Hello"), model=w.model[target])
    assert texts(message) == TEXT


@case("beta.messages.stream", *BOTH)
def beta_stream(w, target):
    with w.anthropic.beta.messages.stream(max_tokens=64, messages=user("Hello"), model=w.model[target]) as events:
        assert "".join(events.text_stream) == TEXT


@case("beta.messages.parse", *BOTH)
def beta_parse(w, target):
    message = w.anthropic.beta.messages.parse(
        max_tokens=64, messages=user(scripted({"texts": ['{"explanation":"e",', '"output":"o"}']})), model=w.model[target], output_format=Step
    )
    assert message.parsed_output == Step(explanation="e", output="o")


@case("beta.messages.create betas", *BOTH)
def betas(w, target):
    message = w.anthropic.beta.messages.create(
        max_tokens=64, messages=user("Hello"), model=w.model[target], betas=["interleaved-thinking-2025-05-14"]
    )
    assert texts(message) == TEXT


@case("beta.messages.create mcp_servers", *BOTH)
def mcp(w, target):
    message = w.anthropic.beta.messages.create(
        max_tokens=64,
        messages=user("Hello"),
        model=w.model[target],
        mcp_servers=[{"type": "url", "name": "x", "url": "https://example.com/mcp"}],
        tools=[{"type": "mcp_toolset", "mcp_server_name": "x"}],
        betas=["mcp-client-2025-11-20"],
    )
    assert texts(message) == TEXT


@case("beta.messages.thread", *BOTH)
def thread(w, target):
    conversation = w.anthropic.beta.messages.thread(max_tokens=64, model=w.model[target])
    message = conversation.send({"role": "user", "content": "Hello"})
    assert texts(message) == TEXT
