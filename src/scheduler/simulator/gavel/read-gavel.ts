import { JOB_LIMITS } from '../../../contract/jobs/job-limits.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { refuse } from '../../../contract/api/outcome.ts';
import { refuseBeyond } from '../../../contract/limits/limit-refusal.ts';
import { ok } from '../../../kernel/result.ts';
import type { TableFile } from '../table/read-table.ts';
import { decimal, someText, wholeNumber, readTable } from '../table/read-table.ts';

/** Jobs of one accelerator each and how fast they are on each type, as in Gavel's `continuous-single` traces. */
export interface GavelTrace {
  readonly types: readonly string[];
  /** In order of arrival. */
  readonly jobs: readonly GavelJob[];
}

interface GavelJob {
  readonly id: number;
  /** In units of the mean time between arrivals. */
  readonly arrivalUnit: number;
  /** Seconds of work on the type that does it fastest. */
  readonly workS: number;
  /** By type: how fast it is there, as a part of the fastest. */
  readonly speeds: readonly number[];
}

const STEPS_MAX = 1e15;
/** Three years: a job that long would be simulated for minutes. */
const WORK_MAX_S = 1e8;

/**
 * Reads jobs, and what they do in a second on each of some types: either of Gavel's files of throughputs, with or without those of pairs that
 * share an accelerator, which are left aside.
 */
export function readGavel(throughputsFile: TableFile, jobsFile: TableFile, types: readonly string[]): Outcome<GavelTrace> {
  const throughputs = readThroughputs(throughputsFile, types);
  if (!throughputs.ok) return throughputs;
  const table = readTable(jobsFile, {
    job_id: wholeNumber(0, Number.MAX_SAFE_INTEGER),
    arrival_unit: decimal(0, STEPS_MAX),
    job_type: someText,
    scale_factor: wholeNumber(1, 1_000),
    total_steps: decimal(0, STEPS_MAX),
  });
  if (!table.ok) return table;
  if (table.value.length > JOB_LIMITS.traceJobsMaxCount) {
    {
      const rows = table.value.length;
      return refuseBeyond({ limit: 'traceJobsMaxCount', value: rows, what: `${jobsFile.name} has ${rows} rows` });
    }
  }
  const jobs: GavelJob[] = [];
  for (const { line, job_id, arrival_unit, job_type, scale_factor, total_steps } of table.value) {
    const where = `${jobsFile.name} line ${line} column`;
    if (scale_factor !== 1) {
      return refuse('invalid_value', `${where} scale_factor: "${scale_factor}" is not 1, as for every job of continuous-single`);
    }
    const perSecond = throughputs.value.map((of) => of.get(job_type) ?? 0);
    const slow = perSecond.findIndex((rate) => rate === 0);
    if (slow >= 0) {
      return refuse('invalid_value', `${where} job_type: "${job_type}" does not run on ${types[slow]} by ${throughputsFile.name}`);
    }
    const fastest = Math.max(...perSecond);
    if (total_steps / fastest > WORK_MAX_S) {
      return refuse('invalid_value', `${where} total_steps: "${total_steps}" is more than ${WORK_MAX_S} s of work`);
    }
    const last = jobs.at(-1);
    if (last !== undefined && arrival_unit < last.arrivalUnit) {
      return refuse('invalid_value', `${where} arrival_unit: "${arrival_unit}" is before that of the line above`);
    }
    const speeds = perSecond.map((rate) => rate / fastest);
    jobs.push({ id: job_id, arrivalUnit: arrival_unit, workS: total_steps / fastest, speeds });
  }
  return ok({ types, jobs });
}

/** For each type, what each kind of job does in a second by itself on one accelerator. */
function readThroughputs({ name, text }: TableFile, types: readonly string[]): Outcome<readonly ReadonlyMap<string, number>[]> {
  const parsed = parse(text);
  if (!isRecord(parsed)) return refuse('invalid_value', `${name}: this is no JSON object of types of accelerators`);
  const tables: ReadonlyMap<string, number>[] = [];
  for (const type of types) {
    const entries = parsed[type];
    if (!isRecord(entries)) return refuse('invalid_value', `${name}: there is no type ${type}`);
    const rates = new Map<string, number>();
    for (const [key, entry] of Object.entries(entries)) {
      const job = /^\('(.*)', 1\)$/.exec(key)?.[1];
      if (job === undefined) continue;
      const rate = isRecord(entry) ? entry['null'] : entry;
      if (typeof rate !== 'number' || !(rate >= 0 && rate < Infinity)) {
        return refuse('invalid_value', `${name} ${type} ${key}: ${JSON.stringify(rate) ?? 'nothing'} is no number of steps a second`);
      }
      rates.set(job, rate);
    }
    tables.push(rates);
  }
  return ok(tables);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
