import type { JsonObject } from '../protocol/json.ts';
import { countAt, isObject, listAt, objectAt, textAt } from '../protocol/json.ts';

interface Call {
  id: string;
  type: string;
  name: string;
  arguments: string;
}

interface Choice {
  readonly texts: Map<string, string>;
  readonly calls: Map<number, Call>;
  finishReason: unknown;
}

/** Texts of a message that come in pieces. `reasoning_content` and `reasoning` are what servers beside OpenAI's have. */
const TEXTS = ['content', 'refusal', 'reasoning_content', 'reasoning'] as const;

/** Puts the chunks of a streamed chat completion together: the completion as it would have come whole. */
export class ChatRecord {
  #head: JsonObject = {};
  #usage: unknown;
  readonly #choices = new Map<number, Choice>();

  push(chunk: JsonObject): void {
    const { choices: _, object: __, usage, ...head } = chunk;
    this.#head = { ...head, ...this.#head };
    if (isObject(usage)) this.#usage = usage;
    for (const choice of listAt(chunk, 'choices')) this.#add(choice);
  }

  /** Undefined: nothing was answered. */
  whole(): JsonObject | undefined {
    if (this.#choices.size === 0) return undefined;
    const choices = [...this.#choices].sort(([a], [b]) => a - b);
    return {
      ...this.#head,
      object: 'chat.completion',
      choices: choices.map(([index, { finishReason, ...said }]) => ({
        index,
        message: messageOf(said),
        logprobs: null,
        finish_reason: finishReason,
      })),
      ...(this.#usage === undefined ? {} : { usage: this.#usage }),
    };
  }

  #add(choice: unknown): void {
    const known = this.#at(countAt(choice, 'index') ?? 0);
    const delta = objectAt(choice, 'delta');
    for (const name of TEXTS) {
      const text = textAt(delta, name);
      if (text !== undefined) known.texts.set(name, (known.texts.get(name) ?? '') + text);
    }
    for (const call of listAt(delta, 'tool_calls')) addCall(known.calls, call);
    known.finishReason = textAt(choice, 'finish_reason') ?? known.finishReason;
  }

  #at(index: number): Choice {
    const known = this.#choices.get(index) ?? { texts: new Map(), calls: new Map(), finishReason: null };
    this.#choices.set(index, known);
    return known;
  }
}

function addCall(calls: Map<number, Call>, piece: unknown): void {
  const at = countAt(piece, 'index') ?? calls.size;
  const call = calls.get(at) ?? { id: '', type: 'function', name: '', arguments: '' };
  const called = objectAt(piece, 'function');
  call.id ||= textAt(piece, 'id') ?? '';
  call.name ||= textAt(called, 'name') ?? '';
  call.arguments += textAt(called, 'arguments') ?? '';
  calls.set(at, call);
}

function messageOf({ texts, calls }: Pick<Choice, 'texts' | 'calls'>): JsonObject {
  const content = texts.get('content');
  return {
    role: 'assistant',
    refusal: null,
    ...Object.fromEntries(texts),
    content: calls.size > 0 && content === '' ? null : (content ?? null),
    ...(calls.size === 0 ? {} : { tool_calls: [...calls.values()].map(({ id, type, ...called }) => ({ id, type, function: called })) }),
  };
}
