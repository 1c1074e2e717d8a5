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
  /** The tool calls by the positions of their blocks. */
  readonly #calls = new Map<number, { readonly index: number; hasArguments: boolean }>();

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
      case 'content_block_stop':
        return this.#endBlock(event);
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

  /** Some servers send a text, or what a tool is called with, with the beginning of its block. */
  #startBlock(event: JsonObject): JsonObject[] {
    const block = objectAt(event, 'content_block');
    const type = textAt(block, 'type');
    if (type === 'text') return this.#text(textAt(block, 'text'));
    if (type !== 'tool_use') return [];
    const index = this.#calls.size;
    const input = objectAt(block, 'input');
    const hasArguments = Object.keys(input).length > 0;
    this.#calls.set(countAt(event, 'index') ?? 0, { index, hasArguments });
    const called = { name: textAt(block, 'name') ?? '', arguments: hasArguments ? JSON.stringify(input) : '' };
    return [this.#chunk({ tool_calls: [{ index, id: textAt(block, 'id') ?? '', type: 'function', function: called }] })];
  }

  #delta(event: JsonObject): JsonObject[] {
    const delta = objectAt(event, 'delta');
    const piece = textAt(delta, 'partial_json');
    if (piece === undefined) return this.#text(textAt(delta, 'text'));
    // Tools of the server's own are called in blocks, too.
    const call = this.#calls.get(countAt(event, 'index') ?? 0);
    if (piece === '' || call === undefined) return [];
    call.hasArguments = true;
    return [this.#arguments(call.index, piece)];
  }

  /** A call without arguments has none in its stream; in a chat completion they are an object. */
  #endBlock(event: JsonObject): JsonObject[] {
    const call = this.#calls.get(countAt(event, 'index') ?? 0);
    if (call === undefined || call.hasArguments) return [];
    call.hasArguments = true;
    return [this.#arguments(call.index, '{}')];
  }

  #arguments(index: number, piece: string): JsonObject {
    return this.#chunk({ tool_calls: [{ index, function: { arguments: piece } }] });
  }

  #text(content: string | undefined): JsonObject[] {
    return content === undefined || content === '' ? [] : [this.#chunk({ content })];
  }

  #head() {
    return { id: this.#id, object: 'chat.completion.chunk', created: this.#terms.createdS, model: this.#model };
  }

  #chunk(delta: JsonObject, finishReason: string | null = null): JsonObject {
    const choices = [{ index: 0, delta, logprobs: null, finish_reason: finishReason }];
    return { ...this.#head(), choices, ...(this.#terms.includesUsage ? { usage: null } : {}) };
  }
}
