import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { DOCUMENT_LIMITS } from '../../contract/documents/document-limits.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import type { CsvDialect, CsvFault, CsvRecord } from '../../kernel/csv-records.ts';
import { csvDialect, CsvReader } from '../../kernel/csv-records.ts';
import { ok } from '../../kernel/result.ts';
import type { Block, HeaderRows } from './block.ts';
import { headerRows } from './header-rows.ts';
import { partsOf } from './parts.ts';
import type { Paused, TextWindow } from './text-window.ts';

const { blockCharsMax, recordCharsMax } = DOCUMENT_LIMITS;

/** Every record is a block under the first, which names the columns. A header alone is a record. [DC6] */
export function* readCsv(source: TextWindow, delimiter: string | undefined, blocks: Block[]): Paused<Outcome<undefined>> {
  yield* source.fill(blockCharsMax);
  const stated = csvDialect(source.slice({ begin: 0, end: blockCharsMax }));
  const records = new RecordBlocks(blocks);
  let place: CsvDialect = { ...stated, delimiter: delimiter ?? stated.delimiter };
  // A record that is not whole in what was looked at is read again in more of it.
  for (let ahead: number = blockCharsMax; ;) {
    const at = place.begin;
    yield* source.fill(at + ahead);
    const text = source.slice({ begin: at, end: at + ahead });
    const isEnd = source.isEnd(at + text.length);
    const { next, fault } = readRecords(text, { ...place, begin: 0 }, isEnd, (record) => records.add(text, record, at));
    if (fault !== undefined) return refuse('invalid_value', `line ${fault.line} ${fault.what}`);
    if (isEnd && next.begin === text.length) break;
    if (next.begin === 0 && ahead > recordCharsMax)
      return refuseBeyond({ limit: 'recordCharsMax', what: `the record of line ${next.line} has more characters`, advice: CSV_ADVICE });
    ahead = next.begin === 0 ? Math.min(ahead * 4, AHEAD_CHARS_MAX) : blockCharsMax;
    place = { ...next, begin: at + next.begin };
    source.pass(place.begin);
    yield 'turn';
  }
  records.end();
  return ok(undefined);
}

/** The longest record, its line end, and one more unit, which tells that it is whole. */
const AHEAD_CHARS_MAX = recordCharsMax + 3;

const CSV_ADVICE = 'divide it, or close the quotes that it opens';

interface RecordsRead {
  /** Where to go on in the text. */
  readonly next: CsvDialect;
  /** What is wrong there, whatever may follow. */
  readonly fault?: CsvFault;
}

/** Reads records that are certain to be whole. */
function readRecords(text: string, from: CsvDialect, isEnd: boolean, add: (record: CsvRecord) => void): RecordsRead {
  const reader = new CsvReader(text, from);
  let next = from;
  for (let record = reader.next(); record !== undefined; record = reader.next()) {
    if (!record.ok) return isEnd || !record.error.isUnended ? { next, fault: record.error } : { next };
    const { begin, end } = record.value;
    if ((!isEnd && reader.rest.begin === text.length) || end - begin > recordCharsMax) break;
    add(record.value);
    next = reader.rest;
  }
  return { next };
}

class RecordBlocks {
  readonly #blocks: Block[];
  #first: readonly Block[] = [];
  #header: HeaderRows | null = null;
  #count = 0;

  constructor(blocks: Block[]) {
    this.#blocks = blocks;
  }

  /** A record of a text that begins at a place of the document. Blank lines are none. */
  add(text: string, { line, begin, end, fields }: CsvRecord, at: number): void {
    if (fields.length === 1 && fields[0]?.trim() === '') return;
    const blocks = Array.from(partsOf(text.slice(begin, end), at + begin), (part): Block => ({
      ...part,
      kind: 'record',
      headings: [],
      page: null,
      header: this.#header,
      line,
    }));
    if (this.#count === 0) {
      this.#first = blocks;
      this.#header = headerRows(text, { begin, end }, at);
    } else this.#blocks.push(...blocks);
    this.#count += 1;
  }

  /** Nothing follows. */
  end(): void {
    if (this.#count === 1) this.#blocks.push(...this.#first);
  }
}
