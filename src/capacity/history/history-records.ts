import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { PLANNING_LIMITS } from '../../contract/planning/planning-limits.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import type { CsvRecord } from '../../kernel/csv-records.ts';
import { CsvReader } from '../../kernel/csv-records.ts';
import { ok } from '../../kernel/result.ts';

/** From the most usual: of characters that a header has as often, the first is taken. */
const DELIMITERS = [',', ';', '\t', '|'] as const;

/** What spreadsheets write before the header for a program that would guess otherwise. */
const STATED_DELIMITER = /^sep=(.)\r?\n/i;

const BYTE_ORDER_MARK = '\uFEFF';

/**
 * The records of a history as spreadsheets and exporters write them, without blank lines; a byte order mark is passed over. The delimiter is the one stated in a
 * first line `sep=;`, or the most frequent of `,` `;` tab `|` in the header. Refuses a text that is not well formed, by the line. [K25]
 */
export function historyRecords(csv: string): Outcome<{ readonly delimiter: string; readonly records: readonly CsvRecord[] }> {
  const unmarked = csv.startsWith(BYTE_ORDER_MARK) ? csv.slice(1) : csv;
  const stated = STATED_DELIMITER.exec(unmarked);
  const text = stated === null ? unmarked : unmarked.slice(stated[0].length);
  const delimiter = stated?.[1] ?? delimiterOf(text);
  const reader = new CsvReader(text, delimiter, stated === null ? 1 : 2);
  const records: CsvRecord[] = [];
  for (let next = reader.next(); next !== undefined; next = reader.next()) {
    if (!next.ok) return refuse('invalid_value', `line ${next.error.line} ${next.error.what}`, 'csv');
    const { line, fields } = next.value;
    if (fields.length > PLANNING_LIMITS.historyColumnsMaxCount)
      return refuseBeyond({ path: 'csv', limit: 'historyColumnsMaxCount', what: `line ${line} has more fields` });
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
