import type { JsonObject } from '../protocol/json.ts';
import { isObject } from '../protocol/json.ts';

/** The text by which a person asks, and the request around it. */
export interface AskedQuestion {
  readonly text: string;
  /** The body that asks another text, and is the same in all else. */
  with(text: string): JsonObject;
}

/** The last text of a request, if a person says it and it is nothing but text: of a chat its last turn, else its prompt. */
export function askedQuestion(body: JsonObject): AskedQuestion | undefined {
  for (const field of ['messages', 'input', 'prompt']) {
    const value = body[field];
    if (typeof value === 'string') return { text: value, with: (text) => ({ ...body, [field]: text }) };
    if (!Array.isArray(value) || field === 'prompt') continue;
    const turns = value as readonly unknown[];
    const last = turns.at(-1);
    if (!isObject(last) || last['role'] !== 'user') return undefined;
    const said = onlyText(last['content']);
    if (said === undefined) return undefined;
    return { text: said.text, with: (text) => ({ ...body, [field]: [...turns.slice(0, -1), { ...last, content: said.with(text) }] }) };
  }
  return undefined;
}

/** Clients of some APIs send a text as a list of one part. */
function onlyText(content: unknown): { readonly text: string; readonly with: (text: string) => unknown } | undefined {
  if (typeof content === 'string') return { text: content, with: (text) => text };
  const [part, more] = Array.isArray(content) ? (content as readonly unknown[]) : [];
  if (!isObject(part) || more !== undefined || typeof part['text'] !== 'string') return undefined;
  return { text: part['text'], with: (text) => [{ ...part, text }] };
}
