"""Images, sound and attachments through the openai package, as its users call them; what came of it is printed as JSON."""

import base64
import json
import tempfile

import openai

client = openai.OpenAI(max_retries=0)
png = ("a.png", b"png", "image/png")
sound = ("speech.mp3", b"\x01" * 2000, "audio/mpeg")

images = client.images.generate(model="image-mock", prompt="a weir", n=2)
edited = client.images.edit(model="image-mock", prompt="by night", image=[png, png])
image_events = client.images.generate(model="image-mock", prompt="a weir", stream=True, partial_images=1)
with tempfile.NamedTemporaryFile() as file:
    with client.audio.speech.with_streaming_response.create(model="speech-mock", voice="alloy", input="hello") as speech:
        speech.stream_to_file(file.name)
    spoken = open(file.name).read()
transcribe = client.audio.transcriptions.create
verbose = transcribe(model="whisper-mock", file=sound, response_format="verbose_json", timestamp_granularities=["word"])
events = list(transcribe(model="transcribe-mock", file=sound, stream=True))
pdf = base64.b64encode(b"%PDF-1.4 /Type /Page").decode()
seen = client.chat.completions.create(
    model="seeing",
    messages=[
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": "https://images.example/a.png"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{pdf}"}},
                {"type": "input_audio", "input_audio": {"data": base64.b64encode(b"\x01" * 900).decode(), "format": "mp3"}},
            ],
        }
    ],
)
try:
    client.images.generate(model="no-such-model", prompt="a weir")
    refused = None
except openai.NotFoundError as error:
    refused = error.code

print(
    json.dumps(
        {
            "images": len(images.data),
            "edited": len(edited.data),
            "image_events": [event.type for event in image_events],
            "speech": spoken,
            "transcript": transcribe(model="transcribe-mock", file=sound).text,
            "verbose": verbose.duration,
            "srt": "-->" in transcribe(model="whisper-mock", file=sound, response_format="srt"),
            "events": sorted({event.type for event in events}),
            "translation": client.audio.translations.create(model="whisper-mock", file=sound).text,
            "seen": seen.choices[0].message.content,
            "refused": refused,
        }
    )
)
