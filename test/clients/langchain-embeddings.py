"""Embeds texts by LangChain's OpenAIEmbeddings as its documentation has it. Arguments: base URL, key, model, folder of tiktoken's tables, texts as JSON."""

import hashlib
import json
import os
import shutil
import sys
import tempfile

base_url, api_key, model, tables, texts = sys.argv[1:]

with tempfile.TemporaryDirectory() as cache:
    # tiktoken downloads its tables, unless they are here under the hash of their address; it checks what is in them.
    os.environ["TIKTOKEN_CACHE_DIR"] = cache
    for name in ("cl100k_base", "o200k_base"):
        url = f"https://openaipublic.blob.core.windows.net/encodings/{name}.tiktoken"
        shutil.copy(os.path.join(tables, f"{name}.tiktoken"), os.path.join(cache, hashlib.sha1(url.encode()).hexdigest()))

    import httpx
    from langchain_openai import OpenAIEmbeddings

    sent = []
    client = httpx.Client(event_hooks={"request": [lambda request: sent.append(json.loads(request.read()))]})
    embeddings = OpenAIEmbeddings(model=model, base_url=base_url, api_key=api_key, http_client=client)
    vectors = embeddings.embed_documents(json.loads(texts))
    sent_ids = all(isinstance(token, int) for body in sent for ids in body["input"] for token in ids)
    print(json.dumps({"vectors": vectors, "sent_ids": sent_ids}))
