import { InvalidArgumentError, Option } from 'commander';

import { UsageError } from '../command/command.ts';

interface Quota {
  readonly nominal: number;
  readonly borrowing_limit: number | null;
  readonly lending_limit: number | null;
}

/** What the commands take to describe a queue. */
export interface QueueOptions {
  readonly weight?: number;
  readonly quota?: Readonly<Record<string, Quota>>;
  readonly priority?: string;
  readonly withinQueue?: string;
  readonly reclaim?: string;
  readonly stop?: string;
  readonly timeSlice?: TimeSlice | null;
}

interface TimeSlice {
  readonly round_s: number;
  readonly move_s: number;
}

/** `--quota h100=4:2:1`: of a resource its nominal quota, what it may borrow and what it lends; given again for each resource. */
export const quotaOption = (): Option =>
  new Option(
    '--quota <resource=n[:b[:l]]>',
    'nominal quota of a resource, its limits on borrowing and on lending; may be given again',
  ).argParser((text: string, before: QueueOptions['quota']) => ({ ...before, ...quotaOf(text) }));

function quotaOf(text: string): Record<string, Quota> {
  const [, resource, nominal, borrowing, lending] =
    /^([a-z0-9._-]+)=(\d+(?:\.\d+)?)(?::(\d*(?:\.\d+)?))?(?::(\d*(?:\.\d+)?))?$/.exec(text) ?? [];
  if (resource === undefined) throw new InvalidArgumentError('It must be such as h100=4, h100=0:2 or cpu=8:4:2.');
  return { [resource]: { nominal: Number(nominal), borrowing_limit: limitOf(borrowing), lending_limit: limitOf(lending) } };
}

const limitOf = (text: string | undefined): number | null => (text === undefined || text === '' ? null : Number(text));

/** `--time-slice 360:60`: the length of a round and what a move costs, in seconds; `off`: jobs take no turns. */
export const timeSliceOption = (): Option =>
  new Option('--time-slice <round[:move]|off>', 'jobs take turns: seconds of a round, and what a move costs a job').argParser(timeSliceOf);

function timeSliceOf(text: string): TimeSlice | null {
  if (text === 'off') return null;
  const [, round, move = '0'] = /^(\d+)(?::(\d+))?$/.exec(text) ?? [];
  if (round === undefined) throw new InvalidArgumentError('It must be such as 360, 360:60 or off.');
  return { round_s: Number(round), move_s: Number(move) };
}

/** The fields of a request for what was given. */
export function settingsOf({ weight, quota, priority, withinQueue, reclaim, stop, timeSlice }: QueueOptions): Record<string, unknown> {
  const preemption = { within_queue: withinQueue, reclaim };
  const evicts = withinQueue !== undefined || reclaim !== undefined;
  const given = {
    weight,
    quotas: quota,
    priority: priorityOf(priority),
    preemption: evicts ? preemption : undefined,
    stop_policy: stop,
    time_slice: timeSlice,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function priorityOf(text: string | undefined): { readonly min: number; readonly max: number } | undefined {
  if (text === undefined) return undefined;
  const [, min, max] = /^(\d{1,3})\.\.(\d{1,3})$/.exec(text) ?? [];
  if (min === undefined || max === undefined) throw new UsageError(`--priority: "${text}" is not a range such as 0..50`);
  return { min: Number(min), max: Number(max) };
}
