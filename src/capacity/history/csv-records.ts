import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { PLANNING_LIMITS } from '../../contract/planning/planning-limits.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { ok } from '../../kernel/result.ts';

/** One record, and the line that it begins on, from 1. */
export interface CsvRecord {
  readonly line: number;
  readonly fields: readonly string[];
}

/** From the most usual: of characters that a header has as often, the first is taken. */
const DELIMITERS = [',', ';', '\t', '|'] as const;

/** What spreadsheets write before the header for a program that would guess otherwise. */
const STATED_DELIMITER = /^sep=(.)\r?\n/i;

const BYTE_ORDER_MARK = '\uFEFF';

/**
 * The records of a CSV text (RFC 4180), without blank lines: fields may be quoted, and have delimiters, line ends and doubled quotes then. Lines end with CRLF,
 * LF or CR; a byte order mark is passed over. The delimiter is the one stated in a first line `sep=;`, or the most frequent of `,` `;` tab `|` in the header.
 * Refuses quotes within a field that is not quoted, text behind a quoted one, and a quoted one that does not end, by the line. [K25]
 */
export function csvRecords(csv: string): Outcome<{ readonly delimiter: string; readonly records: readonly CsvRecord[] }> {
  const unmarked = csv.startsWith(BYTE_ORDER_MARK) ? csv.slice(1) : csv;
  const stated = STATED_DELIMITER.exec(unmarked);
  const text = stated === null ? unmarked : unmarked.slice(stated[0].length);
  const delimiter = stated?.[1] ?? delimiterOf(text);
  const reader = new RecordReader(text, delimiter, stated === null ? 1 : 2);
  const records: CsvRecord[] = [];
  for (let next = reader.next(); next !== undefined; next = reader.next()) {
    if (!next.ok) return next;
    const { fields } = next.value;
    if (fields.length === 1 && fields[0]?.trim() === '') continue;
    // The header is one more.
    if (records.length > PLANNING_LIMITS.historyRowsMaxCount)
      return refuseBeyond({
        path: 'csv',
        limit: 'historyRowsMaxCount',
        what: 'has more rows',
        advice: 'sum them by the hour or the day first',
      });
    records.push(next.value);
  }
  return ok({ delimiter, records });
}

function delimiterOf(text: string): string {
  const header = /^(?:"(?:[^"]|"")*"|[^"\r\n])*/.exec(text.slice(0, HEADER_CHARS_MAX))?.[0] ?? '';
  const bare = header.replaceAll(/"(?:[^"]|"")*"/g, '');
  const counts = DELIMITERS.map((one) => bare.split(one).length);
  return DELIMITERS[counts.indexOf(Math.max(...counts))] ?? ',';
}

/** A header that is longer has its delimiters in its beginning, too. */
const HEADER_CHARS_MAX = 16 * 1024;

class RecordReader {
  readonly #text: string;
  readonly #delimiter: string;
  readonly #fieldEnd: RegExp;
  #at = 0;
  #line: number;

  constructor(text: string, delimiter: string, line: number) {
    this.#text = text;
    this.#delimiter = delimiter;
    this.#fieldEnd = new RegExp(
      `[\\r\\n"${delimiter === '\\' || delimiter === ']' || delimiter === '^' ? `\\${delimiter}` : delimiter}]`,
      'g',
    );
    this.#line = line;
  }

  /** The next record; undefined: there is none. */
  next(): Outcome<CsvRecord> | undefined {
    if (this.#at >= this.#text.length) return undefined;
    const line = this.#line;
    const fields: string[] = [];
    for (;;) {
      const field = this.#text[this.#at] === '"' ? this.#quoted() : this.#bare();
      if (!field.ok) return field;
      fields.push(field.value);
      if (fields.length > PLANNING_LIMITS.historyColumnsMaxCount)
        return refuseBeyond({ path: 'csv', limit: 'historyColumnsMaxCount', what: `line ${line} has more fields` });
      if (this.#text[this.#at] !== this.#delimiter) break;
      this.#at += 1;
    }
    this.#endLine();
    return ok({ line, fields });
  }

  #bare(): Outcome<string> {
    const from = this.#at;
    this.#fieldEnd.lastIndex = from;
    this.#at = this.#fieldEnd.exec(this.#text)?.index ?? this.#text.length;
    if (this.#text[this.#at] === '"')
      return this.#refused('has a quote within a field: quote the whole field, and double the quotes in it');
    return ok(this.#text.slice(from, this.#at));
  }

  #quoted(): Outcome<string> {
    const began = this.#line;
    const parts: string[] = [];
    let from = this.#at + 1;
    for (;;) {
      const end = this.#text.indexOf('"', from);
      if (end === -1) return refuse('invalid_value', `line ${began}: a quoted field does not end`, 'csv');
      const part = this.#text.slice(from, end);
      parts.push(part);
      this.#line += part.match(LINE_END)?.length ?? 0;
      if (this.#text[end + 1] !== '"') {
        this.#at = end + 1;
        break;
      }
      parts.push('"');
      from = end + 2;
    }
    const after = this.#text[this.#at];
    if (after !== undefined && after !== this.#delimiter && after !== '\r' && after !== '\n')
      return this.#refused('has text behind a quoted field');
    return ok(parts.join(''));
  }

  #endLine(): void {
    if (this.#text[this.#at] === '\r') this.#at += 1;
    else if (this.#text[this.#at] !== '\n') return;
    if (this.#text[this.#at] === '\n') this.#at += 1;
    this.#line += 1;
  }

  #refused(what: string): Outcome<never> {
    return refuse('invalid_value', `line ${this.#line} ${what}`, 'csv');
  }
}

const LINE_END = /\r\n|\n|\r/g;
