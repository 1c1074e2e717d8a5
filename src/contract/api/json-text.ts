import { parseExactJson } from '../../kernel/exact-json.ts';
import { ok } from '../../kernel/result.ts';
import type { Refusal } from './errors.ts';
import { refusal } from './errors.ts';
import type { Outcome } from './outcome.ts';
import { refuse } from './outcome.ts';
import type { FieldPath } from './field-path.ts';

/**
 * JSON that a caller sent, checked in one module for bodies, lines of imports and lines of jobs.
 *
 * Half a surrogate pair has no UTF-8 form: stored or hashed it becomes U+FFFD, so that two ids, keys or texts would become one. UTF-8
 * itself cannot carry one; only an escape such as `\ud800` can, so only texts with such an escape are searched.
 */
export function parseJsonText(text: string, isExact = false, at: FieldPath = []): Outcome<unknown> {
  let value: unknown;
  try {
    value = isExact ? parseExactJson(text) : (JSON.parse(text) as unknown);
  } catch {
    return refuse(
      'malformed_json',
      text === '' ? 'the body is empty: send JSON' : `the body is not valid UTF-8 encoded JSON${adviceOn(text)}`,
    );
  }
  const fault = surrogateFault(text, value, at);
  return fault === undefined ? ok(value) : { ok: false, error: fault };
}

/** What looks like JSON to a newcomer: `str()` of a dict, numbers that JSON has not, and the fields of a form. */
function adviceOn(text: string): string {
  const start = text.slice(0, 256);
  if (/^[\s[{]*'/.test(start))
    return ": it has single quotes, as Python prints a dict: json.dumps(body) makes JSON of it, and requests' json=body sends it";
  if (/[[:,]\s*-?(?:NaN|Infinity)\b/.test(text)) return ': it has NaN or Infinity, which JSON has not';
  return /^[\w.[\]%-]+=[^{}]*$/.test(start) ? ": it is a form: in Python, requests' json=body sends JSON, and data=body does not" : '';
}

/** Parses JSON from bytes at an offset of the body; refuses as `parseJsonText` does, and what is not UTF-8. */
export function parseJsonBytes(bytes: Uint8Array, isExact = false, at: FieldPath = []): Outcome<unknown> {
  const text = utf8Text(bytes);
  return text === undefined ? refuse('malformed_json', 'the body is not valid UTF-8 encoded JSON') : parseJsonText(text, isExact, at);
}

/** One for all: a decoder that is not given a stream keeps nothing between two texts. */
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/** Undefined for what is not UTF-8. */
export function utf8Text(bytes: Uint8Array): string | undefined {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return undefined;
  }
}

const SURROGATE_ESCAPE = /\\u[dD][89a-fA-F]/;
const LONE_SURROGATE = /\p{Surrogate}/u;

/** Names the field of `value`, which `text` says, that holds half a surrogate pair, if any does; `at`: where the value stands. */
export function surrogateFault(text: string, value: unknown, at: FieldPath = []): Refusal | undefined {
  if (!SURROGATE_ESCAPE.test(text)) return undefined;
  const place = loneSurrogateIn(value);
  if (place === undefined) return undefined;
  const path = [...at, ...place.path];
  const what = place.isName ? 'has a field whose name holds' : 'holds';
  const message = `${path.length === 0 ? 'the body ' : ''}${what} half a surrogate pair, which has no UTF-8 form`;
  return refusal('invalid_value', message, path);
}

interface Place {
  readonly path: FieldPath;
  /** Whether the name of one of its fields is at fault, not its value. */
  readonly isName: boolean;
}

interface Node {
  readonly value: unknown;
  readonly parent: Node | undefined;
  readonly key: string | number;
}

/** Without recursion: a hostile nesting must not overflow the stack. */
function loneSurrogateIn(value: unknown): Place | undefined {
  const pending: Node[] = [{ value, parent: undefined, key: '' }];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (typeof node.value === 'string' && LONE_SURROGATE.test(node.value)) return { path: pathOf(node), isName: false };
    for (const [key, item] of fieldsOf(node.value)) {
      if (typeof key === 'string' && LONE_SURROGATE.test(key)) return { path: pathOf(node), isName: true };
      if (mayHoldText(item)) pending.push({ value: item, parent: node, key });
    }
  }
  return undefined;
}

function fieldsOf(value: unknown): Iterable<readonly [string | number, unknown]> {
  if (Array.isArray(value)) return value.entries();
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}

const mayHoldText = (value: unknown): boolean => typeof value === 'string' || (typeof value === 'object' && value !== null);

function pathOf(node: Node): FieldPath {
  const path: (string | number)[] = [];
  for (let at: Node | undefined = node; at?.parent !== undefined; at = at.parent) path.unshift(at.key);
  return path;
}
