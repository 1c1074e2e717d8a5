import { LIMITS } from '../../../contract/limits.ts';
import type { Outcome } from '../../../contract/outcome.ts';
import { refuse } from '../../../contract/outcome.ts';
import { ok } from '../../../kernel/result.ts';
import { decimal, someText, wholeNumber } from '../table/column.ts';
import type { TableFile } from '../table/read-table.ts';
import { readTable } from '../table/read-table.ts';
import type { TracedJob } from './job-trace.ts';

const SECONDS_MAX = 1e10;

/** Reads jobs of Microsoft's Philly clusters, as trimmed by the authors of Pollux; the first comes at 0. A virtual cluster is an owner. */
export function readPhilly(file: TableFile): Outcome<readonly TracedJob[]> {
  const table = readTable(file, {
    timestamp: someText,
    duration: decimal(0, SECONDS_MAX),
    num_gpus: wholeNumber(0, 10_000),
    cluster: someText,
  });
  if (!table.ok) return table;
  if (table.value.length > LIMITS.traceJobsMaxCount) {
    return refuse('limit_exceeded', `${file.name} has ${table.value.length} rows; traceJobsMaxCount is ${LIMITS.traceJobsMaxCount}`);
  }
  const jobs: TracedJob[] = [];
  for (const { line, timestamp, duration, num_gpus: accelerators, cluster: owner } of table.value) {
    const atMs = timeOf(timestamp);
    if (atMs === undefined) {
      return refuse(
        'invalid_value',
        `${file.name} line ${line} column timestamp: "${timestamp.slice(0, 40)}" is not a time such as 2017-10-03 07:41:12`,
      );
    }
    // Jobs without accelerators say nothing of a cluster of them.
    if (accelerators > 0) jobs.push({ arrivalMs: atMs, durationMs: Math.round(duration * 1_000), accelerators, owner });
  }
  jobs.sort((a, b) => a.arrivalMs - b.arrivalMs);
  const firstMs = jobs[0]?.arrivalMs ?? 0;
  return ok(jobs.map((job) => ({ ...job, arrivalMs: job.arrivalMs - firstMs })));
}

/** Seconds, or a date and time. */
function timeOf(text: string): number | undefined {
  if (/^\d{1,10}(\.\d+)?$/.test(text)) return Math.round(Number(text) * 1_000);
  const parts = /^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.\d+)?$/.exec(text)?.slice(1).map(Number);
  if (parts === undefined) return undefined;
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}
