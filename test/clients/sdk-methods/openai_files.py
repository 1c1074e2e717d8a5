"""Embeddings, models, files, uploads, batches and fine-tuning as the README and the guides of the openai package show them."""

import io
import json
import math
import time

import openai

from cases import case

EDGE = "glove-sif-100"
PAIRS = "\n".join(json.dumps({"anchor": f"word {n}", "positive": f"term {n}"}) for n in range(12))


def lines(url, *bodies):
    return "\n".join(json.dumps({"custom_id": f"r{n}", "method": "POST", "url": url, "body": body}) for n, body in enumerate(bodies))


def uploaded(w, content="{}", purpose="batch"):
    return w.openai.files.create(file=("lines.jsonl", content.encode()), purpose=purpose)


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b)) / math.hypot(*a) / math.hypot(*b)


@case("embeddings.create")
def embeddings(w):
    answer = w.lenient.embeddings.create(model=EDGE, input=["canal", "lock"])
    assert [one.index for one in answer.data] == [0, 1] and len(answer.data[0].embedding) == 100 and answer.usage.total_tokens > 0
    floats = w.lenient.embeddings.create(model=EDGE, input="canal", encoding_format="float")
    assert cosine(floats.data[0].embedding, answer.data[0].embedding) > 0.9999


@case("embeddings.create dimensions")
def dimensions(w):
    assert len(w.lenient.embeddings.create(model=EDGE, input="canal", dimensions=50).data[0].embedding) == 50


@case("embeddings.create token ids")
def token_ids(w):
    text = w.lenient.embeddings.create(model=EDGE, input="hello world").data[0].embedding
    ids = w.lenient.embeddings.create(model=EDGE, input=[[15339, 1917]]).data[0].embedding
    assert cosine(text, ids) > 0.9999, cosine(text, ids)


@case("embeddings.create of an upstream")
def upstream_embeddings(w):
    answer = w.lenient.embeddings.create(model="emb-mock", input=["canal", "lock"], dimensions=8)
    assert len(answer.data) == 2 and len(answer.data[0].embedding) == 8


@case("embeddings.create token ids of an upstream")
def upstream_token_ids(w):
    assert len(w.lenient.embeddings.create(model="emb-mock", input=[[15339, 1917]]).data[0].embedding) == 8


@case("models.list")
def models(w):
    listed = [model.id for model in w.openai.models.list()]
    assert EDGE in listed and any("gpt-mock" in model for model in listed), listed


@case("models.retrieve")
def model(w):
    assert w.openai.models.retrieve(EDGE).id == EDGE
    assert w.openai.models.retrieve("gpt-mock").id == "gpt-mock"


@case("models.delete")
def model_delete(w):
    w.openai.models.delete("ft-no-such-model")


@case("files.create")
def file_create(w):
    stream = io.BytesIO(b"{}\n")
    stream.name = "input.jsonl"
    made = [w.openai.files.create(file=stream, purpose="fine-tune"), w.openai.files.create(file=("a.jsonl", b"{}\n"), purpose="batch")]
    assert made[0].filename == "input.jsonl" and made[1].bytes == 3 and made[1].object == "file"
    expiring = w.openai.files.create(
        file=("a.txt", b"text"), purpose="user_data", expires_after={"anchor": "created_at", "seconds": 3600}
    )
    assert expiring.expires_at == expiring.created_at + 3600


@case("files.create purposes")
def file_purposes(w):
    for purpose in ("assistants", "batch", "fine-tune", "vision", "user_data"):
        assert uploaded(w, "{}", purpose).purpose == purpose


@case("files.retrieve")
def file_retrieve(w):
    made = uploaded(w)
    assert w.openai.files.retrieve(made.id) == made


@case("files.content")
def file_content(w):
    made = uploaded(w, "some text")
    assert w.openai.files.content(made.id).read() == b"some text" if not w.is_async else True
    with w.openai.files.with_streaming_response.content(made.id) as streamed:
        assert b"".join(streamed.iter_bytes()) == b"some text"


@case("files.list")
def file_list(w):
    made = [uploaded(w, f"{n}").id for n in range(3)]
    for order in ("asc", "desc"):
        seen = [file.id for file in w.openai.files.list(order=order, limit=2, purpose="batch") if file.id in made]
        assert seen == (made if order == "asc" else made[::-1]), (order, seen, made)


@case("files.delete")
def file_delete(w):
    made = uploaded(w)
    assert w.openai.files.delete(made.id).deleted
    try:
        w.openai.files.retrieve(made.id)
    except openai.NotFoundError:
        return
    raise AssertionError("it is still there")


@case("files.waitForProcessing")
def file_wait(w):
    assert w.openai.files.wait_for_processing(uploaded(w).id, poll_interval=0.1, max_wait_seconds=20).status == "processed"


@case("uploads.create, parts, complete")
def upload(w):
    made = w.openai.uploads.create(bytes=6, filename="a.jsonl", mime_type="text/jsonl", purpose="fine-tune")
    parts = [w.openai.uploads.parts.create(made.id, data=data).id for data in (b"abc", b"def")]
    done = w.openai.uploads.complete(made.id, part_ids=parts)
    assert done.status == "completed" and done.file.bytes == 6


@case("uploads.cancel")
def upload_cancel(w):
    made = w.openai.uploads.create(bytes=6, filename="a.jsonl", mime_type="text/jsonl", purpose="fine-tune")
    assert w.openai.uploads.cancel(made.id).status == "cancelled"


@case("uploads.upload_file_chunked")
def upload_chunked(w):
    done = w.openai.uploads.upload_file_chunked(
        file=b"abcdef", filename="a.jsonl", bytes=6, mime_type="text/jsonl", purpose="fine-tune", part_size=4
    )
    assert done.status == "completed" and done.file.bytes == 6


def batch_of(w, url, *bodies, **options):
    file = uploaded(w, lines(url, *bodies))
    return w.openai.batches.create(input_file_id=file.id, endpoint=url, completion_window="24h", **options)


@case("batches.create, retrieve, list, cancel: embeddings")
def batch_embeddings(w):
    made = batch_of(w, "/v1/embeddings", {"model": EDGE, "input": "canal"}, metadata={"a": "b"})
    assert made.object == "batch" and w.openai.batches.retrieve(made.id).metadata == {"a": "b"}
    assert made.id in [batch.id for batch in w.openai.batches.list(limit=2)]
    assert w.openai.batches.cancel(made.id).status in ("cancelling", "cancelled")


def done_batch(w, batch):
    until = time.monotonic() + 60
    while batch.status not in ("completed", "failed", "expired", "cancelled") and time.monotonic() < until:
        time.sleep(0.2)
        batch = w.openai.batches.retrieve(batch.id)
    return batch


@case("batches.create: chats")
def batch_chats(w):
    bodies = [{"model": w.model["openai"], "messages": [{"role": "user", "content": f"Hello {n}"}]} for n in range(2)]
    batch = done_batch(w, batch_of(w, "/v1/chat/completions", *bodies))
    assert batch.status == "completed" and batch.request_counts.completed == 2, batch
    answers = [json.loads(line) for line in w.openai.files.content(batch.output_file_id).text.splitlines()]
    assert {answer["custom_id"] for answer in answers} == {"r0", "r1"}
    assert answers[0]["response"]["body"]["choices"][0]["message"]["content"] == "t0 t1 t2 t3 t4"


@case("batches.create: responses")
def batch_responses(w):
    batch = done_batch(w, batch_of(w, "/v1/responses", {"model": w.model["openai"], "input": "Hello"}))
    assert batch.status == "completed" and batch.request_counts.completed == 1, batch


@case("batches.create: moderations")
def batch_moderations(w):
    batch = done_batch(w, batch_of(w, "/v1/moderations", {"model": "mod-mock", "input": "Hello"}))
    assert batch.status == "completed" and batch.request_counts.completed == 1, batch


def tuning(w, **options):
    file = uploaded(w, PAIRS, "fine-tune")
    return w.openai.fine_tuning.jobs.create(model=EDGE, training_file=file.id, **options)


@case("fineTuning.jobs.create, retrieve, list, cancel")
def fine_tuning(w):
    made = tuning(w, suffix="mine", metadata={"a": "b"}, method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}})
    jobs = w.openai.fine_tuning.jobs
    assert made.object == "fine_tuning.job" and jobs.retrieve(made.id).id == made.id
    # Another case may have a job that pauses, for which the package has no type.
    assert made.id in [job.id for job in w.lenient.fine_tuning.jobs.list(limit=20)]
    assert jobs.list_events(made.id, limit=10).data is not None
    assert jobs.checkpoints.list(made.id).data == []
    assert jobs.cancel(made.id).status == "cancelled"


@case("fineTuning.jobs.list metadata")
def fine_tuning_list(w):
    made = tuning(w, metadata={"case": w.unique})
    assert [job.id for job in w.openai.fine_tuning.jobs.list(metadata={"case": w.unique})] == [made.id]
    w.openai.fine_tuning.jobs.cancel(made.id)


@case("fineTuning.jobs.pause, resume")
def fine_tuning_pause(w):
    made = tuning(w)
    jobs = w.openai.fine_tuning.jobs
    # The package has no type for a job that pauses.
    assert w.lenient.fine_tuning.jobs.pause(made.id).status == "paused"
    assert jobs.resume(made.id).status in ("queued", "running", "validating_files")
    jobs.cancel(made.id)


@case("fineTuning.checkpoints.permissions.list")
def permissions(w):
    list(w.openai.fine_tuning.checkpoints.permissions.list("ft-no-such-checkpoint"))


@case("fineTuning.alpha.graders.run")
def graders(w):
    grader = {"type": "string_check", "name": "g", "input": "{{item.a}}", "reference": "b", "operation": "eq"}
    w.openai.post("/fine_tuning/alpha/graders/run", body={"grader": grader, "model_sample": "a"}, cast_to=object)
