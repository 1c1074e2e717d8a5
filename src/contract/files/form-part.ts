import { shownName } from '../api/field-path.ts';
import type { Outcome } from '../api/outcome.ts';
import { refuse } from '../api/outcome.ts';
import { ok } from '../../kernel/result.ts';

/** What the header lines of a part of a form say. */
export interface FormPart {
  readonly name: string;
  /** Undefined: the part is a field. */
  readonly filename: string | undefined;
  /** Absent: it states none. */
  readonly contentType?: string | undefined;
}

/** What text has instead of bytes that are not UTF-8; it may have been the character itself. */
const REPLACEMENT = '\uFFFD';
const decoder = new TextDecoder();

const PARAMETER = /;[ \t]*([\w*-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))[ \t]*/gy;
/** Encodings that leave the bytes as they are. */
const AS_IT_IS = new Set(['7bit', '8bit', 'binary']);

/**
 * Reads the header lines of a part, as browsers, curl and the clients of Python and Node write them. Refuses what is none, an encoded content,
 * and names that were other ones, or may have been, before they were decoded: two of them would become one. [G30]
 */
export function readPartHead(head: Uint8Array): Outcome<FormPart> {
  const lines = decoder.decode(head).split('\r\n').map(headerOf);
  const dispositions = lines.filter(({ key }) => key === 'content-disposition');
  const [disposition] = dispositions;
  if (disposition === undefined || dispositions.length > 1) return refuse('invalid_value', 'a part of the form has no content-disposition');
  const parameters = parametersOf(disposition.value);
  const name = parameters?.get('name');
  if (parameters === undefined || name === undefined) {
    return refuse('invalid_value', 'the content-disposition of a part must be form-data with a name, and each parameter once');
  }
  const filename = parameters.get('filename');
  if (`${name}${filename ?? ''}`.includes(REPLACEMENT)) return notUtf8(name);
  const encoding = lines.find(({ key }) => key === 'content-transfer-encoding')?.value.toLowerCase();
  if (encoding !== undefined && !AS_IT_IS.has(encoding)) {
    return refuse('invalid_value', 'its content-transfer-encoding is not taken: send the bytes as they are', shownName(name));
  }
  const contentType = lines.find(({ key }) => key === 'content-type')?.value;
  return ok({ name, filename, ...(contentType === undefined ? {} : { contentType }) });
}

export const notUtf8 = (name: string) =>
  refuse('invalid_value', 'its name or text is not UTF-8, or contains U+FFFD, the replacement character', shownName(name));

/** The text of a field. Refuses as `readPartHead` does. */
export function fieldText(name: string, bytes: Uint8Array): Outcome<string> {
  const text = decoder.decode(bytes);
  return text.includes(REPLACEMENT) ? notUtf8(name) : ok(text);
}

function headerOf(line: string): { readonly key: string; readonly value: string } {
  const colon = line.indexOf(':');
  return { key: line.slice(0, Math.max(0, colon)).toLowerCase(), value: line.slice(colon + 1).trim() };
}

/** Undefined where the value is no `form-data`, or a parameter comes twice. */
function parametersOf(value: string): ReadonlyMap<string, string> | undefined {
  const type = /^form-data[ \t]*/i.exec(value)?.[0];
  if (type === undefined) return undefined;
  const parameters = new Map<string, string>();
  let at = type.length;
  for (PARAMETER.lastIndex = at; at < value.length; at = PARAMETER.lastIndex) {
    const match = PARAMETER.exec(value);
    const key = match?.[1]?.toLowerCase();
    if (match === null || key === undefined || parameters.has(key)) return undefined;
    parameters.set(key, match[2] === undefined ? (match[3] ?? '') : unescaped(match[2]));
  }
  return parameters;
}

/** Browsers write quotes and line ends as percent escapes, and nothing else; others write a backslash before quotes and backslashes. */
const unescaped = (text: string): string =>
  text.replaceAll(/\\(["\\])|%(22|0[AD])/gi, (_, escaped: string | undefined, octet: string) =>
    escaped === undefined ? String.fromCharCode(Number.parseInt(octet, 16)) : escaped,
  );
