import type { FieldPath } from '../../contract/api/field-path.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import type { PromptVariable } from '../../contract/prompts/prompts.ts';
import { ok } from '../../kernel/result.ts';

/** The text of a value. Refuses one that is not of its variable's type, not among its `values`, or too long. [U162] */
export function valueText({ type, values, chars_max: charsMax, escape }: PromptVariable, value: unknown, path: FieldPath): Outcome<string> {
  const text = TEXTS[type](plainValue(value));
  if (text === undefined) return refuse('invalid_value', `must be ${NAMES[type]}`, path);
  if (values !== undefined && !values.includes(text)) return refuse('invalid_value', `must be one of ${JSON.stringify(values)}`, path);
  if (text.length > charsMax) {
    const limit = { name: 'chars_max', bound: charsMax };
    return refuseBeyond({ path, limit, value: text.length, what: `has ${text.length} characters` });
  }
  return ok(ESCAPED[escape](text));
}

/** OpenAI's clients may send a text as `{"type": "input_text", "text": "..."}`. */
function plainValue(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('type' in value) || value.type !== 'input_text') return value;
  return 'text' in value ? value.text : value;
}

const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** Clients that can only send texts send numbers as texts. */
function numberOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && JSON_NUMBER.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

/** Undefined: the value is of another type. */
const TEXTS: Readonly<Record<PromptVariable['type'], (value: unknown) => string | undefined>> = {
  string: (value) => (typeof value === 'string' ? value : undefined),
  number: (value) => numberOf(value)?.toString(),
  integer: (value) => {
    const number = numberOf(value);
    return Number.isSafeInteger(number) ? String(number) : undefined;
  },
  boolean: (value) => (value === 'true' || value === 'false' || typeof value === 'boolean' ? String(value) : undefined),
  json: (value) => JSON.stringify(value),
};

const NAMES: Readonly<Record<PromptVariable['type'], string>> = {
  string: 'a text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  json: 'a JSON value',
};

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

const ESCAPED: Readonly<Record<PromptVariable['escape'], (text: string) => string>> = {
  none: (text) => text,
  line: (text) => text.replaceAll(/[\n\v\f\r\u0085\u2028\u2029]+/g, ' '),
  xml: (text) => text.replaceAll(/[&<>"']/g, (char) => ENTITIES[char] ?? char),
  json: (text) => JSON.stringify(text).slice(1, -1),
};
