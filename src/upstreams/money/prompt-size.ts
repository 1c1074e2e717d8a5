import type { FieldPath } from '../../contract/api/field-path.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { ok } from '../../kernel/result.ts';
import type { Surface } from '../protocol/exchange.ts';
import type { JsonObject } from '../protocol/json.ts';
import { isObject, listAt, textAt } from '../protocol/json.ts';

/** How much a request gives a model to read, whichever model that is. */
export interface PromptSize {
  /** Of everything but the images: no tokeniser makes more tokens of a text than it has bytes. */
  readonly bytes: number;
  /** Tokens that templates put around what the request says. */
  readonly overheadTokens: number;
  readonly images: number;
  /** Where the first image stands. */
  readonly imageAt: FieldPath | undefined;
  /** How many times a model reads up to a whole context: once for each text that it answers by itself. */
  readonly contexts: number;
  /** The upstream adds what an earlier request left there: no byte of this request bounds it, only the context does. */
  readonly isHeldElsewhere: boolean;
}

/** Around a request: its beginning, the prompt that a template has for those without one, the opening of the answer. The longest known has 80. */
const REQUEST_OVERHEAD_TOKENS = 128;
/** Around a message, beyond the bytes of its JSON. */
const MESSAGE_OVERHEAD_TOKENS = 8;
/** What templates put before the first tool. The longest known has 530. */
const TOOLS_OVERHEAD_TOKENS = 768;
/** What the upstream adds for a tool that the request names by its type alone. The longest known has 735. */
const NAMED_TOOL_OVERHEAD_TOKENS = 1_024;

/** Parts of a message that are text and nothing else, written in the request. */
const TEXT_PARTS = new Set([
  'text',
  'input_text',
  'output_text',
  'summary_text',
  'reasoning_text',
  'refusal',
  'thinking',
  'redacted_thinking',
  'tool_use',
  'search_result',
]);
const IMAGE_PARTS = new Set(['image_url', 'input_image', 'image']);
/** Items of a response's input that are text and nothing else. */
const TEXT_ITEMS = new Set(['reasoning', 'function_call', 'custom_tool_call']);
const OUTPUT_ITEMS = new Set(['function_call_output', 'custom_tool_call_output']);
/** Tools whose caller runs them; of the second kind the request says no more than the type. */
const CALLERS_TOOLS = new Set(['function', 'custom']);
const CALLERS_NAMED_TOOLS = /^(bash|text_editor|computer|memory)_\d{8}$/;

/** Fields that make an upstream read, run or charge for what nothing in the request bounds, unless they have these values. */
const UNBOUNDED: Readonly<Record<string, (value: unknown) => boolean>> = {
  audio: () => false,
  background: (value) => value === false,
  container: () => false,
  mcp_servers: (value) => Array.isArray(value) && value.length === 0,
  modalities: (value) => Array.isArray(value) && value.every((one) => one === 'text'),
  web_search_options: () => false,
};
/** What an upstream keeps of earlier requests. */
const KEPT_THERE = ['conversation', 'previous_response_id'];

/**
 * The size of a request's prompt. `bodyBytes`: of its JSON in UTF-8. Refused where the request has what nothing bounds: audio, video, files, tools
 * that the upstream runs itself. [U71]
 */
export function promptSizeOf(surface: Surface, body: JsonObject, bodyBytes: number): Outcome<PromptSize> {
  for (const [field, isBounded] of Object.entries(UNBOUNDED)) {
    const value = body[field];
    if (value !== undefined && value !== null && !isBounded(value)) return unbounded([field], `\`${field}\``);
  }
  const walk = new PromptWalk();
  walk.request(surface, body);
  return walk.refused ?? ok(walk.size(surface, body, bodyBytes));
}

const unbounded = (path: FieldPath, what: string) =>
  refuse('invalid_value', `nothing bounds what ${what} costs, so it cannot be reserved: leave it out`, path);

class PromptWalk {
  refused: ReturnType<typeof refuse> | undefined;
  #overheadTokens = REQUEST_OVERHEAD_TOKENS;
  #images = 0;
  #imageAt: FieldPath | undefined;
  #imageBytes = 0;
  #toolBytes = 0;
  #isHeldElsewhere = false;

  request(surface: Surface, body: JsonObject): void {
    this.#tools(body);
    this.#isHeldElsewhere =
      KEPT_THERE.some((field) => body[field] !== undefined && body[field] !== null) ||
      isObject(body['prompt']) ||
      (isObject(body['thread']) && body['thread']['type'] !== 'create');
    if (surface === 'responses') this.#list(body['input'], ['input'], (item, path) => this.#item(item, path));
    else if (surface === 'chat' || surface === 'messages') {
      this.#parts(body['system'], ['system']);
      this.#list(body['messages'], ['messages'], (message, path) => this.#message(message, path));
    } else if (surface !== 'completions') {
      for (const field of ['input', 'documents']) this.#list(body[field], [field], (part, path) => this.#inputOf(part, path));
    }
  }

  size(surface: Surface, body: JsonObject, bodyBytes: number): PromptSize {
    const texts = textsOf(surface, body);
    // A reranker reads the query once with each document.
    const queryBytes = surface === 'rerank' ? 3 * (textAt(body, 'query') ?? '').length * Math.max(0, texts - 1) : 0;
    return {
      // Tools are shown as JSON that may be spaced out, or as code.
      bytes: Math.max(0, bodyBytes - this.#imageBytes) + this.#toolBytes + queryBytes,
      overheadTokens: this.#overheadTokens + MESSAGE_OVERHEAD_TOKENS * texts,
      images: this.#images,
      imageAt: this.#imageAt,
      contexts: texts,
      isHeldElsewhere: this.#isHeldElsewhere,
    };
  }

  #tools(body: JsonObject): void {
    const tools = [...listAt(body, 'tools'), ...listAt(body, 'functions')];
    if (tools.length > 0) this.#overheadTokens += TOOLS_OVERHEAD_TOKENS;
    for (const [at, tool] of tools.entries()) {
      const type = textAt(tool, 'type') ?? 'function';
      if (CALLERS_NAMED_TOOLS.test(type)) this.#overheadTokens += NAMED_TOOL_OVERHEAD_TOKENS;
      else if (!CALLERS_TOOLS.has(type))
        this.#refuse(['tools', at, 'type'], `a tool of type \`${type.slice(0, 64)}\`, which the upstream runs,`);
    }
    // A character of a text has at most three bytes of UTF-8 for each of its units.
    for (const shown of [...tools, body['response_format'], body['text'], body['output_config']]) {
      if (shown !== undefined) this.#toolBytes += 3 * JSON.stringify(shown).length;
    }
  }

  #message(message: unknown, path: FieldPath): void {
    this.#overheadTokens += MESSAGE_OVERHEAD_TOKENS;
    if (!isObject(message)) return;
    if (isObject(message['audio'])) this.#refuse([...path, 'audio'], 'audio');
    this.#parts(message['content'], [...path, 'content']);
  }

  #item(item: unknown, path: FieldPath): void {
    const type = textAt(item, 'type') ?? 'message';
    if (type === 'message') this.#message(item, path);
    else if (type === 'item_reference') this.#isHeldElsewhere = true;
    else if (OUTPUT_ITEMS.has(type) && isObject(item)) this.#parts(item['output'], [...path, 'output']);
    else if (!TEXT_ITEMS.has(type)) this.#refuse([...path, 'type'], `an item of type \`${type.slice(0, 64)}\``);
  }

  #parts(content: unknown, path: FieldPath): void {
    this.#list(content, path, (part, at) => this.#part(part, at));
  }

  #part(part: unknown, path: FieldPath): void {
    const type = textAt(part, 'type') ?? 'text';
    if (!isObject(part) || TEXT_PARTS.has(type)) return;
    if (IMAGE_PARTS.has(type)) this.#image(part, path);
    else if (type === 'tool_result') this.#parts(part['content'], [...path, 'content']);
    else if (type === 'document' && isObject(part['source']) && ['text', 'content'].includes(String(part['source']['type'])))
      this.#parts(part['source']['content'], [...path, 'source', 'content']);
    else this.#refuse([...path, 'type'], `a part of type \`${type.slice(0, 64)}\``);
  }

  /** Of an embedding, a moderation, a document to rank: a text, ids of tokens, or a part. */
  #inputOf(part: unknown, path: FieldPath): void {
    if (!isObject(part)) return;
    if (part['type'] !== undefined) return this.#part(part, path);
    for (const field of Object.keys(part))
      if (/image|audio|video|file|url/i.test(field)) return this.#refuse([...path, field], `\`${field}\``);
  }

  #image(part: JsonObject, path: FieldPath): void {
    this.#images += 1;
    this.#imageAt ??= path;
    const { image_url: url, source } = part;
    const text = typeof url === 'string' ? url : (textAt(url, 'url') ?? textAt(source, 'data') ?? '');
    // A request cannot hide a text in it: what is no image, the upstream refuses.
    this.#imageBytes += text.length;
  }

  #list(value: unknown, path: FieldPath, each: (item: unknown, path: FieldPath) => void): void {
    if (Array.isArray(value)) for (const [at, item] of value.entries()) each(item, [...path, at]);
  }

  #refuse(path: FieldPath, what: string): void {
    this.refused ??= unbounded(path, what);
  }
}

/** How many texts a model answers one by one. */
function textsOf(surface: Surface, body: JsonObject): number {
  const value = body[surface === 'completions' ? 'prompt' : surface === 'rerank' ? 'documents' : 'input'];
  if (surface === 'chat' || surface === 'messages' || surface === 'responses' || !Array.isArray(value)) return 1;
  // Ids of tokens are one text.
  return typeof value[0] === 'number' ? 1 : Math.max(1, value.length);
}
