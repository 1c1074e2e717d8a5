import type { JsonObject } from './json.ts';
import { countAt, listAt, objectAt, parsedObject, textAt } from './json.ts';
import { stopReasonOf } from './stop-reason.ts';
import type { StreamTranslator } from './stream-translator.ts';
import type { OpenCall } from './tool-call-pieces.ts';
import { beginsCall } from './tool-call-pieces.ts';
import type { Usage } from './usage.ts';
import { anthropicUsageOf, openaiUsage } from './usage.ts';

const NO_USAGE: Usage = { inputTokens: 0, cachedTokens: 0, outputTokens: 0, reasoningTokens: 0 };

/** A chat completion as an answer of Anthropic's messages. */
export function chatAsMessage(chat: JsonObject): JsonObject {
  const choice = listAt(chat, 'choices')[0];
  const message = objectAt(choice, 'message');
  const refused = textAt(message, 'refusal');
  const text = textAt(message, 'content') ?? refused ?? '';
  const uses = listAt(message, 'tool_calls').map((call) => {
    const called = objectAt(call, 'function');
    const input = parsedObject(textAt(called, 'arguments') || '{}') ?? {};
    return { type: 'tool_use', id: textAt(call, 'id') ?? '', name: textAt(called, 'name') ?? '', input };
  });
  return {
    ...messageHead(chat),
    content: [...(text === '' ? [] : [{ type: 'text', text }]), ...uses],
    stop_reason: refused === undefined ? stopReasonOf(textAt(choice, 'finish_reason')) : 'refusal',
    stop_sequence: null,
    usage: anthropicUsageOf(openaiUsage(chat['usage']) ?? NO_USAGE),
  };
}

const messageHead = (chat: JsonObject) => ({
  id: textAt(chat, 'id') ?? '',
  type: 'message',
  role: 'assistant',
  model: textAt(chat, 'model') ?? '',
});

type Block = { readonly kind: 'text' } | ({ readonly kind: 'tool' } & OpenCall);

/** The chunks of a chat completion as events of Anthropic's messages: one block after the other, each begun and ended. */
export class ChatStreamAsMessage implements StreamTranslator {
  #isStarted = false;
  #block: Block | undefined;
  #index = -1;
  #finishReason: string | undefined;

  push(chunk: JsonObject): JsonObject[] {
    const events: JsonObject[] = this.#isStarted ? [] : [this.#start(chunk)];
    const choice = listAt(chunk, 'choices')[0];
    const delta = objectAt(choice, 'delta');
    const text = textAt(delta, 'content') ?? textAt(delta, 'refusal') ?? '';
    if (text !== '') {
      if (this.#block?.kind !== 'text') events.push(...this.#open({ kind: 'text' }, { type: 'text', text: '' }));
      events.push(this.#delta({ type: 'text_delta', text }));
    }
    for (const call of listAt(delta, 'tool_calls')) events.push(...this.#call(call));
    this.#finishReason = textAt(choice, 'finish_reason') ?? this.#finishReason;
    return events;
  }

  end(usage: Usage | undefined): JsonObject[] {
    return [
      ...(this.#isStarted ? [] : [this.#start({})]),
      ...this.#close(),
      {
        type: 'message_delta',
        delta: { stop_reason: stopReasonOf(this.#finishReason), stop_sequence: null },
        usage: anthropicUsageOf(usage ?? NO_USAGE),
      },
      { type: 'message_stop' },
    ];
  }

  #start(chunk: JsonObject): JsonObject {
    this.#isStarted = true;
    const message = { ...messageHead(chunk), content: [], stop_reason: null, stop_sequence: null, usage: anthropicUsageOf(NO_USAGE) };
    return { type: 'message_start', message };
  }

  #call(call: unknown): JsonObject[] {
    const called = objectAt(call, 'function');
    const events: JsonObject[] = [];
    if (this.#block?.kind !== 'tool' || beginsCall(call, this.#block)) {
      const id = textAt(call, 'id') ?? '';
      const block = { type: 'tool_use', id, name: textAt(called, 'name') ?? '', input: {} };
      events.push(...this.#open({ kind: 'tool', index: countAt(call, 'index') ?? 0, id }, block));
    }
    const piece = textAt(called, 'arguments') ?? '';
    if (piece !== '') events.push(this.#delta({ type: 'input_json_delta', partial_json: piece }));
    return events;
  }

  #open(block: Block, content: JsonObject): JsonObject[] {
    const closed = this.#close();
    this.#block = block;
    this.#index += 1;
    return [...closed, { type: 'content_block_start', index: this.#index, content_block: content }];
  }

  #close(): JsonObject[] {
    if (this.#block === undefined) return [];
    this.#block = undefined;
    return [{ type: 'content_block_stop', index: this.#index }];
  }

  #delta(delta: JsonObject): JsonObject {
    return { type: 'content_block_delta', index: this.#index, delta };
  }
}
