import { InvalidArgumentError, Option } from 'commander';

import { UsageError } from '../command.ts';

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

/** The fields of a request for what was given. */
export function settingsOf({ weight, quota, priority, withinQueue, reclaim, stop }: QueueOptions): Record<string, unknown> {
  const preemption = { within_queue: withinQueue, reclaim };
  const evicts = withinQueue !== undefined || reclaim !== undefined;
  const given = { weight, quotas: quota, priority: priorityOf(priority), preemption: evicts ? preemption : undefined, stop_policy: stop };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function priorityOf(text: string | undefined): { readonly min: number; readonly max: number } | undefined {
  if (text === undefined) return undefined;
  const [, min, max] = /^(\d{1,3})\.\.(\d{1,3})$/.exec(text) ?? [];
  if (min === undefined || max === undefined) throw new UsageError(`--priority: "${text}" is not a range such as 0..50`);
  return { min: Number(min), max: Number(max) };
}
