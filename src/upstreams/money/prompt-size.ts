import type { FieldPath } from '../../contract/api/field-path.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { Surface } from '../protocol/surfaces.ts';
import type { JsonObject } from '../protocol/json.ts';
import { isObject, listAt, textAt } from '../protocol/json.ts';
import { isSearchTool } from './search-tools.ts';
import { audioMsOfBase64, fileSizeOf } from './attachment-size.ts';

/** How much a request gives a model to read, whichever model that is. */
export interface PromptSize {
  /** Of everything but what is attached: no tokeniser makes more tokens of a text than it has bytes. */
  readonly bytes: number;
  /** Tokens that templates put around what the request says. */
  readonly overheadTokens: number;
  readonly images: number;
  /** Of PDFs. */
  readonly pages: number;
  /** Of sounds. */
  readonly audioMs: number;
  /** Searches of the web that the request limits itself. */
  readonly webSearches: number;
  /** Tools for them that it does not limit. */
  readonly webSearchTools: number;
  /** It asks for sound. */
  readonly makesAudio: boolean;
  /** What nothing in the request bounds, and why the request is refused unless the owner of its model pays for it; undefined: nothing. [U261] */
  readonly unbounded: Outcome<never> | undefined;
  /** How many times a model reads up to a whole context: once for each text that it answers by itself. */
  readonly contexts: number;
  /** The upstream adds what an earlier request left there, or what it gets elsewhere: no byte of this request bounds it, only the context does. */
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
  'server_tool_use',
  'search_result',
  'web_search_result',
  'web_search_tool_result_error',
  'web_fetch_tool_result_error',
]);
const IMAGE_PARTS = new Set(['image_url', 'input_image', 'image']);
/** Items of a response's input that are text and nothing else. */
const TEXT_ITEMS = new Set(['reasoning', 'function_call', 'custom_tool_call', 'web_search_call']);
const OUTPUT_ITEMS = new Set(['function_call_output', 'custom_tool_call_output']);
/** Tools whose caller runs them; of the second kind the request says no more than the type. */
const CALLERS_TOOLS = new Set(['function', 'custom']);
const CALLERS_NAMED_TOOLS = /^(bash|text_editor|computer|memory)_\d{8}$/;

/** What tools have answered, those of the upstream too, which say it again. */
const TOOL_RESULTS = /^(?:tool_result|web_(?:search|fetch)_tool_result)$/;
const FILE_PARTS = new Set(['file', 'input_file', 'document']);
/** What the upstream fetches costs its tokens, which its context bounds. */
const FETCH_TOOLS = /^web_fetch_\d{8}$/;

/** Fields that make an upstream read, run or charge for what nothing in the request bounds, unless they have these values. */
const UNBOUNDED: Readonly<Record<string, (value: unknown) => boolean>> = {
  background: (value) => value === false,
  container: () => false,
  mcp_servers: (value) => Array.isArray(value) && value.length === 0,
  modalities: (value) => Array.isArray(value) && value.every((one) => one === 'text' || one === 'audio'),
};
/** What an upstream keeps of earlier requests. */
const KEPT_THERE = ['conversation', 'previous_response_id'];

/** The size of a request's prompt. `bodyBytes`: of its JSON in UTF-8. What nothing bounds is named, as video and most tools that the upstream runs. [U71] */
export function promptSizeOf(surface: Surface, body: JsonObject, bodyBytes: number): PromptSize {
  const walk = new PromptWalk();
  walk.request(surface, body);
  return walk.size(surface, body, bodyBytes);
}

const unbounded = (path: FieldPath, what: string) =>
  refuse(
    'invalid_value',
    `nothing bounds what ${what} costs, so it cannot be reserved: leave it out, or set \`unbounded\` of the model to \`settle\` to pay for it afterwards`,
    path,
  );

class PromptWalk {
  #unbounded: Outcome<never> | undefined;
  #overheadTokens = REQUEST_OVERHEAD_TOKENS;
  #images = 0;
  #pages = 0;
  #audioMs = 0;
  #webSearches = 0;
  #webSearchTools = 0;
  /** Of the request what is attached in base64, and is no text. */
  #attachedBytes = 0;
  #toolBytes = 0;
  #isHeldElsewhere = false;

  request(surface: Surface, body: JsonObject): void {
    for (const [field, isBounded] of Object.entries(UNBOUNDED)) {
      const value = body[field];
      if (value !== undefined && value !== null && !isBounded(value)) this.#refuse([field], `\`${field}\``);
    }
    this.#tools(body);
    // Each answer of such a model is one search.
    if (isObject(body['web_search_options'])) this.#webSearches += 1;
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
      bytes: Math.max(0, bodyBytes - this.#attachedBytes) + this.#toolBytes + queryBytes,
      overheadTokens: this.#overheadTokens + MESSAGE_OVERHEAD_TOKENS * texts,
      images: this.#images,
      pages: this.#pages,
      audioMs: this.#audioMs,
      webSearches: this.#webSearches,
      webSearchTools: this.#webSearchTools,
      makesAudio: isObject(body['audio']) || listAt(body, 'modalities').includes('audio'),
      unbounded: this.#unbounded,
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
      else if (isSearchTool(tool)) this.#search(tool, body);
      else if (FETCH_TOOLS.test(type)) this.#isHeldElsewhere = true;
      else if (!CALLERS_TOOLS.has(type))
        this.#refuse(['tools', at, 'type'], `a tool of type \`${type.slice(0, 64)}\`, which the upstream runs,`);
    }
    // A character of a text has at most three bytes of UTF-8 for each of its units.
    for (const shown of [...tools, body['response_format'], body['text'], body['output_config']]) {
      if (shown !== undefined) this.#toolBytes += 3 * JSON.stringify(shown).length;
    }
  }

  /** Anthropic's tool has a limit of its own, OpenAI's request has one of all tools. */
  #search(tool: JsonObject, body: JsonObject): void {
    const limit = tool['max_uses'] ?? body['max_tool_calls'];
    if (typeof limit === 'number' && Number.isSafeInteger(limit) && limit >= 0) this.#webSearches += limit;
    else this.#webSearchTools += 1;
  }

  #message(message: unknown, path: FieldPath): void {
    this.#overheadTokens += MESSAGE_OVERHEAD_TOKENS;
    if (!isObject(message)) return;
    // A sound that the upstream has said before, by its id.
    if (isObject(message['audio'])) this.#isHeldElsewhere = true;
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
    if (IMAGE_PARTS.has(type)) this.#image(part);
    else if (type === 'input_audio') this.#audio(part);
    else if (FILE_PARTS.has(type)) this.#file(part, path);
    else if (TOOL_RESULTS.test(type)) this.#parts(part['content'], [...path, 'content']);
    else this.#refuse([...path, 'type'], `a part of type \`${type.slice(0, 64)}\``);
  }

  /** Of an embedding, a moderation, a document to rank: a text, ids of tokens, or a part. */
  #inputOf(part: unknown, path: FieldPath): void {
    if (!isObject(part)) return;
    if (part['type'] !== undefined) return this.#part(part, path);
    for (const field of Object.keys(part))
      if (/image|audio|video|file|url/i.test(field)) return this.#refuse([...path, field], `\`${field}\``);
  }

  #image(part: JsonObject): void {
    this.#images += 1;
    const { image_url: url, source } = part;
    const text = typeof url === 'string' ? url : (textAt(url, 'url') ?? textAt(source, 'data') ?? '');
    // A request cannot hide a text in it: what is no image, the upstream refuses.
    this.#attachedBytes += text.length;
  }

  #audio(part: JsonObject): void {
    const data = textAt(part['input_audio'], 'data') ?? '';
    this.#audioMs += audioMsOfBase64(data);
    this.#attachedBytes += data.length;
  }

  /** OpenAI's parts of files, and Anthropic's documents: as data, or by an id or a URL, where the upstream gets them. */
  #file(part: JsonObject, path: FieldPath): void {
    const { source } = part;
    if (isObject(source) && source['type'] === 'content') return this.#parts(source['content'], [...path, 'source', 'content']);
    // A text that stands in the request is bounded with it.
    if (isObject(source) && source['type'] === 'text') return;
    const holder = isObject(source) ? source : isObject(part['file']) ? part['file'] : part;
    const data = textAt(holder, 'file_data') ?? textAt(holder, 'data');
    if (data === undefined) {
      this.#isHeldElsewhere = true;
      return;
    }
    const size = fileSizeOf(data, textAt(holder, 'media_type'));
    if (size.kind === 'unknown') this.#isHeldElsewhere = true;
    // What is read as text stays among the bytes of the request: base64 has more than it stands for.
    if (size.kind === 'text') return;
    if (size.kind === 'pages') this.#pages += size.pages;
    this.#attachedBytes += data.length;
  }

  #list(value: unknown, path: FieldPath, each: (item: unknown, path: FieldPath) => void): void {
    if (Array.isArray(value)) for (const [at, item] of value.entries()) each(item, [...path, at]);
  }

  #refuse(path: FieldPath, what: string): void {
    this.#unbounded ??= unbounded(path, what);
  }
}

/** How many texts a model answers one by one. */
function textsOf(surface: Surface, body: JsonObject): number {
  const value = body[surface === 'completions' ? 'prompt' : surface === 'rerank' ? 'documents' : 'input'];
  if (surface === 'chat' || surface === 'messages' || surface === 'responses' || !Array.isArray(value)) return 1;
  // Ids of tokens are one text.
  return typeof value[0] === 'number' ? 1 : Math.max(1, value.length);
}
