import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { DOCUMENT_LIMITS } from '../../contract/documents/document-limits.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import type { Result } from '../../kernel/result.ts';
import { err, ok } from '../../kernel/result.ts';
import type { Block } from './block.ts';
import { partsOf } from './parts.ts';
import type { Paused, TextWindow } from './text-window.ts';

const { blockCharsMax, recordCharsMax } = DOCUMENT_LIMITS;

/** Between any two fields of the text. */
const GAP = '\n\n';

const BYTE_ORDER_MARK = '\uFEFF';

/** The chosen fields of every line, as they are when their escapes are read, go to `text`; a record without any of them is refused. [DC7] */
export function* readJsonLines(
  source: TextWindow,
  text: TextWindow,
  fields: readonly string[],
  blocks: Block[],
): Paused<Outcome<undefined>> {
  let [at, turn] = [0, 0];
  for (let line = 1; ; line += 1) {
    let end = source.indexOf('\n', at);
    while (end < 0 && source.end - at <= recordCharsMax && !source.isEnd(source.end)) {
      yield* source.fill(source.end + 1);
      end = source.indexOf('\n', at);
    }
    if (end < 0) ({ end } = source);
    if (end - at > recordCharsMax)
      return refuseBeyond({ limit: 'recordCharsMax', what: `line ${line} has more characters`, advice: 'divide the record' });
    const values = valuesOf(source.slice({ begin: at, end }), fields);
    if (!values.ok) return refuse('invalid_value', `line ${line} ${values.error}`);
    for (const value of values.value) add(value, line);
    at = end + 1;
    if (source.isEnd(at)) return ok(undefined);
    source.pass(at);
    source.release(at);
    if (at - turn < blockCharsMax) continue;
    turn = at;
    yield 'turn';
  }

  function add(value: string, line: number): void {
    if (text.end > 0) text.append(GAP);
    for (const part of partsOf(value, text.end)) blocks.push({ ...part, kind: 'record', headings: [], page: null, header: null, line });
    text.append(value);
    text.pass(text.end);
  }
}

/** The texts of a line, without those that are empty; none of a blank line; or what is wrong with it. */
function valuesOf(line: string, fields: readonly string[]): Result<string[], string> {
  const record = line.replace(BYTE_ORDER_MARK, '').trim();
  if (record === '') return ok([]);
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
