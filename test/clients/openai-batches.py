"""Files and batches through the openai package, as its users call them; what came of it is printed as JSON."""

import json
import sys
import time

import openai

model = sys.argv[1]
client = openai.OpenAI(max_retries=0)


def line(custom_id, text):
    body = {"model": model, "input": text, "encoding_format": "float"}
    return json.dumps({"custom_id": custom_id, "method": "POST", "url": "/v1/embeddings", "body": body})


def submit(lines):
    content = "\n".join(lines).encode()
    file = client.files.create(file=("requests.jsonl", content), purpose="batch")
    return client.batches.create(input_file_id=file.id, endpoint="/v1/embeddings", completion_window="24h")


def settled(batch):
    for _ in range(1200):
        if batch.status in ("completed", "failed", "expired", "cancelled"):
            return batch
        time.sleep(0.1)
        batch = client.batches.retrieve(batch.id)
    sys.exit(f"the batch is still {batch.status}")


def answers(file_id):
    return [json.loads(each) for each in client.files.content(file_id).text.splitlines()]


lifetime = {"expires_after[anchor]": "created_at", "expires_after[seconds]": "3600"}
file = client.files.create(file=("a.jsonl", b"{}\n"), purpose="batch", extra_body=lifetime)
found = client.files.retrieve(file.id)
listed = file.id in [each.id for each in client.files.list(purpose="batch")]
deleted = client.files.delete(file.id).deleted

texts = {"one": "water flows", "two": "the lock gate"}
batch = settled(submit([*(line(each, text) for each, text in texts.items()), line("three", "")]))
output = answers(batch.output_file_id)
edge = client.embeddings.create(model=model, input=list(texts.values()), encoding_format="float")
invalid = settled(submit([line("a", "x"), "not json"]))

waiting = submit([line("a", "x")])
try:
    cancelled = client.batches.cancel(waiting.id).status in ("cancelling", "cancelled")
except openai.ConflictError:
    # It had ended before.
    cancelled = client.batches.retrieve(waiting.id).status == "completed"

try:
    client.batches.retrieve("batch_" + "0" * 26)
    missing = None
except openai.NotFoundError as error:
    missing = error.code

print(
    json.dumps(
        {
            "file": {"purpose": found.purpose, "status": found.status, "life": found.expires_at - found.created_at},
            "listed": listed,
            "deleted": deleted,
            "status": batch.status,
            "counts": [batch.request_counts.total, batch.request_counts.completed, batch.request_counts.failed],
            "ids": [each["custom_id"] for each in output],
            "equal": [each["response"]["body"]["data"][0]["embedding"] for each in output]
            == [each.embedding for each in edge.data],
            "failed": [each["custom_id"] for each in answers(batch.error_file_id)],
            "invalid": {"status": invalid.status, "errors": [[each.line, each.code] for each in invalid.errors.data]},
            "cancelled": cancelled,
            "missing": missing,
        }
    )
)
