"""Images and audio as the README and the guides of the openai package show them."""

import base64

from cases import case
from openai_chat import PIXEL

PICTURE = ("image.png", base64.b64decode(PIXEL), "image/png")
# A second of silence: 8 kHz, 8 bits.
WAV = b"RIFF" + (36 + 8000).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
WAV += (1).to_bytes(2, "little") * 2 + (8000).to_bytes(4, "little") * 2 + (1).to_bytes(2, "little") + (8).to_bytes(2, "little")
WAV += b"data" + (8000).to_bytes(4, "little") + b"\x80" * 8000
SPEECH = ("speech.wav", WAV, "audio/wav")


@case("images.generate")
def generate(w):
    answer = w.openai.images.generate(model="image-mock", prompt="A lock", n=2, size="1024x1024", quality="low")
    assert len(answer.data) == 2 and base64.b64decode(answer.data[0].b64_json)


@case("images.generate response_format url")
def generate_url(w):
    assert w.openai.images.generate(model="image-mock", prompt="A lock", response_format="url").data[0].url


@case("images.generate stream")
def generate_stream(w):
    events = list(w.openai.images.generate(model="image-mock", prompt="A lock", stream=True, partial_images=1))
    assert events[-1].type == "image_generation.completed" and events[-1].b64_json


@case("images.edit")
def edit(w):
    assert w.openai.images.edit(model="image-mock", image=PICTURE, prompt="Open it").data[0].b64_json
    assert w.openai.images.edit(model="image-mock", image=[PICTURE, PICTURE], mask=PICTURE, prompt="Open it").data[0].b64_json


@case("images.createVariation")
def variation(w):
    assert w.openai.images.create_variation(model="image-mock", image=PICTURE, n=1, size="256x256").data


@case("audio.speech.create")
def speech(w):
    with w.openai.audio.speech.with_streaming_response.create(model="speech-mock", voice="alloy", input="Hello") as answer:
        assert b"".join(answer.iter_bytes())


@case("audio.speech.create formats")
def speech_formats(w):
    for form in ("wav", "pcm", "opus"):
        answer = w.openai.audio.speech.create(
            model="speech-mock", voice="alloy", input="Hello", response_format=form, instructions="Be kind.", speed=1.5
        )
        assert answer.response.status_code == 200


@case("audio.transcriptions.create")
def transcription(w):
    assert w.openai.audio.transcriptions.create(model="transcribe-mock", file=SPEECH, language="en", prompt="Locks", temperature=0).text


@case("audio.transcriptions.create formats")
def transcription_formats(w):
    for form in ("text", "srt", "vtt"):
        assert isinstance(w.openai.audio.transcriptions.create(model="transcribe-mock", file=SPEECH, response_format=form), str)
    # Of segments the double says the times and texts alone.
    verbose = w.lenient.audio.transcriptions.create(
        model="transcribe-mock", file=SPEECH, response_format="verbose_json", timestamp_granularities=["word", "segment"]
    )
    assert verbose.duration and verbose.text


@case("audio.transcriptions.create stream")
def transcription_stream(w):
    events = list(w.openai.audio.transcriptions.create(model="transcribe-mock", file=SPEECH, stream=True))
    assert events[-1].type == "transcript.text.done" and events[-1].text


@case("audio.translations.create")
def translation(w):
    assert w.openai.audio.translations.create(model="transcribe-mock", file=SPEECH).text


@case("audio.voices.create")
def voices(w):
    w.openai.audio.voices.create(name="mine", audio_sample=SPEECH, consent="cons_1")
