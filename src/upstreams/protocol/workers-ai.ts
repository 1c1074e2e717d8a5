import { joinedBytes, toBase64Url, utf8 } from '../../kernel/bytes.ts';
import type { JsonObject } from './json.ts';
import { isObject, listAt, objectAt, parsedObject, textAt } from './json.ts';
import { SseEvents, sseText } from './sse-events.ts';

// Models of Workers AI by its binding, whose inputs and outputs are its own for most models, and OpenAI's for some. [U45]

/** What the binding is given for a request in OpenAI's shape. Undefined: Workers AI has nothing of the kind. */
export function workersAiInput(path: string, body: JsonObject): JsonObject | undefined {
  const { model: _, stream_options: __, max_completion_tokens: newer, encoding_format: ___, ...rest } = body;
  if (path === '/chat/completions') return newer === undefined ? rest : { ...rest, max_tokens: newer };
  const { input, ...others } = rest;
  const texts = typeof input === 'string' ? [input] : input;
  const isText = Array.isArray(texts) && texts.every((text) => typeof text === 'string');
  return path === '/embeddings' && isText ? { ...others, text: texts } : undefined;
}

/** What callers of OpenAI's API expect besides. */
export interface AnswerFrame {
  readonly id: string;
  readonly model: string;
  readonly createdS: number;
  /** The most that the answer may have; undefined: it has no limit. */
  readonly outputTokensMax: unknown;
}

/** The binding does not report why an answer ended: one that has all the tokens that it may have was cut off. */
const finishOf = (isCalling: boolean, usage: unknown, { outputTokensMax }: AnswerFrame): string =>
  isCalling ? 'tool_calls' : isObject(usage) && Number(usage['completion_tokens']) >= Number(outputTokensMax) ? 'length' : 'stop';

/** An answer of the binding in OpenAI's shape. */
export function workersAiAnswer(request: JsonObject, answer: JsonObject, frame: AnswerFrame): JsonObject {
  const { id, model, createdS } = frame;
  if (Array.isArray(answer['choices'])) return answer;
  const usage = isObject(answer['usage']) ? { usage: answer['usage'] } : {};
  if (Array.isArray(answer['data'])) {
    const isBinary = request['encoding_format'] === 'base64';
    const data = answer['data'].map((vector, index) => ({
      object: 'embedding',
      index,
      embedding: isBinary ? base64Of(vector as number[]) : vector,
    }));
    return { object: 'list', model, data, ...usage };
  }
  const { response } = answer;
  const calls = toolCallsIn(answer);
  const content =
    typeof response === 'string' || response === null || response === undefined ? (response ?? null) : JSON.stringify(response);
  const message = { role: 'assistant', content, ...(calls.length === 0 ? {} : { tool_calls: calls }) };
  const choice = { index: 0, message, logprobs: null, finish_reason: finishOf(calls.length > 0, answer['usage'], frame) };
  return { id, object: 'chat.completion', created: createdS, model, choices: [choice], ...usage };
}

/** Numbers of 32 bits, little-endian, as OpenAI's API has them. */
function base64Of(vector: readonly number[]): string {
  const text = toBase64Url(new Uint8Array(Float32Array.from(vector).buffer))
    .replaceAll('-', '+')
    .replaceAll('_', '/');
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=');
}

/** Older models name a tool and its arguments, newer ones have OpenAI's shape. */
function toolCallsIn(answer: JsonObject): JsonObject[] {
  return listAt(answer, 'tool_calls').map((call, index) => {
    const called = textAt(call, 'name') === undefined ? objectAt(call, 'function') : (call as JsonObject);
    const given = called['arguments'];
    return {
      index,
      id: textAt(call, 'id') ?? `call_${index}`,
      type: 'function',
      function: {
        name: textAt(called, 'name') ?? '',
        arguments: typeof given === 'string' ? given : JSON.stringify(given ?? {}),
      },
    };
  });
}

/** A stream of the binding as a stream of chunks: its events name a piece of text, the last one the usage. */
export class WorkersAiStream {
  readonly #events = new SseEvents();
  readonly #frame: AnswerFrame;
  #usage: unknown;
  #isCalling = false;
  #isNative = true;

  constructor(frame: AnswerFrame) {
    this.#frame = frame;
  }

  push(piece: Uint8Array): Uint8Array {
    return joinedBytes(this.#events.push(piece).map(({ data, bytes }) => (data === undefined ? bytes : this.#said(data, bytes))));
  }

  #said(data: string, bytes: Uint8Array): Uint8Array {
    if (data === '[DONE]') return this.#isNative ? utf8(this.#endText() + sseText(data)) : bytes;
    const event = parsedObject(data);
    if (event === undefined || event['error'] !== undefined) return bytes;
    if (Array.isArray(event['choices'])) {
      this.#isNative = false;
      return bytes;
    }
    this.#usage = event['usage'] ?? this.#usage;
    const calls = toolCallsIn(event);
    this.#isCalling ||= calls.length > 0;
    const content = event['response'];
    const delta = { ...(typeof content === 'string' ? { content } : {}), ...(calls.length === 0 ? {} : { tool_calls: calls }) };
    return Object.keys(delta).length === 0 ? NOTHING : utf8(this.#chunkText([{ index: 0, delta, finish_reason: null }]));
  }

  #endText(): string {
    const usage = this.#usage === undefined ? '' : this.#chunkText([], { usage: this.#usage });
    const finish = finishOf(this.#isCalling, this.#usage, this.#frame);
    return this.#chunkText([{ index: 0, delta: {}, finish_reason: finish }]) + usage;
  }

  #chunkText(choices: readonly JsonObject[], more: JsonObject = {}): string {
    const { id, model, createdS } = this.#frame;
    return sseText(JSON.stringify({ id, object: 'chat.completion.chunk', created: createdS, model, choices, ...more }));
  }
}

const NOTHING = new Uint8Array();

/** Numbers of errors that the binding throws, as statuses: it names them at the beginning of its message. */
const STATUS_OF: Readonly<Record<string, number>> = {
  '3036': 429,
  '3039': 429,
  '3040': 503,
  '5004': 400,
  '5006': 400,
  '5007': 404,
  '5016': 403,
};

export const workersAiStatus = (message: string): number => STATUS_OF[/\b(\d{4})\b/.exec(message)?.[1] ?? ''] ?? 502;
