"""Responses as the README and the guides of the openai package show them."""

import openai
from pydantic import BaseModel

from cases import case, scripted
from openai_chat import BOTH, CALLS_WEATHER, IMAGE, Step, WEATHER

TOOL = {"type": "function", **WEATHER["function"]}
TEXT = "t0 t1 t2 t3 t4"


@case("responses.create", *BOTH)
def create(w, target):
    answer = w.openai.responses.create(
        model=w.model[target], instructions="You talk like a pirate.", input="How do I check a type?", max_output_tokens=64
    )
    assert answer.output_text == TEXT and answer.status == "completed" and answer.object == "response"
    assert answer.usage.output_tokens == 5 and answer.usage.input_tokens > 0 and answer._request_id


@case("responses.create messages", *BOTH)
def messages(w, target):
    answer = w.openai.responses.create(
        model=w.model[target],
        input=[
            {"role": "developer", "content": "Be short."},
            {"role": "user", "content": [{"type": "input_text", "text": "Hello"}]},
            {"role": "assistant", "content": "Hi."},
            {"role": "user", "content": "And now?"},
        ],
    )
    assert answer.output_text == TEXT


@case("responses.create stream", *BOTH)
def stream(w, target):
    events = list(w.openai.responses.create(model=w.model[target], input="Hello", stream=True))
    kinds = [event.type for event in events]
    assert kinds[0] == "response.created" and kinds[-1] == "response.completed", kinds
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == TEXT
    for kind in ("response.output_item.added", "response.content_part.added", "response.output_text.done", "response.output_item.done"):
        assert kind in kinds, kind
    assert [event.sequence_number for event in events] == sorted({event.sequence_number for event in events})
    assert events[-1].response.usage.output_tokens == 5


@case("responses.create max_output_tokens", *BOTH)
def cut(w, target):
    answer = w.openai.responses.create(model=w.model[target], input="Hello", max_output_tokens=2)
    assert answer.status == "incomplete" and answer.incomplete_details.reason == "max_output_tokens"


@case("responses.stream", *BOTH)
def stream_helper(w, target):
    text = scripted({"texts": ['{"explanation":"e",', '"output":"o"}']})
    with w.openai.responses.stream(model=w.model[target], input=text, text_format=Step) as events:
        assert any(event.type == "response.output_text.delta" for event in events)
        assert events.get_final_response().output_parsed == Step(explanation="e", output="o")


@case("responses.parse", *BOTH)
def parse(w, target):
    text = scripted({"texts": ['{"explanation":"e",', '"output":"o"}']})
    answer = w.openai.responses.parse(model=w.model[target], input=text, text_format=Step)
    assert answer.output_parsed == Step(explanation="e", output="o")


@case("responses.parse function tool", *BOTH)
def parse_tool(w, target):
    class GetWeather(BaseModel):
        city: str

    answer = w.openai.responses.parse(
        model=w.model[target],
        input=scripted({"tool": {"name": "GetWeather", "arguments": '{"city":"Delft"}'}}),
        tools=[openai.pydantic_function_tool(GetWeather)],
    )
    assert [item.parsed_arguments for item in answer.output if item.type == "function_call"] == [GetWeather(city="Delft")]


@case("responses.create text json_object", *BOTH)
def json_object(w, target):
    answer = w.openai.responses.create(
        model=w.model[target], input=scripted({"texts": ['{"a":1}']}, "Answer in JSON."), text={"format": {"type": "json_object"}}
    )
    assert answer.output_text == '{"a":1}'


@case("responses.create tools", *BOTH)
def tools(w, target):
    asked = [{"role": "user", "content": scripted(CALLS_WEATHER)}]
    first = w.openai.responses.create(model=w.model[target], input=asked, tools=[TOOL])
    call = next(item for item in first.output if item.type == "function_call")
    assert call.name == "get_weather" and call.arguments == '{"city":"Delft"}'
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "18 degrees"}
    second = w.openai.responses.create(model=w.model[target], input=[*asked, *first.output, result], tools=[TOOL])
    assert second.output_text


@case("responses.create tools stream", *BOTH)
def tools_streamed(w, target):
    events = list(w.openai.responses.create(model=w.model[target], input=scripted(CALLS_WEATHER), tools=[TOOL], stream=True))
    deltas = [event.delta for event in events if event.type == "response.function_call_arguments.delta"]
    assert "".join(deltas) == '{"city":"Delft"}'
    assert next(event for event in events if event.type == "response.function_call_arguments.done").arguments == '{"city":"Delft"}'


@case("responses.create tool_choice", *BOTH)
def tool_choice(w, target):
    for choice in ("required", {"type": "function", "name": "get_weather"}):
        answer = w.openai.responses.create(
            model=w.model[target], input=scripted(CALLS_WEATHER), tools=[TOOL], tool_choice=choice, parallel_tool_calls=False
        )
        assert any(item.type == "function_call" for item in answer.output)


@case("responses.create input_image", *BOTH)
def image(w, target):
    for url in (IMAGE, "https://example.com/image.png"):
        parts = [{"type": "input_text", "text": "What is in this image?"}, {"type": "input_image", "image_url": url}]
        assert w.openai.responses.create(model=w.model[target], input=[{"role": "user", "content": parts}]).output_text


@case("responses.create input_file", *BOTH)
def file(w, target):
    data = "data:application/pdf;base64,JVBERi0xLjQKMSAwIG9iajw8L1R5cGUvUGFnZT4+ZW5kb2JqCg=="
    parts = [{"type": "input_text", "text": "Sum up."}, {"type": "input_file", "filename": "a.pdf", "file_data": data}]
    assert w.openai.responses.create(model=w.model[target], input=[{"role": "user", "content": parts}]).output_text


@case("responses.create reasoning", *BOTH)
def reasoning(w, target):
    assert w.openai.responses.create(model=w.model[target], input="Hello", reasoning={"effort": "low", "summary": "auto"}).output_text


@case("responses.create include encrypted reasoning", *BOTH)
def encrypted(w, target):
    assert w.openai.responses.create(
        model=w.model[target], input="Hello", store=False, include=["reasoning.encrypted_content"]
    ).output_text


@case("responses.create metadata, user, truncation", *BOTH)
def metadata(w, target):
    answer = w.openai.responses.create(
        model=w.model[target], input="Hello", metadata={"a": "b"}, user="u1", truncation="disabled", temperature=0.5, top_p=0.9
    )
    assert answer.output_text


@case("responses.create web_search", *BOTH)
def web_search(w, target):
    assert w.openai.responses.create(model=w.model[target], input="News?", tools=[{"type": "web_search"}]).output_text


@case("responses.create built-in tools", *BOTH)
def built_in(w, target):
    assert w.openai.responses.create(
        model=w.model[target], input="Run it.", tools=[{"type": "code_interpreter", "container": {"type": "auto"}}]
    ).output_text


@case("responses.create mcp", *BOTH)
def mcp(w, target):
    tool = {"type": "mcp", "server_label": "x", "server_url": "https://example.com/mcp", "require_approval": "never"}
    assert w.openai.responses.create(model=w.model[target], input="Hello", tools=[tool]).output_text


@case("responses.create custom tool", *BOTH)
def custom_tool(w, target):
    assert w.openai.responses.create(model=w.model[target], input="Hello", tools=[{"type": "custom", "name": "code"}]).output_text


@case("responses.create background", *BOTH)
def background(w, target):
    assert w.openai.responses.create(model=w.model[target], input="Hello", background=True).status in ("queued", "in_progress", "completed")


@case("responses.create previous_response_id", *BOTH)
def previous(w, target):
    first = w.openai.responses.create(model=w.model[target], input="Hello")
    second = w.openai.responses.create(model=w.model[target], input="And now?", previous_response_id=first.id)
    assert second.output_text == TEXT and second.previous_response_id == first.id
    assert second.usage.input_tokens > first.usage.input_tokens


@case("responses.create previous_response_id, tools", *BOTH)
def previous_tools(w, target):
    first = w.openai.responses.create(model=w.model[target], input=scripted(CALLS_WEATHER), tools=[TOOL])
    call = next(item for item in first.output if item.type == "function_call")
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "18 degrees"}
    assert w.openai.responses.create(model=w.model[target], input=[result], previous_response_id=first.id, tools=[TOOL]).output_text


@case("responses.retrieve", *BOTH)
def retrieve(w, target):
    made = w.openai.responses.create(model=w.model[target], input="Hello")
    found = w.openai.responses.retrieve(made.id)
    assert found.id == made.id and found.output_text == TEXT


@case("responses.retrieve stream", *BOTH)
def retrieve_stream(w, target):
    made = w.openai.responses.create(model=w.model[target], input="Hello")
    assert [event.type for event in w.openai.responses.retrieve(made.id, stream=True)][-1] == "response.completed"


@case("responses.inputItems.list", *BOTH)
def input_items(w, target):
    made = w.openai.responses.create(model=w.model[target], input="Hello")
    items = list(w.openai.responses.input_items.list(made.id, order="asc"))
    assert items[0].content[0].text == "Hello"


@case("responses.delete", *BOTH)
def delete(w, target):
    made = w.openai.responses.create(model=w.model[target], input="Hello")
    w.openai.responses.delete(made.id)
    try:
        w.openai.responses.retrieve(made.id)
    except openai.NotFoundError:
        return
    raise AssertionError("it is still there")


@case("responses.create store false", *BOTH)
def not_stored(w, target):
    made = w.openai.responses.create(model=w.model[target], input="Hello", store=False)
    try:
        w.openai.responses.retrieve(made.id)
    except openai.NotFoundError:
        return
    raise AssertionError("it was stored")


@case("responses.inputTokens.count", *BOTH)
def input_tokens(w, target):
    counted = w.openai.responses.input_tokens.count(model=w.model[target], input="Tell me a joke.")
    assert counted.input_tokens > 0 and counted.object == "response.input_tokens"


@case("responses.compact", *BOTH)
def compact(w, target):
    assert w.openai.responses.compact(model=w.model[target], input="Tell me a joke.").output


@case("responses.cancel", *BOTH)
def cancel(w, target):
    made = w.openai.responses.create(model=w.model[target], input="Hello")
    w.openai.responses.cancel(made.id)


@case("responses.create conversation", *BOTH)
def conversation(w, target):
    made = w.openai.conversations.create()
    assert w.openai.responses.create(model=w.model[target], input="Hello", conversation=made.id).output_text
