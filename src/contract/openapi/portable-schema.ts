import { rawJson } from '../../kernel/exact-json.ts';

/** 2^64 - 1, the most that a point id may be, is 2^64 as a number of JavaScript: with that, some ids would fit that are refused. */
const U64_MAX = rawJson('18446744073709551615');

/** Members of a schema whose values are data, in which nothing is a schema. */
const DATA = new Set(['example', 'examples', 'default', 'enum', 'const']);

/** What JavaScript writes shorter, or with Unicode's names, in the words that all engines have: inside a class, and outside of one. */
const CLASSES: Readonly<Record<string, string>> = {
  [String.raw`\d`]: '0-9',
  [String.raw`\w`]: 'A-Za-z0-9_',
  [String.raw`\p{Cc}`]: String.raw`\x00-\x1f\x7f-\x9f`,
  // Half a surrogate pair is no character: what arrives as UTF-8 has none.
  [String.raw`\p{Surrogate}`]: '',
  [String.raw`\0`]: String.raw`\x00`,
};

const TOKEN = /\\p\{\w+\}|\\.|[[\]]|[^\\[\]]+/gsu;
const AHEAD = /^\^\(\?!((?:[^()\\]|\\.|\((?:[^()\\]|\\.|\([^()]*\))*\))*)\)/u;

/**
 * Rewrites a document in place so that generators and validators of other languages can read its schemas: patterns are in what the regular expressions of
 * ECMAScript, Python and RE2 have in common (a leading `(?!...)` becomes a `not`), and the greatest id of a point has all its digits.
 */
export function makePortable(node: unknown): void {
  if (typeof node !== 'object' || node === null) return;
  if (Array.isArray(node)) {
    for (const item of node) makePortable(item);
    return;
  }
  const schema = node as Record<string, unknown>;
  if (schema['maximum'] === 2 ** 64) schema['maximum'] = U64_MAX;
  if (typeof schema['pattern'] === 'string') Object.assign(schema, portablePattern(schema['pattern']));
  for (const [name, member] of Object.entries(schema)) if (!DATA.has(name)) makePortable(member);
}

/** The `pattern` and, of one that begins with what a text must not be, the `not` of a schema that takes what the pattern takes. */
export function portablePattern(source: string): { readonly pattern: string; readonly not?: object } {
  const excluded: string[] = [];
  let rest = source;
  for (let found = AHEAD.exec(rest); found !== null; found = AHEAD.exec(rest)) {
    excluded.push(`^(?:${inCommonWords(found[1] ?? '')})`);
    rest = `^${rest.slice(found[0].length)}`;
  }
  const pattern = inCommonWords(rest);
  return excluded.length === 0 ? { pattern } : { pattern, not: { pattern: excluded.join('|') } };
}

function inCommonWords(source: string): string {
  let isInClass = false;
  return source.replace(TOKEN, (token) => {
    if (token === '[' || token === ']') isInClass = token === '[';
    const words = CLASSES[token];
    if (words === undefined) return token === String.raw`\/` ? '/' : token;
    return isInClass ? words : `[${words}]`;
  });
}

/** Components by name, those first that others refer to: some generators read them once, from first to last. */
export function inOrder<Schema>(components: Readonly<Record<string, Schema>>): Record<string, Schema> {
  const ordered: Record<string, Schema> = {};
  const visiting = new Set<string>();
  const visit = (name: string): void => {
    const schema = components[name];
    if (schema === undefined || visiting.has(name)) return;
    visiting.add(name);
    for (const referred of referencesIn(schema)) visit(referred);
    ordered[name] = schema;
  };
  for (const name of Object.keys(components)) visit(name);
  return ordered;
}

const REFERENCE = '#/components/schemas/';

function referencesIn(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, member]) =>
    key === '$ref' && typeof member === 'string' && member.startsWith(REFERENCE) ? [member.slice(REFERENCE.length)] : referencesIn(member),
  );
}
