import { isLastEvent, mediaUnits, mediaUsage } from '../media/media-answers.ts';
import { CountableText } from '../money/countable-text.ts';
import type { MediaCounts } from '../money/model-price.ts';
import { ResponseTexts, takeChoices, takeMessageEvent, takeParts } from './generated-texts.ts';
import { countAt, isObject, listAt, objectAt, present, textAt } from './json.ts';
import type { JsonObject } from './json.ts';
import type { Usage } from './usage.ts';
import { anthropicUsage, openaiUsage, responsesUsage, searchesIn } from './usage.ts';

/** The formats in which requests and answers are written. `plain`: an answer that is never streamed. */
export type Dialect = 'chat' | 'completions' | 'responses' | 'messages' | 'media' | 'plain';

/** What an event of a stream is to those who pass the stream on. */
export interface Seen {
  /** `usage`: nothing else is in it. `end`: the last of the answer. `error`: the upstream says that it goes no further. `garbage`: no event of the dialect. */
  readonly kind: 'content' | 'usage' | 'end' | 'error' | 'garbage';
}

/** Watches the events of a stream as they pass: what they cost, and whether the answer is whole. */
export interface StreamTap {
  see(event: JsonObject): Seen;
  /** The upstream says that it ends, without an event. */
  finish(): void;
  /** As reported so far: each count as it was said last. */
  readonly usage: Usage | undefined;
  /** What the model has generated: for counting tokens where they are not reported. */
  readonly text: CountableText;
  /** What came that has a price of its own, such as images. */
  readonly units: MediaCounts | undefined;
  /** Whether all that callers wait for has come, even if the upstream does not say that it ends. */
  readonly isWhole: boolean;
  /** Whether the usage is that of the whole answer: nothing was generated after it was reported, and the answer is whole. [U193] */
  readonly isAccounted: boolean;
}

const CONTENT: Seen = { kind: 'content' };
const USAGE: Seen = { kind: 'usage' };
const END: Seen = { kind: 'end' };
const ERROR: Seen = { kind: 'error' };
const GARBAGE: Seen = { kind: 'garbage' };

export function tapOf(dialect: Exclude<Dialect, 'plain'>): StreamTap {
  switch (dialect) {
    case 'chat':
    case 'completions':
      return new ChunkTap();
    case 'responses':
      return new ResponsesTap();
    case 'messages':
      return new MessagesTap();
    case 'media':
      return new MediaTap();
  }
}

abstract class Tap implements StreamTap {
  usage: Usage | undefined;
  units: MediaCounts | undefined;
  readonly text = new CountableText();
  isWhole = false;
  /** Of the text, when the usage was reported. */
  #reportedChars = 0;

  abstract see(event: JsonObject): Seen;

  get isAccounted(): boolean {
    return this.isWhole && this.usage !== undefined && this.text.chars === this.#reportedChars;
  }

  finish(): void {
    this.isWhole = true;
  }

  /** Undefined: the event reports none. */
  protected report(usage: Usage | undefined): void {
    if (usage === undefined) return;
    this.usage = usage;
    this.#reportedChars = this.text.chars;
  }

  protected readonly take = (field: string, text: string): void => this.text.add(field, text);
}

/** Chunks of chat completions and completions. */
class ChunkTap extends Tap {
  see(chunk: JsonObject): Seen {
    if ((chunk['error'] ?? null) !== null) return ERROR;
    const choices = listAt(chunk, 'choices');
    takeChoices(choices, this.take);
    for (const choice of choices) if (textAt(choice, 'finish_reason') !== undefined) this.isWhole = true;
    const { usage } = chunk;
    if (!isObject(usage)) return Array.isArray(chunk['choices']) ? CONTENT : GARBAGE;
    this.report(openaiUsage(usage));
    if (choices.length === 0) return USAGE;
    return Array.isArray(chunk['choices']) ? CONTENT : GARBAGE;
  }
}

/** The events with which a stream of the responses API ends. */
export const RESPONSE_ENDS: ReadonlySet<string> = new Set(['response.completed', 'response.incomplete', 'response.failed']);

class ResponsesTap extends Tap {
  readonly #texts = new ResponseTexts(this.take);

  see(event: JsonObject): Seen {
    const type = textAt(event, 'type');
    if (type === undefined) return GARBAGE;
    if (type === 'error') return ERROR;
    this.#texts.event(event);
    if (!RESPONSE_ENDS.has(type)) return CONTENT;
    const response = objectAt(event, 'response');
    this.report(responsesUsage(response['usage'], searchesIn(response)));
    this.isWhole = true;
    return END;
  }
}

class MessagesTap extends Tap {
  /** What both events with usage have said of it. */
  #said: JsonObject = {};

  see(event: JsonObject): Seen {
    const type = textAt(event, 'type');
    if (type === undefined) return GARBAGE;
    if (type === 'error') return ERROR;
    takeMessageEvent(event, this.take);
    if (type === 'message_start') this.#hear(objectAt(event, 'message')['usage']);
    if (type === 'message_delta') {
      this.#hear(event['usage']);
      this.isWhole = true;
    }
    if (type !== 'message_stop') return CONTENT;
    this.isWhole = true;
    return END;
  }

  /** The second time it comes with what has changed. */
  #hear(usage: unknown): void {
    if (!isObject(usage) || anthropicUsage(usage) === undefined) return;
    this.#said = { ...this.#said, ...present(usage) };
    this.report(anthropicUsage(this.#said));
  }
}

/** Events of images and sound that are made, and of transcripts. */
class MediaTap extends Tap {
  #images = 0;

  see(event: JsonObject): Seen {
    const type = textAt(event, 'type') ?? '';
    if (type === 'error' || (event['error'] ?? null) !== null) return ERROR;
    // Some servers send transcripts as chunks of a chat.
    if (type === '' && !Array.isArray(event['choices'])) return GARBAGE;
    takeChoices(listAt(event, 'choices'), this.take);
    if (type === 'transcript.text.delta') this.take('text', textAt(event, 'delta') ?? '');
    if (/^image_\w+\.completed$/.test(type)) this.units = { images: (this.#images += 1) };
    else if (isLastEvent(type) || isObject(event['usage'])) this.units = { ...this.units, ...mediaUnits(event) };
    if (isLastEvent(type) || listAt(event, 'choices').some((choice) => textAt(choice, 'finish_reason') !== undefined)) this.isWhole = true;
    this.report(mediaUsage(event));
    return CONTENT;
  }
}

/** What an answer that is no stream reports of its tokens. */
export function usageIn(dialect: Dialect, answer: unknown): Usage | undefined {
  const usage = isObject(answer) ? answer['usage'] : undefined;
  switch (dialect) {
    case 'chat':
    case 'completions':
      return openaiUsage(usage);
    case 'responses':
      return responsesUsage(usage, searchesIn(answer));
    case 'messages':
      return anthropicUsage(usage);
    case 'media':
      return isObject(answer) ? mediaUsage(answer) : undefined;
    case 'plain':
      return openaiUsage(usage) ?? tokensBilled(answer);
  }
}

/** What the model has generated in an answer that is no stream. */
export function textIn(dialect: Dialect, answer: JsonObject): CountableText {
  const text = new CountableText();
  const take = (field: string, piece: string): void => text.add(field, piece);
  if (dialect === 'chat' || dialect === 'completions') takeChoices(listAt(answer, 'choices'), take);
  if (dialect === 'responses') new ResponseTexts(take).whole(answer);
  if (dialect === 'messages') takeParts(listAt(answer, 'content'), 'content', take);
  if (dialect === 'media') take('text', textAt(answer, 'text') ?? '');
  return text;
}

/** As Cohere's rerankings say it. */
function tokensBilled(answer: unknown): Usage | undefined {
  const inputTokens = countAt(objectAt(objectAt(answer, 'meta'), 'tokens'), 'input_tokens');
  return inputTokens === undefined ? undefined : { inputTokens, cachedTokens: 0, outputTokens: 0, reasoningTokens: 0 };
}
