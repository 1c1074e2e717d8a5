import { countAt, isObject, listAt, objectAt, textAt } from './json.ts';
import type { JsonObject } from './json.ts';

/** Takes a text that a model has generated, piece by piece; the field tells apart texts whose pieces come in turn. */
export type TakeText = (field: string, text: string) => void;

/** Names under which an answer has texts that its model did not generate: names of things, links, what is encrypted or encoded. */
const NOT_GENERATED: ReadonlySet<string> = new Set([
  'annotations',
  'caller',
  'citation',
  'citations',
  'container',
  'data',
  'encrypted_content',
  'file_id',
  'format',
  'id',
  'call_id',
  'item_id',
  'logprobs',
  'object',
  'role',
  'server_label',
  'signature',
  'status',
  'tool_call_id',
  'type',
  'url',
]);

/** Under these names servers send one and the same reasoning, some under two of them at once. */
const REASONING = ['reasoning_content', 'reasoning', 'reasoning_details'];

/**
 * Every text that a model has generated in a part of an answer, however it is nested: contents, refusals, reasoning, names and arguments of tools,
 * transcripts. What tools are called with as an object is taken as its JSON.
 */
function takeTexts(value: unknown, field: string, take: TakeText): void {
  if (typeof value === 'string') return take(field, value);
  if (Array.isArray(value)) return value.forEach((one: unknown, at) => takeTexts(one, `${field}/${countAt(one, 'index') ?? at}`, take));
  if (!isObject(value)) return;
  for (const [name, member] of Object.entries(value)) {
    if (NOT_GENERATED.has(name) || REASONING.includes(name)) continue;
    if (name === 'input' && isObject(member)) {
      if (Object.keys(member).length > 0) take(`${field}/input`, JSON.stringify(member));
    } else takeTexts(member, `${field}/${name}`, take);
  }
  takeReasoning(value, field, take);
}

/** The longest of what is said under its names. */
function takeReasoning(value: JsonObject, field: string, take: TakeText): void {
  let longest: string[] = [];
  let charsMax = 0;
  for (const name of REASONING) {
    if (value[name] === undefined || value[name] === null) continue;
    const texts: string[] = [];
    takeTexts(value[name], '', (_, text) => texts.push(text));
    const chars = texts.reduce((sum, { length }) => sum + length, 0);
    if (chars > charsMax) [longest, charsMax] = [texts, chars];
  }
  for (const text of longest) take(`${field}/reasoning`, text);
}

/** What the choices of a chat completion or a completion say, in a chunk or whole. */
export function takeChoices(choices: readonly unknown[], take: TakeText): void {
  for (let at = 0; at < choices.length; at += 1) {
    const choice = choices[at];
    if (!isObject(choice)) continue;
    const index = countAt(choice, 'index') ?? at;
    const said = choice['delta'] ?? choice['message'];
    // Nearly all chunks have one content, and nothing else.
    if (isObject(said) && isContentAlone(said)) take(index === 0 ? FIRST_CONTENT : `${index}/content`, said['content']);
    else if (said !== undefined) takeTexts(said, `${index}`, take);
    if (choice['text'] !== undefined) takeTexts(choice['text'], `${index}/text`, take);
  }
}

const FIRST_CONTENT = '0/content';

function isContentAlone(delta: JsonObject): delta is { readonly content: string } {
  for (const name in delta) if (name !== 'content' && name !== 'role') return false;
  return typeof delta['content'] === 'string';
}

/** What an event of Anthropic's messages says. Results of tools are no texts of the model. */
export function takeMessageEvent(event: JsonObject, take: TakeText): void {
  const { content_block: block, delta } = event;
  const field = `${countAt(event, 'index') ?? 0}`;
  if (block !== undefined) takeParts([block], field, take);
  else if (isObject(delta) && textAt(event, 'type') === 'content_block_delta') takeTexts(delta, field, take);
  else takeParts(listAt(objectAt(event, 'message'), 'content'), 'message', take);
}

/** Parts of a message of Anthropic's. */
export function takeParts(parts: readonly unknown[], field: string, take: TakeText): void {
  for (const part of parts) if (!(textAt(part, 'type') ?? '').endsWith('_result')) takeTexts(part, field, take);
}

/** What the events of a response say: each text once, though the end of a text, of its part, of its item and of the response repeat it. */
export class ResponseTexts {
  readonly #take: TakeText;
  /** Items, and parts of them, whose texts have been taken. */
  readonly #taken = new Set<string>();

  constructor(take: TakeText) {
    this.#take = take;
  }

  event(event: JsonObject): void {
    const type = textAt(event, 'type') ?? '';
    const item = String(countAt(event, 'output_index') ?? textAt(event, 'item_id') ?? '');
    const part = `${item}/${countAt(event, 'content_index') ?? countAt(event, 'summary_index') ?? 0}`;
    if (type.endsWith('.delta')) {
      // Sounds and pictures are no texts.
      if (/(audio|image)/.test(type) && !type.includes('transcript')) return;
      this.#taken.add(item);
      this.#taken.add(part);
      takeTexts(event['delta'], `${part}/${type}`, this.#take);
    } else if (type === 'response.output_item.added') this.#name(item, objectAt(event, 'item'));
    else if (type === 'response.output_item.done') this.#item(item, objectAt(event, 'item'));
    else if (type.endsWith('.done')) this.#end(item, part, event);
    else this.whole(objectAt(event, 'response'));
  }

  whole(response: JsonObject): void {
    for (const [at, item] of listAt(response, 'output').entries()) if (isObject(item)) this.#item(String(at), item);
  }

  #name(item: string, { name }: JsonObject): void {
    if (typeof name !== 'string' || this.#taken.has(`${item}/name`)) return;
    this.#taken.add(`${item}/name`);
    this.#take(`${item}/name`, name);
  }

  #end(item: string, part: string, { text, arguments: given, input, refusal, code, transcript, part: whole }: JsonObject): void {
    if (this.#taken.has(part)) return;
    const ended = text ?? given ?? input ?? refusal ?? code ?? transcript ?? whole;
    if (ended === undefined) return;
    this.#taken.add(item);
    this.#taken.add(part);
    takeTexts(ended, part, this.#take);
  }

  #item(at: string, { name, ...item }: JsonObject): void {
    this.#name(at, { name });
    if (this.#taken.has(at) || (textAt(item, 'type') ?? '').endsWith('_output')) return;
    this.#taken.add(at);
    takeTexts(item, at, this.#take);
  }
}
