/** A value of Cap'n Proto's text format. */
export type Literal = string | boolean | Embedded | readonly Literal[] | { readonly [field: string]: Literal | undefined };

/** The content of a file, named relative to the text that embeds it. */
export class Embedded {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }
}

/** A field that is undefined is left out. */
export function capnpText(value: Literal): string {
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'boolean') return String(value);
  if (value instanceof Embedded) return `embed ${quoted(value.path)}`;
  if (isList(value)) return `[${value.map(capnpText).join(', ')}]`;
  const fields = Object.entries(value).flatMap(([name, field]) => (field === undefined ? [] : [`${name} = ${capnpText(field)}`]));
  return `(${fields.join(', ')})`;
}

const isList = (value: object): value is readonly Literal[] => Array.isArray(value);

/** Cap'n Proto knows the escapes of C, not those of JSON. */
const quoted = (text: string): string => JSON.stringify(text).replaceAll(/\\u00([\da-f]{2})/g, String.raw`\x$1`);
