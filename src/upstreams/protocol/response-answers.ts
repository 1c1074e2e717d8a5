import type { JsonObject } from './json.ts';
import { countAt, listAt, objectAt, textAt } from './json.ts';
import type { Part, PartStep } from './sequential-parts.ts';
import { SequentialParts } from './sequential-parts.ts';
import type { StreamTranslator } from './stream-translator.ts';
import type { Usage } from './usage.ts';
import { openaiUsage, responsesUsageOf } from './usage.ts';

/** A chat completion as an answer of the responses API to `request`. */
export function chatAsResponse(chat: JsonObject, request: JsonObject): JsonObject {
  const choice = listAt(chat, 'choices')[0];
  const message = objectAt(choice, 'message');
  const id = textAt(chat, 'id') ?? '';
  const text = textAt(message, 'content');
  const refused = textAt(message, 'refusal');
  const content = [
    ...(text === undefined || text === '' ? [] : [textPart(text)]),
    ...(refused === undefined ? [] : [{ type: 'refusal', refusal: refused }]),
  ];
  const calls = listAt(message, 'tool_calls').map((call, i) => {
    const called = objectAt(call, 'function');
    return callItem(
      `fc_${id}_${i}`,
      textAt(call, 'id') ?? '',
      textAt(called, 'name') ?? '',
      textAt(called, 'arguments') ?? '',
      'completed',
    );
  });
  const output = [...(content.length === 0 ? [] : [messageItem(`msg_${id}`, content, 'completed')]), ...calls];
  const terms = { id, createdS: countAt(chat, 'created') ?? 0, model: textAt(chat, 'model') ?? '' };
  return {
    ...responseOf(terms, request),
    ...endOfAnswer(textAt(choice, 'finish_reason')),
    output,
    usage: usageOf(openaiUsage(chat['usage'])),
  };
}

interface Head {
  readonly id: string;
  readonly createdS: number;
  readonly model: string;
}

const usageOf = (usage: Usage | undefined): JsonObject | null => (usage === undefined ? null : responsesUsageOf(usage));

const textPart = (text: string) => ({ type: 'output_text', text, annotations: [], logprobs: [] });

const messageItem = (id: string, content: readonly object[], status: string) => ({
  id,
  type: 'message',
  status,
  role: 'assistant',
  content,
});

const callItem = (id: string, callId: string, name: string, args: string, status: string) => ({
  id,
  type: 'function_call',
  status,
  call_id: callId,
  name,
  arguments: args,
});

/** What of the request an answer repeats. */
const REPEATED = {
  instructions: null,
  max_output_tokens: null,
  metadata: {},
  parallel_tool_calls: true,
  temperature: null,
  tool_choice: 'auto',
  tools: [],
  top_p: null,
  text: { format: { type: 'text' } },
  reasoning: { effort: null, summary: null },
} as const;

const responseOf = ({ id, createdS, model }: Head, request: JsonObject) => ({
  id: `resp_${id}`,
  object: 'response',
  created_at: createdS,
  status: 'in_progress',
  error: null,
  incomplete_details: null as { readonly reason: string } | null,
  model,
  output: [] as readonly object[],
  previous_response_id: null,
  store: false,
  truncation: 'disabled',
  usage: null as JsonObject | null,
  ...Object.fromEntries(Object.entries(REPEATED).map(([name, absent]) => [name, request[name] ?? absent])),
});

function endOfAnswer(finishReason: string | undefined) {
  const reason = finishReason === 'length' ? 'max_output_tokens' : finishReason === 'content_filter' ? 'content_filter' : undefined;
  return reason === undefined
    ? { status: 'completed', incomplete_details: null }
    : { status: 'incomplete', incomplete_details: { reason } };
}

interface OpenItem {
  readonly part: Part;
  readonly id: string;
  readonly index: number;
  text: string;
}

/** The chunks of a chat completion as events of the responses API, one item after the other. [U230] */
export class ChatStreamAsResponse implements StreamTranslator {
  readonly #request: JsonObject;
  readonly #parts = new SequentialParts();
  #head: Head | undefined;
  #sequence = 0;
  #open: OpenItem | undefined;
  readonly #output: object[] = [];
  #finishReason: string | undefined;

  constructor(request: JsonObject) {
    this.#request = request;
  }

  get heldChars(): number {
    return this.#parts.heldChars;
  }

  push(chunk: JsonObject): JsonObject[] {
    const events = this.#head === undefined ? this.#start(chunk) : [];
    const choice = listAt(chunk, 'choices')[0];
    for (const step of this.#parts.push(objectAt(choice, 'delta'))) events.push(...this.#step(step));
    this.#finishReason = textAt(choice, 'finish_reason') ?? this.#finishReason;
    return events;
  }

  end(usage: Usage | undefined): JsonObject[] {
    const events = [...(this.#head === undefined ? this.#start({}) : []), ...this.#parts.end().flatMap((step) => this.#step(step))];
    const end = endOfAnswer(this.#finishReason);
    const response = { ...this.#response(), ...end, output: this.#output, usage: usageOf(usage) };
    return [...events, this.#event(`response.${end.status}`, { response })];
  }

  #start(chunk: JsonObject): JsonObject[] {
    this.#head = { id: textAt(chunk, 'id') ?? '', createdS: countAt(chunk, 'created') ?? 0, model: textAt(chunk, 'model') ?? '' };
    const response = this.#response();
    return [this.#event('response.created', { response }), this.#event('response.in_progress', { response })];
  }

  #response() {
    return responseOf(this.#head ?? { id: '', createdS: 0, model: '' }, this.#request);
  }

  #step(step: PartStep): JsonObject[] {
    switch (step.kind) {
      case 'begin':
        return this.#openItem(step.part);
      case 'piece':
        return this.#piece(step.text);
      case 'end':
        return this.#closeItem();
    }
  }

  #openItem(part: Part): JsonObject[] {
    const index = this.#output.length;
    const id = `${part.kind === 'call' ? 'fc' : 'msg'}_${this.#head?.id ?? ''}_${index}`;
    this.#open = { part, id, index, text: '' };
    const shown = part.kind === 'call' ? callItem(id, part.id, part.name, '', 'in_progress') : messageItem(id, [], 'in_progress');
    const added = this.#event('response.output_item.added', { output_index: index, item: shown });
    if (part.kind === 'call') return [added];
    return [added, this.#event('response.content_part.added', { ...this.#at(), content_index: 0, part: textPart('') })];
  }

  #piece(delta: string): JsonObject[] {
    if (this.#open === undefined) return [];
    this.#open.text += delta;
    return this.#open.part.kind === 'call'
      ? [this.#event('response.function_call_arguments.delta', { ...this.#at(), delta })]
      : [this.#event('response.output_text.delta', { ...this.#at(), content_index: 0, delta, logprobs: [] })];
  }

  #closeItem(): JsonObject[] {
    const item = this.#open;
    if (item === undefined) return [];
    const at = this.#at();
    this.#open = undefined;
    const { part, id, index, text } = item;
    const done =
      part.kind === 'call' ? callItem(id, part.id, part.name, text, 'completed') : messageItem(id, [textPart(text)], 'completed');
    this.#output.push(done);
    const inner =
      part.kind === 'call'
        ? [this.#event('response.function_call_arguments.done', { ...at, name: part.name, arguments: text })]
        : [
            this.#event('response.output_text.done', { ...at, content_index: 0, text, logprobs: [] }),
            this.#event('response.content_part.done', { ...at, content_index: 0, part: textPart(text) }),
          ];
    return [...inner, this.#event('response.output_item.done', { output_index: index, item: done })];
  }

  #at() {
    return { item_id: this.#open?.id ?? '', output_index: this.#open?.index ?? 0 };
  }

  #event(type: string, more: JsonObject): JsonObject {
    const event = { type, sequence_number: this.#sequence, ...more };
    this.#sequence += 1;
    return event;
  }
}
