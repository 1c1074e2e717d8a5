import type { Result } from './result.ts';
import { err, ok } from './result.ts';

/** One record, and the line that it begins on, from 1. */
export interface CsvRecord {
  readonly line: number;
  readonly fields: readonly string[];
}

/** What is wrong with a text, and on which line. */
export interface CsvFault {
  readonly line: number;
  readonly what: string;
}

/**
 * Reads the records of a CSV text (RFC 4180) one by one, from a line on: fields may be quoted, and have delimiters, line ends and doubled quotes then. Lines
 * end with CRLF, LF or CR; a blank line is a record of one empty field. A text that is not well formed is a fault, and what is behind it is not read: libraries of
 * npm either drop text behind a quoted field, or bring Node's streams with them.
 */
export class CsvReader {
  readonly #text: string;
  readonly #delimiter: string;
  readonly #fieldEnd: RegExp;
  #at = 0;
  #line: number;

  constructor(text: string, delimiter: string, line = 1) {
    this.#text = text;
    this.#delimiter = delimiter;
    this.#fieldEnd = new RegExp(
      `[\\r\\n"${delimiter === '\\' || delimiter === ']' || delimiter === '^' ? `\\${delimiter}` : delimiter}]`,
      'g',
    );
    this.#line = line;
  }

  /** The next record; undefined: there is none. */
  next(): Result<CsvRecord, CsvFault> | undefined {
    if (this.#at >= this.#text.length) return undefined;
    const line = this.#line;
    const fields: string[] = [];
    for (;;) {
      const field = this.#text[this.#at] === '"' ? this.#quoted() : this.#bare();
      if (!field.ok) return field;
      fields.push(field.value);
      if (this.#text[this.#at] !== this.#delimiter) break;
      this.#at += 1;
    }
    this.#endLine();
    return ok({ line, fields });
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
      if (end === -1) return err({ line: began, what: 'has a quoted field that does not end' });
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
    return err({ line: this.#line, what });
  }
}

const LINE_END = /\r\n|\n|\r/g;
