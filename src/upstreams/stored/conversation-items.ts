import type { JsonObject } from '../protocol/json.ts';
import { isObject, listAt, parsedObject, textAt } from '../protocol/json.ts';
import type { StoredTurn } from './stored-answer.ts';

// The items of conversations that were had through the responses API: as they are sent to a model once more, and as they are shown.

/** The items of an input, which may be a text. Undefined: it is neither. */
export function itemsOf(input: unknown): readonly unknown[] | undefined {
  if (typeof input === 'string') return [{ role: 'user', content: input }];
  return Array.isArray(input) ? (input as unknown[]) : undefined;
}

/**
 * What a model has to read to go on from these turns: what was asked as it was asked, and what was answered in a form that every upstream
 * takes, whoever answered: without the ids that one upstream gave. Reasoning that is not encrypted and calls of tools that ran at the upstream
 * are left out, as nothing can be made of them elsewhere. [U247]
 */
export const historyOf = (turns: readonly StoredTurn[]): readonly unknown[] =>
  turns.flatMap(({ asked, answer }) => [...askedIn(asked), ...outputIn(answer).flatMap(spokenOf)]);

/** The items of a conversation as the API lists them: each with an id of its own, the oldest first. */
export function shownItems(turns: readonly StoredTurn[]): readonly JsonObject[] {
  return turns.flatMap(({ id, asked, answer }, at) => {
    // The answer to the last turn is the response itself.
    const items = at === turns.length - 1 ? askedIn(asked) : [...askedIn(asked), ...outputIn(answer)];
    return items.filter(isObject).map((item, n) => shownItem(item, `${id.replace(/^resp_/, '')}_${n}`));
  });
}

const askedIn = (asked: string): readonly unknown[] => listAt({ items: JSON.parse(asked) as unknown }, 'items');

const outputIn = (answer: string): readonly unknown[] => listAt(parsedObject(answer), 'output');

function spokenOf(item: unknown): readonly JsonObject[] {
  if (!isObject(item)) return [];
  const { type, call_id, name } = item;
  switch (type) {
    case 'message':
      return [{ role: 'assistant', content: textOf(item) }];
    case 'function_call':
      return [{ type, call_id, name, arguments: item['arguments'] }];
    case 'custom_tool_call':
      return [{ type, call_id, name, input: item['input'] }];
    case 'reasoning':
      return typeof item['encrypted_content'] === 'string'
        ? [{ type, summary: listAt(item, 'summary'), encrypted_content: item['encrypted_content'] }]
        : [];
    default:
      return [];
  }
}

const textOf = (message: JsonObject): string =>
  listAt(message, 'content')
    .map((part) => textAt(part, 'text') ?? textAt(part, 'refusal') ?? '')
    .join('');

const PREFIXES: Readonly<Record<string, string>> = { message: 'msg', function_call: 'fc', function_call_output: 'fco', reasoning: 'rs' };

function shownItem(item: JsonObject, stem: string): JsonObject {
  const type = textAt(item, 'type') ?? 'message';
  const id = `${PREFIXES[type] ?? 'item'}_${stem}`;
  if (type !== 'message') return { status: 'completed', ...item, id, type };
  const role = textAt(item, 'role') ?? 'user';
  const { content } = item;
  const part = role === 'assistant' ? { type: 'output_text', annotations: [] } : { type: 'input_text' };
  return { ...item, id, type, role, status: 'completed', content: typeof content === 'string' ? [{ ...part, text: content }] : content };
}
