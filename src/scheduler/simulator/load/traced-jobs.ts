import { JOB_LIMITS } from '../../../contract/jobs/job-limits.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { refuse } from '../../../contract/api/outcome.ts';
import { refuseBeyond } from '../../../contract/limits/limit-refusal.ts';
import { ok } from '../../../kernel/result.ts';
import type { TableFile } from '../table/read-table.ts';
import { decimal, someText, wholeNumber, readTable } from '../table/read-table.ts';

/** A job of a load: when it comes, what it takes, how long it runs. */
export interface TracedJob {
  readonly arrivalMs: number;
  readonly durationMs: number;
  readonly accelerators: number;
  /** The longest that its owner lets it run; absent: as long as it likes. */
  readonly limitMs?: number;
  /** Whose it is: each owner has a queue of its own. */
  readonly owner: string;
}

interface LoadShape {
  readonly jobs: number;
  /** Accelerators there are. */
  readonly accelerators: number;
  /** What is asked for, as a part of what there is. */
  readonly load: number;
  readonly owners: number;
}

/** Numbers of accelerators and how many jobs of a hundred ask for them, about as in clusters for training. */
const SIZES = [
  { accelerators: 1, share: 0.7 },
  { accelerators: 2, share: 0.1 },
  { accelerators: 4, share: 0.1 },
  { accelerators: 8, share: 0.08 },
  { accelerators: 16, share: 0.02 },
];

/** Jobs that come by chance at an even rate, most of them short: durations whose logarithms are uniform, from a minute to a day. */
export function generatedLoad({ jobs, accelerators, load, owners }: LoadShape, chance: () => number): readonly TracedJob[] {
  const drawn = Array.from({ length: jobs }, (): TracedJob => {
    let left = chance();
    const size = SIZES.find(({ share }) => (left -= share) < 0) ?? { accelerators: 1 };
    const durationMs = Math.round(60_000 * 1_440 ** chance());
    return { arrivalMs: 0, durationMs, accelerators: size.accelerators, owner: `owner-${Math.floor(owners * chance())}` };
  });
  const asked = drawn.reduce((sum, job) => sum + job.durationMs * job.accelerators, 0);
  const meanMs = asked / (load * accelerators * jobs);
  let atMs = 0;
  return drawn.map((job) => ({ ...job, arrivalMs: Math.round((atMs -= meanMs * Math.log(1 - chance()))) }));
}

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
  if (table.value.length > JOB_LIMITS.traceJobsMaxCount) {
    {
      const rows = table.value.length;
      return refuseBeyond({ limit: 'traceJobsMaxCount', value: rows, what: `${file.name} has ${rows} rows` });
    }
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
