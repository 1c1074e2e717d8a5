"""Fine-tuning through the openai package, as its users call it; what came of it is printed as JSON."""

import json
import sys
import time

import openai

model, pairs = sys.argv[1], sys.argv[2]
client = openai.OpenAI(max_retries=0)

file = client.files.create(file=("pairs.jsonl", pairs.encode()), purpose="fine-tune")
job = client.fine_tuning.jobs.create(
    model=model,
    training_file=file.id,
    suffix="python",
    seed=3,
    hyperparameters={"n_epochs": 2, "batch_size": 8},
)
for _ in range(1200):
    if job.status in ("succeeded", "failed", "cancelled"):
        break
    time.sleep(0.1)
    job = client.fine_tuning.jobs.retrieve(job.id)
else:
    sys.exit(f"the job is still {job.status}")

events = client.fine_tuning.jobs.list_events(job.id, limit=100)
listed = job.id in [each.id for each in client.fine_tuning.jobs.list()]
metrics = client.files.content(job.result_files[0]).text.splitlines()
try:
    client.fine_tuning.jobs.retrieve("ftjob_" + "0" * 26)
    missing = None
except openai.NotFoundError as error:
    missing = error.code

print(
    json.dumps(
        {
            "status": job.status,
            "named": job.fine_tuned_model.startswith("ft:glove-sif-100:python:"),
            "epochs": job.hyperparameters.n_epochs,
            "tokens": job.trained_tokens,
            "rows": len(metrics),
            "measured": len([each for each in events.data if each.type == "metrics"]),
            "listed": listed,
            "missing": missing,
        }
    )
)
