import type { Result } from './result.ts';
import { err, ok } from './result.ts';

/** One record, the line that it begins on, from 1, and where it is in the text, in UTF-16 units, without its line end. */
export interface CsvRecord {
  readonly line: number;
  readonly begin: number;
  readonly end: number;
  readonly fields: readonly string[];
}

/** What is wrong with a text, and on which line. */
export interface CsvFault {
  readonly line: number;
  readonly what: string;
  /** The text ends within a quoted field: more of it may mend that. */
  readonly isUnended: boolean;
}

/** How a text is to be read: what divides its fields, and where its records begin. */
export interface CsvDialect {
  readonly delimiter: string;
  readonly begin: number;
  /** Of `begin`, from 1. */
  readonly line: number;
}

/** From the most usual: of characters that a header has as often, the first is taken. */
const DELIMITERS = [',', ';', '\t', '|'] as const;

/** What spreadsheets write before the header for a program that would guess otherwise. */
const STATED_DELIMITER = /^\uFEFF?sep=(.)\r?\n/i;

const BYTE_ORDER_MARK = '\uFEFF';

/** A header that is longer has its delimiters in its beginning, too. */
const HEADER_CHARS_MAX = 16 * 1024;

/** Of the beginning of a text: the delimiter is the one stated in a first line `sep=;`, or the most frequent of `,` `;` tab `|` in the header. A byte order mark is passed over. */
export function csvDialect(text: string): CsvDialect {
  const stated = STATED_DELIMITER.exec(text);
  if (stated?.[1] !== undefined) return { delimiter: stated[1], begin: stated[0].length, line: 2 };
  const header = /^(?:"(?:[^"]|"")*"|[^"\r\n])*/.exec(text.slice(0, HEADER_CHARS_MAX))?.[0] ?? '';
  const bare = header.replaceAll(/"(?:[^"]|"")*"/g, '');
  const counts = DELIMITERS.map((one) => bare.split(one).length);
  return { delimiter: DELIMITERS[counts.indexOf(Math.max(...counts))] ?? ',', begin: text.startsWith(BYTE_ORDER_MARK) ? 1 : 0, line: 1 };
}

/**
 * Reads the records of a CSV text (RFC 4180) one by one. Fields may be quoted, and have delimiters, line ends and doubled quotes then. Lines
 * end with CRLF, LF or CR; a blank line is a record of one empty field. A text that is not well formed is a fault, and what is behind it is not read: libraries of
 * npm either drop text behind a quoted field, or bring Node's streams with them.
 */
export class CsvReader {
  readonly #text: string;
  readonly #delimiter: string;
  readonly #fieldEnd: RegExp;
  #at: number;
  #line: number;

  constructor(text: string, { delimiter, begin, line }: CsvDialect) {
    this.#text = text;
    this.#at = begin;
    this.#delimiter = delimiter;
    this.#fieldEnd = new RegExp(
      `[\\r\\n"${delimiter === '\\' || delimiter === ']' || delimiter === '^' ? `\\${delimiter}` : delimiter}]`,
      'g',
    );
    this.#line = line;
  }

  /** How to go on behind the record that was read last. */
  get rest(): CsvDialect {
    return { delimiter: this.#delimiter, begin: this.#at, line: this.#line };
  }

  /** The next record; undefined: there is none. */
  next(): Result<CsvRecord, CsvFault> | undefined {
    if (this.#at >= this.#text.length) return undefined;
    const [line, begin] = [this.#line, this.#at];
    const fields: string[] = [];
    for (;;) {
      const field = this.#text[this.#at] === '"' ? this.#quoted() : this.#bare();
      if (!field.ok) return field;
      fields.push(field.value);
      if (this.#text[this.#at] !== this.#delimiter) break;
      this.#at += 1;
    }
    const end = this.#at;
    this.#endLine();
    return ok({ line, begin, end, fields });
  }

  #bare(): Result<string, CsvFault> {
    const from = this.#at;
    this.#fieldEnd.lastIndex = from;
    this.#at = this.#fieldEnd.exec(this.#text)?.index ?? this.#text.length;
    if (this.#text[this.#at] === '"') return this.#fault('has a quote within a field: quote the whole field, and double the quotes in it');
    return ok(this.#text.slice(from, this.#at));
  }

  #quoted(): Result<string, CsvFault> {
    const began = this.#line;
    const parts: string[] = [];
    let from = this.#at + 1;
    for (;;) {
      const end = this.#text.indexOf('"', from);
      if (end === -1) return err({ line: began, what: 'has a quoted field that does not end', isUnended: true });
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
      return this.#fault('has text behind a quoted field');
    return ok(parts.join(''));
  }

  #endLine(): void {
    if (this.#text[this.#at] === '\r') this.#at += 1;
    else if (this.#text[this.#at] !== '\n') return;
    if (this.#text[this.#at] === '\n') this.#at += 1;
    this.#line += 1;
  }

  #fault(what: string): Result<never, CsvFault> {
    return err({ line: this.#line, what, isUnended: false });
  }
}

const LINE_END = /\r\n|\n|\r/g;
