import { must } from '../../kernel/assert.ts';
import { isRawJson } from '../../kernel/exact-json.ts';
import type { FieldPath } from '../../contract/api/field-path.ts';
import type { JsonObject } from '../protocol/json.ts';
import { isObject } from '../protocol/json.ts';
import type { FieldKind } from './field-kinds.ts';
import { isOfProtocol, kindOf, SCHEMA_FIELDS } from './field-kinds.ts';
import type { HookRecord } from './guardrail-policy.ts';

/** Where a string stands in a body. */
export interface Place {
  /** `fixed`: it must not be changed. */
  readonly kind: 'text' | 'json' | 'fixed';
  /** Of the value, or of the object whose key it is. It changes once the string was shown. */
  readonly path: FieldPath;
  /** What a model answers: not what it thinks, refuses, cites, or calls tools with. */
  readonly isSaid: boolean;
  readonly isKey: boolean;
}

/** Which strings of a body are shown. */
export interface Shown {
  readonly side: HookRecord['side'];
  /** What becomes of tokens, which repeat a text in parts: they are taken out, shown as any other string, or neither. */
  readonly tokens: 'out' | 'shown' | 'left';
}

/** Answers what a string becomes. */
type Change = (text: string, place: Place) => string;

/**
 * A body with every string in it, keys too, replaced by what `change` answers; only what its protocol has made up is not shown (see
 * `isOfProtocol`), nor are keys that are fields of it. What is not changed is the same object as before. Fields that no protocol has are shown as
 * what must not be changed in requests, and as texts in answers. [U112]
 */
export const changedStrings = <T>(body: T, shown: Shown, change: Change): T =>
  new StringWalk(shown, change).value(body, 'parts', undefined, true) as T;

/** What `note` answers of each string that is shown, in their order. */
export function notedStrings<N>(body: unknown, shown: Shown, note: (text: string, place: Place) => N): N[] {
  const notes: N[] = [];
  changedStrings(body, shown, (text, place) => {
    notes.push(note(text, place));
    return text;
  });
  return notes;
}

/** A body with the strings that were noted replaced by these, one for each. */
export function withStrings<T>(body: T, shown: Shown, texts: readonly string[]): T {
  let at = 0;
  return changedStrings(body, shown, () => must(texts[at++], 'each string is changed once'));
}

/** Parts of an answer in which what a model says stands. */
const SAID_HOLDERS: ReadonlySet<string> = new Set('choices message delta output item part response content content_block text'.split(' '));
const UNSAID = /reasoning|thinking|summary|tool|call|search|citation|execution/;
const CALLS_TOOL = /tool_use$/;

/** The strings of any other kind are fixed in requests, and texts in answers. */
const STRING_KINDS: Readonly<Partial<Record<FieldKind, Place['kind']>>> = {
  text: 'text',
  data: 'text',
  labels: 'text',
  json: 'json',
  name: 'fixed',
  schema: 'fixed',
  constant: 'fixed',
};

class StringWalk {
  readonly #shown: Shown;
  readonly #change: Change;
  readonly #path: (string | number)[] = [];

  constructor(shown: Shown, change: Change) {
    this.#shown = shown;
    this.#change = change;
  }

  /** `kind`: of the field whose value it is; undefined: of one that no protocol has. `holder`: what has the field. */
  value(value: unknown, kind: FieldKind | undefined, holder: JsonObject | undefined, isSaid: boolean): unknown {
    if (typeof value === 'string') return this.#string(value, kind, isSaid);
    if (kind === 'tokens' && this.#shown.tokens !== 'shown') return this.#shown.tokens === 'left' ? value : withoutTokens(value);
    if (Array.isArray(value)) return this.#list(value, kind, holder, isSaid);
    if (typeof value === 'number' || isRawJson(value)) return kind === 'data' ? this.#number(value) : value;
    return isObject(value) ? this.#object(value, kind, isSaid) : value;
  }

  #object(value: JsonObject, kind: FieldKind | undefined, isSaid: boolean): JsonObject {
    if (kind === 'schema') return this.#schema(value);
    if (kind === 'labels') return this.#members(value, 'fixed', (inner) => this.value(inner, 'text', value, false));
    if (kind === 'name') return this.#members(value, 'fixed', (inner) => this.value(inner, 'name', value, false));
    if (kind === 'data' || kind === 'json') return this.#members(value, 'text', (inner) => this.value(inner, 'data', value, false));
    return this.#fields(value, isSaid);
  }

  #fields(value: JsonObject, isSaid: boolean): JsonObject {
    const says = isSaid && !(typeof value['type'] === 'string' && UNSAID.test(value['type']));
    return this.#members(value, 'field', (inner, name) => this.value(inner, kindIn(value, name), value, says && SAID_HOLDERS.has(name)));
  }

  #string(text: string, kind: FieldKind | undefined, isSaid: boolean): string {
    const isAnswer = this.#shown.side === 'answer';
    if (kind !== undefined && (isOfProtocol(kind, text) || (kind === 'id' && isAnswer))) return text;
    const last = this.#path.findLast((part) => typeof part === 'string');
    const place = { path: this.#path, isKey: false, isSaid: isSaid && (last === 'content' || last === 'text') };
    const known = kind === undefined ? undefined : STRING_KINDS[kind];
    return this.#change(text, { ...place, kind: known ?? (isAnswer ? 'text' : 'fixed') });
  }

  /** A number of a free object may be what is looked for, as it may in JSON that is written as a text. */
  #number(value: unknown): unknown {
    const text = JSON.stringify(value);
    const changed = this.#change(text, { kind: 'text', path: this.#path, isKey: false, isSaid: false });
    return changed === text ? value : changed;
  }

  #list(list: readonly unknown[], kind: FieldKind | undefined, holder: JsonObject | undefined, isSaid: boolean): readonly unknown[] {
    let changed: unknown[] | undefined;
    for (let at = 0; at < list.length; at += 1) {
      this.#path.push(at);
      const inner = this.value(list[at], kind, holder, isSaid);
      this.#path.pop();
      if (inner !== list[at]) (changed ??= [...list])[at] = inner;
    }
    return changed ?? list;
  }

  /** `keys`: what those are; `field`: of a protocol, unless no protocol has it. */
  #members(value: JsonObject, keys: 'text' | 'fixed' | 'field', changed: (inner: unknown, name: string) => unknown): JsonObject {
    let isChanged = false;
    const members = Object.entries(value).map(([name, inner]) => {
      const key = this.#key(name, keys);
      this.#path.push(name);
      const member = changed(inner, name);
      this.#path.pop();
      if (key !== name || member !== inner) isChanged = true;
      return [key, member] as const;
    });
    return isChanged ? Object.fromEntries(members) : value;
  }

  #key(name: string, keys: 'text' | 'fixed' | 'field'): string {
    if (keys === 'field' && kindOf(name) !== undefined) return name;
    const isText = keys === 'text' || (keys === 'field' && this.#shown.side === 'answer');
    return this.#change(name, { kind: isText ? 'text' : 'fixed', path: this.#path, isKey: true, isSaid: false });
  }

  #schema(schema: JsonObject): JsonObject {
    let isChanged = false;
    const members = Object.entries(schema).map(([name, inner]) => {
      const leads = SCHEMA_FIELDS.get(name);
      if (leads === undefined) this.#change(name, { kind: 'fixed', path: this.#path, isKey: true, isSaid: false });
      this.#path.push(name);
      const member = this.#schemaMember(inner, leads);
      this.#path.pop();
      if (member !== inner) isChanged = true;
      return [name, member] as const;
    });
    return isChanged ? Object.fromEntries(members) : schema;
  }

  #schemaMember(inner: unknown, leads: ReturnType<(typeof SCHEMA_FIELDS)['get']>): unknown {
    if (leads === 'text' && typeof inner === 'string') return this.value(inner, 'text', undefined, false);
    if (leads === 'schemas' && isObject(inner)) return this.#members(inner, 'fixed', (one) => this.value(one, 'schema', undefined, false));
    if (leads === 'words' && typeof inner === 'string') return this.value(inner, 'constant', undefined, false);
    return this.value(inner, leads === 'values' ? 'name' : 'schema', undefined, false);
  }
}

/** As servers say that there are none. */
function withoutTokens(value: unknown): unknown {
  if (typeof value !== 'object') return value;
  if (!Array.isArray(value)) return null;
  return value.length === 0 ? value : [];
}

/** Of a field whose meaning its holder decides. */
function kindIn(holder: JsonObject, name: string): FieldKind | undefined {
  const { type } = holder;
  // What a tool is called with is an object, and a document's text stands where others have their bytes.
  if (name === 'input' && typeof type === 'string' && CALLS_TOOL.test(type)) return 'data';
  if (name === 'data' && type === 'text') return 'text';
  return kindOf(name);
}
