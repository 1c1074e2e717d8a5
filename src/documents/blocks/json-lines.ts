import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { DOCUMENT_LIMITS } from '../../contract/documents/document-limits.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import type { Result } from '../../kernel/result.ts';
import { err, ok } from '../../kernel/result.ts';
import type { Block } from './block.ts';
import { partsOf } from './parts.ts';

const { blockCharsMax, recordCharsMax } = DOCUMENT_LIMITS;

/** Between any two fields of the text. */
const GAP = '\n\n';

/** The chosen fields of every line, as they are when their escapes are read; a record without any of them is refused. [DC7] */
export function* readJsonLines(source: string, fields: readonly string[], blocks: Block[]): Generator<undefined, Outcome<string>> {
  const texts: string[] = [];
  let length = 0;
  let read = 0;
  for (let begin = source.startsWith('\uFEFF') ? 1 : 0, line = 1; begin < source.length; line += 1) {
    const found = source.indexOf('\n', begin);
    const end = found < 0 ? source.length : found;
    if (end - begin > recordCharsMax)
      return refuseBeyond({ limit: 'recordCharsMax', value: end - begin, what: `line ${line} has ${end - begin} characters` });
    const record = source.slice(begin, end).trim();
    if (record !== '') {
      const values = fieldsOf(record, fields);
      if (!values.ok) return refuse('invalid_value', `line ${line} ${values.error}`);
      for (const value of values.value) add(value, line);
    }
    begin = end + 1;
    if (begin - read >= blockCharsMax) {
      read = begin;
      yield;
    }
  }
  return ok(texts.join(GAP));

  function add(value: string, line: number): void {
    if (texts.length > 0) length += GAP.length;
    for (const { begin, end } of partsOf(value, { begin: 0, end: value.length }))
      blocks.push({ kind: 'record', begin: length + begin, end: length + end, headings: [], page: null, header: null, line });
    texts.push(value);
    length += value.length;
  }
}

/** The texts of a record, without those that are empty; or what is wrong with it. */
function fieldsOf(record: string, fields: readonly string[]): Result<string[], string> {
  const value = parsed(record);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return err('is not a JSON object');
  const entries = fields.flatMap((field) =>
    Object.hasOwn(value, field) ? [[field, (value as Record<string, unknown>)[field]] as const] : [],
  );
  const wrong = entries.find(([, text]) => typeof text !== 'string' && text !== null);
  if (wrong !== undefined) return err(`has a field ${JSON.stringify(wrong[0])} that is not a string`);
  if (entries.length === 0) return err(`has none of the fields ${fields.map((field) => JSON.stringify(field)).join(', ')}`);
  return ok(entries.flatMap(([, text]) => (typeof text === 'string' && text.trim() !== '' ? [text] : [])));
}

function parsed(record: string): unknown {
  try {
    return JSON.parse(record);
  } catch {
    return undefined;
  }
}
