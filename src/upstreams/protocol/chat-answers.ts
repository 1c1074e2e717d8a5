import type { JsonObject } from './json.ts';
import { listAt, objectAt, parsedObject, textAt } from './json.ts';
import type { PartStep } from './sequential-parts.ts';
import { SequentialParts } from './sequential-parts.ts';
import { stopReasonOf } from './stop-reason.ts';
import type { StreamTranslator } from './stream-translator.ts';
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
    stop_reason: stopReasonOf(textAt(choice, 'finish_reason'), { calls: uses.length > 0, refusal: refused !== undefined }),
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

/** The chunks of a chat completion as events of Anthropic's messages: one block after the other, each begun and ended. [U230] */
export class ChatStreamAsMessage implements StreamTranslator {
  readonly #parts = new SequentialParts();
  #isStarted = false;
  #index = -1;
  #isCall = false;
  #finishReason: string | undefined;
  #has = { calls: false, refusal: false };

  get heldChars(): number {
    return this.#parts.heldChars;
  }

  push(chunk: JsonObject): JsonObject[] {
    const events: JsonObject[] = this.#isStarted ? [] : [this.#start(chunk)];
    const choice = listAt(chunk, 'choices')[0];
    const delta = objectAt(choice, 'delta');
    this.#has = {
      calls: this.#has.calls || listAt(delta, 'tool_calls').length > 0,
      refusal: this.#has.refusal || (textAt(delta, 'refusal') ?? '') !== '',
    };
    for (const step of this.#parts.push(delta)) events.push(this.#event(step));
    this.#finishReason = textAt(choice, 'finish_reason') ?? this.#finishReason;
    return events;
  }

  end(usage: Usage | undefined): JsonObject[] {
    return [
      ...(this.#isStarted ? [] : [this.#start({})]),
      ...this.#parts.end().map((step) => this.#event(step)),
      {
        type: 'message_delta',
        delta: { stop_reason: stopReasonOf(this.#finishReason, this.#has), stop_sequence: null },
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

  #event(step: PartStep): JsonObject {
    switch (step.kind) {
      case 'begin': {
        const { part } = step;
        this.#index += 1;
        this.#isCall = part.kind === 'call';
        const content = part.kind === 'text' ? { type: 'text', text: '' } : { type: 'tool_use', id: part.id, name: part.name, input: {} };
        return { type: 'content_block_start', index: this.#index, content_block: content };
      }
      case 'piece': {
        const { text } = step;
        const delta = this.#isCall ? { type: 'input_json_delta', partial_json: text } : { type: 'text_delta', text };
        return { type: 'content_block_delta', index: this.#index, delta };
      }
      case 'end':
        return { type: 'content_block_stop', index: this.#index };
    }
  }
}
