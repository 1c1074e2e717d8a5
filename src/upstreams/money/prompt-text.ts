import type { JsonObject } from '../protocol/json.ts';
import { isObject } from '../protocol/json.ts';
import { CountableText } from './countable-text.ts';

/** Fields of a request for a generated answer that its model reads. */
const READ = ['system', 'instructions', 'messages', 'input', 'prompt', 'suffix', 'tools', 'functions', 'response_format', 'text'];

/** Pictures, which are bounded apart, and what is encrypted. */
const UNREAD: ReadonlySet<string> = new Set(['url', 'image_url', 'data', 'file_data', 'encrypted_content', 'signature', 'cache_control']);

/** What a request gives a model to read, for counting its tokens. Templates put some tokens around a message; here each text ends with a line break. */
export function promptTextOf(body: JsonObject): CountableText {
  const text = new CountableText();
  for (const name of READ) if (body[name] !== undefined) addTexts(body[name], text);
  return text;
}

function addTexts(value: unknown, text: CountableText): void {
  if (typeof value === 'string') addLine(value, text);
  // An id of a token is one.
  else if (typeof value === 'number') text.add('', '0');
  else if (Array.isArray(value)) for (const one of value) addTexts(one, text);
  else if (isObject(value)) addMembers(value, text);
}

function addMembers(value: JsonObject, text: CountableText): void {
  // A document that is a text has it where others have their bytes.
  if (value['type'] === 'text' && typeof value['data'] === 'string') addLine(value['data'], text);
  for (const name in value) {
    if (UNREAD.has(name)) continue;
    const member = value[name];
    // Of schemas the model reads the names, too; those of parts and messages are the template's.
    if (isObject(member)) addLine(name, text);
    addTexts(member, text);
  }
}

function addLine(line: string, text: CountableText): void {
  text.add('', line);
  text.add('', '\n');
}
