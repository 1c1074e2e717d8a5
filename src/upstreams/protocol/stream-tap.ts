import { countAt, isObject, listAt, objectAt, textAt } from './json.ts';
import type { JsonObject } from './json.ts';
import type { Usage } from './usage.ts';
import { anthropicUsage, openaiUsage, responsesUsage } from './usage.ts';

/** The formats in which requests and answers are written. `plain`: an answer that is never streamed. */
export type Dialect = 'chat' | 'completions' | 'responses' | 'messages' | 'plain';

/** What an event of a stream is to those who pass the stream on. */
export interface Seen {
  /** `usage`: nothing else is in it. `end`: the last of the answer. `error`: the upstream says that it goes no further. `garbage`: no event of the dialect. */
  readonly kind: 'content' | 'usage' | 'end' | 'error' | 'garbage';
  /** What the upstream says of its error. */
  readonly message?: string;
}

/** Watches the events of a stream as they pass: what they cost, and whether the answer is whole. */
export interface StreamTap {
  see(event: JsonObject): Seen;
  /** The upstream says that it ends, without an event. */
  finish(): void;
  /** As reported so far. */
  readonly usage: Usage | undefined;
  /** Bytes of the text that was answered, in UTF-8 or a little less: for counting tokens where no usage is reported. */
  readonly textBytes: number;
  /** Whether all that callers wait for has come, even if the upstream does not say that it ends. */
  readonly isWhole: boolean;
}

const CONTENT: Seen = { kind: 'content' };
const USAGE: Seen = { kind: 'usage' };
const END: Seen = { kind: 'end' };
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
  }
}

/** What a text takes in UTF-8: exact for ASCII, else somewhat less. */
const bytesIn = (text: unknown): number => (typeof text === 'string' ? text.length : 0);

abstract class Tap implements StreamTap {
  usage: Usage | undefined;
  textBytes = 0;
  isWhole = false;

  abstract see(event: JsonObject): Seen;

  finish(): void {
    this.isWhole = true;
  }
}

/** Chunks of chat completions and completions. */
class ChunkTap extends Tap {
  see(chunk: JsonObject): Seen {
    const failure = errorIn(chunk);
    if (failure !== undefined) return failure;
    const choices = listAt(chunk, 'choices');
    this.usage = openaiUsage(chunk['usage']) ?? this.usage;
    for (const choice of choices) this.#seeChoice(choice);
    if (choices.length === 0 && isObject(chunk['usage'])) return USAGE;
    return Array.isArray(chunk['choices']) ? CONTENT : GARBAGE;
  }

  #seeChoice(choice: unknown): void {
    if (textAt(choice, 'finish_reason') !== undefined) this.isWhole = true;
    const delta = objectAt(choice, 'delta');
    this.textBytes += bytesIn(delta['content']) + bytesIn(delta['reasoning_content']) + bytesIn(delta['refusal']);
    if (isObject(choice)) this.textBytes += bytesIn(choice['text']);
    for (const call of listAt(delta, 'tool_calls')) {
      const called = objectAt(call, 'function');
      this.textBytes += bytesIn(called['name']) + bytesIn(called['arguments']);
    }
  }
}

/** The events with which a stream of the responses API ends. */
export const RESPONSE_ENDS: ReadonlySet<string> = new Set(['response.completed', 'response.incomplete', 'response.failed']);

class ResponsesTap extends Tap {
  see(event: JsonObject): Seen {
    const type = textAt(event, 'type');
    if (type === undefined) return GARBAGE;
    if (type === 'error')
      return { kind: 'error', message: textAt(event, 'message') ?? textAt(objectAt(event, 'error'), 'message') ?? type };
    if (type.endsWith('.delta')) this.textBytes += bytesIn(event['delta']);
    if (!RESPONSE_ENDS.has(type)) return CONTENT;
    this.usage = responsesUsage(objectAt(event, 'response')['usage']) ?? this.usage;
    this.isWhole = true;
    return END;
  }
}

class MessagesTap extends Tap {
  see(event: JsonObject): Seen {
    const type = textAt(event, 'type');
    if (type === undefined) return GARBAGE;
    if (type === 'error') return { kind: 'error', message: textAt(objectAt(event, 'error'), 'message') ?? type };
    if (type === 'message_start') this.usage = anthropicUsage(objectAt(event, 'message')['usage'], this.usage);
    if (type === 'message_delta') {
      this.usage = anthropicUsage(event['usage'], this.usage);
      this.isWhole = true;
    }
    if (type === 'content_block_delta') {
      const delta = objectAt(event, 'delta');
      this.textBytes += bytesIn(delta['text']) + bytesIn(delta['partial_json']) + bytesIn(delta['thinking']);
    }
    return type === 'message_stop' ? END : CONTENT;
  }
}

function errorIn(value: JsonObject): Seen | undefined {
  const { error } = value;
  if (error === undefined || error === null) return undefined;
  return { kind: 'error', message: typeof error === 'string' ? error : (textAt(error, 'message') ?? 'an error without a message') };
}

/** What an answer that is no stream reports of its tokens. */
export function usageIn(dialect: Dialect, answer: unknown): Usage | undefined {
  const usage = isObject(answer) ? answer['usage'] : undefined;
  switch (dialect) {
    case 'chat':
    case 'completions':
      return openaiUsage(usage);
    case 'responses':
      return responsesUsage(usage);
    case 'messages':
      return anthropicUsage(usage);
    case 'plain':
      return openaiUsage(usage) ?? tokensBilled(answer);
  }
}

/** As Cohere's rerankings say it. */
function tokensBilled(answer: unknown): Usage | undefined {
  const inputTokens = countAt(objectAt(objectAt(answer, 'meta'), 'tokens'), 'input_tokens');
  return inputTokens === undefined ? undefined : { inputTokens, cachedTokens: 0, outputTokens: 0, reasoningTokens: 0 };
}
