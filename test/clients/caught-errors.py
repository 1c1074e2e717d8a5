"""Calls that upstreams refuse, through the openai and anthropic packages; what their users catch is printed as JSON."""

import json
import os
import sys

import anthropic
import openai

url, key = os.environ["SLUICE_URL"], os.environ["SLUICE_KEY"]
of_openai = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)
of_anthropic = anthropic.Anthropic(base_url=url, api_key=key, max_retries=0)


def caught(create, asked, stream):
    try:
        create(**asked, stream=stream)
    except (openai.APIStatusError, anthropic.APIStatusError) as error:
        return error
    raise AssertionError(f"{asked} was answered")


results = []
for asked in json.loads(sys.argv[1]):
    chats = [caught(of_openai.chat.completions.create, asked, stream) for stream in (False, True)]
    messages = [caught(of_anthropic.messages.create, asked, stream) for stream in (False, True)]
    assert len({error.status_code for error in chats + messages}) == 1, asked
    assert all(error.body["error"]["upstream"]["name"] == asked["model"] for error in messages), asked
    results.append(
        {
            "status": chats[0].status_code,
            "openai": [type(error).__name__ for error in chats],
            "anthropic": [type(error).__name__ for error in messages],
            "code": chats[0].code,
            "param": chats[0].param,
            "retry_after": chats[0].response.headers.get("retry-after"),
            "request_ids": [chats[0].request_id is not None, messages[0].request_id is not None],
        }
    )
print(json.dumps(results))
