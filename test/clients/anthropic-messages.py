"""What the anthropic package does besides messages, as its users call it; what came of it is printed as JSON."""

import json
import sys

import anthropic

native, translated = sys.argv[1], sys.argv[2]
client = anthropic.Anthropic(max_retries=0)
messages = [{"role": "user", "content": "hello"}]


def refused(call):
    try:
        call()
        return None
    except anthropic.APIStatusError as error:
        return [error.status_code, type(error).__name__]


@anthropic.beta_tool
def weather(city: str, days: int) -> str:
    """The weather of a city.

    Args:
        city: Its name.
        days: How many.
    """
    return f"dry in {city}"


def ran(model):
    runner = client.beta.messages.tool_runner(model=model, max_tokens=100, messages=messages, tools=[weather])
    return [message.stop_reason for message in runner]


def interleaved(model):
    with client.messages.stream(model=model, max_tokens=100, messages=messages) as stream:
        return [[block.type, block.input if block.type == "tool_use" else block.text] for block in stream.get_final_message().content]


ids = [model.id for model in client.models.list(limit=2)]
document = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Grass is green."}, "title": "A"}
read = client.messages.create(model=translated, max_tokens=100, messages=[{"role": "user", "content": [document]}])
print(
    json.dumps(
        {
            "counted": [client.messages.count_tokens(model=model, messages=messages).input_tokens for model in (native, translated)],
            "beta": client.beta.messages.count_tokens(model=native, messages=messages).input_tokens,
            "models": [len(ids) == len(set(ids)), native.split("/")[1] in ids, client.models.retrieve(native).type],
            "missing": refused(lambda: client.models.retrieve("none")),
            "files": refused(lambda: client.beta.files.list()),
            "read": read.content[0].text,
            "ran": [ran(native), ran(translated)],
            "interleaved": interleaved(sys.argv[3]),
        }
    )
)
