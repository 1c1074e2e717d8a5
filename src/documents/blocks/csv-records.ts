import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { DOCUMENT_LIMITS } from '../../contract/documents/document-limits.ts';
import { csvDialect, CsvReader } from '../../kernel/csv-records.ts';
import { ok } from '../../kernel/result.ts';
import type { Block, Span } from './block.ts';
import { partsOf } from './parts.ts';

/** Every record is a block under the first, which names the columns. A header alone is a record. [DC6] */
export function* readCsv(text: string, delimiter: string | undefined, blocks: Block[]): Generator<undefined, Outcome<string>> {
  const dialect = csvDialect(text);
  const reader = new CsvReader(text, { ...dialect, delimiter: delimiter ?? dialect.delimiter }, DOCUMENT_LIMITS.recordCharsMax);
  let header: (Span & { readonly line: number }) | undefined;
  let read = 0;
  for (let next = reader.next(); next !== undefined; next = reader.next()) {
    if (!next.ok) return refuse('invalid_value', `line ${next.error.line} ${next.error.what}`);
    const { line, begin, end, fields } = next.value;
    if (fields.length === 1 && fields[0]?.trim() === '') continue;
    if (header === undefined) header = { begin, end, line };
    else addRecord({ begin, end }, line, header);
    if (end - read >= DOCUMENT_LIMITS.blockCharsMax) {
      read = end;
      yield;
    }
  }
  if (header !== undefined && blocks.length === 0) addRecord(header, header.line, null);
  return ok(text);

  function addRecord(record: Span, line: number, names: Span | null): void {
    for (const { begin, end } of partsOf(text, record))
      blocks.push({ kind: 'record', begin, end, headings: [], page: null, header: names, line });
  }
}
