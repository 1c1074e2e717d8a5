"""Chats and responses through the openai package, as its users call them; what came of it is printed as JSON."""

import json
import sys

import openai

model, missing = sys.argv[1], sys.argv[2]
client = openai.OpenAI(max_retries=0)
messages = [{"role": "user", "content": "hello"}]

whole = client.chat.completions.create(model=model, messages=messages)
chunks = list(client.chat.completions.create(model=model, messages=messages, stream=True, stream_options={"include_usage": True}))
try:
    client.chat.completions.create(model=missing, messages=messages)
    refused = None
except openai.NotFoundError as error:
    refused = error.code

print(
    json.dumps(
        {
            "text": whole.choices[0].message.content,
            "streamed": "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices),
            "tokens": [whole.usage.completion_tokens, chunks[-1].usage.completion_tokens],
            "refused": refused,
        }
    )
)
