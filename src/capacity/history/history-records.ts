import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { PLANNING_LIMITS } from '../../contract/planning/planning-limits.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import type { CsvRecord } from '../../kernel/csv-records.ts';
import { csvDialect, CsvReader } from '../../kernel/csv-records.ts';
import { ok } from '../../kernel/result.ts';

/**
 * The records of a history as spreadsheets and exporters write them, without blank lines; a byte order mark is passed over. The delimiter is the one stated in a
 * first line `sep=;`, or the most frequent of `,` `;` tab `|` in the header. Refuses a text that is not well formed, by the line. [K25]
 */
export function historyRecords(csv: string): Outcome<{ readonly delimiter: string; readonly records: readonly CsvRecord[] }> {
  const dialect = csvDialect(csv);
  const { delimiter } = dialect;
  const reader = new CsvReader(csv, dialect);
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
