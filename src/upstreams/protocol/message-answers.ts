import type { JsonObject } from './json.ts';
import { countAt, listAt, objectAt, textAt } from './json.ts';
import { finishReasonOf } from './stop-reason.ts';
import type { StreamTranslator } from './stream-translator.ts';
import type { Usage } from './usage.ts';
import { anthropicUsage, openaiUsageOf } from './usage.ts';

/** What a chat completion says that a message of Anthropic's does not. */
export interface ChatTerms {
  readonly createdS: number;
  /** Whether the caller wants a last chunk with the usage. */
  readonly includesUsage: boolean;
}

/** An answer of Anthropic's messages as a chat completion. What the model has thought is left out. */
export function messageAsChat(message: JsonObject, { createdS }: ChatTerms): JsonObject {
  const blocks = listAt(message, 'content');
  const text = blocks.map((block) => (textAt(block, 'type') === 'text' ? (textAt(block, 'text') ?? '') : '')).join('');
  const calls = blocks.flatMap((block) =>
    textAt(block, 'type') === 'tool_use'
      ? [
          {
            id: textAt(block, 'id') ?? '',
            type: 'function',
            function: { name: textAt(block, 'name') ?? '', arguments: JSON.stringify(objectAt(block, 'input')) },
          },
        ]
      : [],
  );
  const usage = anthropicUsage(message['usage']);
  return {
    id: textAt(message, 'id') ?? '',
    object: 'chat.completion',
    created: createdS,
    model: textAt(message, 'model') ?? '',
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: text === '' && calls.length > 0 ? null : text,
          refusal: null,
          ...(calls.length === 0 ? {} : { tool_calls: calls }),
        },
        logprobs: null,
        finish_reason: finishReasonOf(textAt(message, 'stop_reason')),
      },
    ],
    ...(usage === undefined ? {} : { usage: openaiUsageOf(usage) }),
  };
}

/** The events of Anthropic's messages as chunks of a chat completion. */
export class MessageStreamAsChat implements StreamTranslator {
  readonly #terms: ChatTerms;
  #id = '';
  #model = '';
  /** The position among the tool calls of a block, by the position of the block. */
  readonly #calls = new Map<number, number>();

  constructor(terms: ChatTerms) {
    this.#terms = terms;
  }

  push(event: JsonObject): JsonObject[] {
    switch (textAt(event, 'type') ?? '') {
      case 'message_start': {
        const message = objectAt(event, 'message');
        this.#id = textAt(message, 'id') ?? '';
        this.#model = textAt(message, 'model') ?? '';
        return [this.#chunk({ role: 'assistant', content: '' })];
      }
      case 'content_block_start':
        return this.#startBlock(event);
      case 'content_block_delta':
        return this.#delta(event);
      case 'message_delta':
        return [this.#chunk({}, finishReasonOf(textAt(objectAt(event, 'delta'), 'stop_reason')))];
      default:
        return [];
    }
  }

  end(usage: Usage | undefined): JsonObject[] {
    if (!this.#terms.includesUsage || usage === undefined) return [];
    return [{ ...this.#head(), choices: [], usage: openaiUsageOf(usage) }];
  }

  #startBlock(event: JsonObject): JsonObject[] {
    const block = objectAt(event, 'content_block');
    if (textAt(block, 'type') !== 'tool_use') return [];
    const index = this.#calls.size;
    this.#calls.set(countAt(event, 'index') ?? 0, index);
    const called = { name: textAt(block, 'name') ?? '', arguments: '' };
    return [this.#chunk({ tool_calls: [{ index, id: textAt(block, 'id') ?? '', type: 'function', function: called }] })];
  }

  #delta(event: JsonObject): JsonObject[] {
    const delta = objectAt(event, 'delta');
    const content = textAt(delta, 'text');
    if (content !== undefined) return [this.#chunk({ content })];
    const piece = textAt(delta, 'partial_json');
    if (piece === undefined || piece === '') return [];
    const index = this.#calls.get(countAt(event, 'index') ?? 0) ?? 0;
    return [this.#chunk({ tool_calls: [{ index, function: { arguments: piece } }] })];
  }

  #head() {
    return { id: this.#id, object: 'chat.completion.chunk', created: this.#terms.createdS, model: this.#model };
  }

  #chunk(delta: JsonObject, finishReason: string | null = null): JsonObject {
    const choices = [{ index: 0, delta, logprobs: null, finish_reason: finishReason }];
    return { ...this.#head(), choices, ...(this.#terms.includesUsage ? { usage: null } : {}) };
  }
}
