import type { JobSpec, ResourceOption } from './job-spec.ts';

/** What says how long a job runs: its owner's statement of its work; the longest that jobs like it have taken; or its longest run time. */
export type EstimateSource = 'stated' | 'history' | 'max_runtime';

/** How long an attempt runs by an option. Of `stated` work that is what its owner says; the others are bounds, which it may stay below. */
export interface RunEstimate {
  readonly runMs: number;
  readonly source: EstimateSource;
}

/** What a job says of how long it runs, and until when. */
export interface RunTerms {
  readonly options: readonly Pick<ResourceOption, 'nodes' | 'throughputHintMilli'>[];
  readonly workMs: number | null;
  readonly durationMaxMs: number | null;
  readonly deadlineAtMs: number | null;
}

/** What has been seen of jobs like it. */
export interface RunsSeen {
  /** How fast each option is, as parts of the fastest; absent: as its owner says. */
  readonly speeds?: readonly number[];
  /** The longest that jobs like it have taken by an option, on its least nodes; undefined: none was seen. */
  readonly longestMs?: (option: number) => number | undefined;
}

const NOTHING_SEEN: RunsSeen = {};

export const runTermsOf = ({ options, workMs, limits }: Pick<JobSpec, 'options' | 'workMs' | 'limits'>): RunTerms => ({
  options,
  workMs: workMs ?? null,
  durationMaxMs: limits.durationMaxMs,
  deadlineAtMs: limits.deadlineAtMs,
});

/**
 * How long an attempt runs by an option on so many nodes; null where nothing says. Work is done in proportion to throughput and nodes. A longest run
 * time is what its owner allows where the job is fastest, on the least nodes: elsewhere it would take longer in proportion.
 */
export function runEstimate(terms: RunTerms, option: number, nodes: number, seen: RunsSeen = NOTHING_SEEN): RunEstimate | null {
  const { options, workMs, durationMaxMs } = terms;
  const rate = rateOf(terms, option, seen) * nodes;
  if (rate <= 0) return null;
  if (workMs !== null) return { runMs: Math.ceil(workMs / rate), source: 'stated' };
  const bestRate = Math.max(...options.map((one, at) => rateOf(terms, at, seen) * one.nodes.min));
  const boundMs = durationMaxMs === null ? Infinity : (durationMaxMs * bestRate) / rate;
  const least = options[option]?.nodes.min ?? 1;
  const longestMs = seen.longestMs?.(option);
  const seenMs = longestMs === undefined ? Infinity : (longestMs * least) / nodes;
  if (Math.min(boundMs, seenMs) === Infinity) return null;
  return seenMs < boundMs ? { runMs: Math.ceil(seenMs), source: 'history' } : { runMs: Math.ceil(boundMs), source: 'max_runtime' };
}

/** Work that a node does in a time; 1 is the owner's throughput of 1. */
function rateOf({ options }: RunTerms, option: number, { speeds }: RunsSeen): number {
  const stated = options.map(({ throughputHintMilli }) => throughputHintMilli / 1_000);
  return speeds === undefined ? (stated[option] ?? 0) : Math.max(...stated) * (speeds[option] ?? 0);
}

/** Whether an attempt that starts then is not done in time: by the deadline, nor, as its owner states its work, within its longest run time. */
export function isLate({ deadlineAtMs, durationMaxMs }: RunTerms, { runMs, source }: RunEstimate, startMs: number): boolean {
  return startMs + runMs > (deadlineAtMs ?? Infinity) || (source === 'stated' && runMs > (durationMaxMs ?? Infinity));
}

/** The estimate of the option that is fastest, on its most nodes; null where nothing says. */
export function fastestEstimate(terms: RunTerms, seen?: RunsSeen): (RunEstimate & { readonly option: number }) | null {
  const found = terms.options.flatMap(({ nodes }, option) => {
    const estimate = runEstimate(terms, option, nodes.max, seen);
    return estimate === null ? [] : [{ ...estimate, option }];
  });
  return found.length === 0 ? null : found.reduce((best, one) => (one.runMs < best.runMs ? one : best));
}

/** When a job has to start at the latest to be done by its deadline, by what its owner says; Infinity where nothing says. */
export function latestStartMs(spec: Pick<JobSpec, 'options' | 'workMs' | 'limits'>): number {
  const { deadlineAtMs } = spec.limits;
  const fastest = deadlineAtMs === null ? null : fastestEstimate(runTermsOf(spec));
  return deadlineAtMs === null || fastest === null ? Infinity : deadlineAtMs - fastest.runMs;
}
