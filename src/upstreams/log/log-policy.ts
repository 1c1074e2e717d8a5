import { REQUEST_LOG_LIMITS } from '../../contract/requests/request-log-limits.ts';
import { keyHash } from '../../kernel/fast-hash.ts';

/** How much of the requests is kept. */
export type Keeping = 'off' | 'sampled' | 'full';

/** What a tenant keeps of its requests. */
export interface LogPolicy {
  readonly entries: Keeping;
  /** Of the requests whose entries are kept. */
  readonly bodies: Keeping;
  /** Of the requests that are sampled, in millionths. */
  readonly samplePpm: number;
  readonly retentionDays: number;
  /** Names of fields whose values are taken out of bodies wherever they stand, besides those that always are. */
  readonly redactFields: readonly string[];
}

/** Until a tenant sets its own: every request is known, and nothing that was said. */
export const DEFAULT_POLICY: LogPolicy = {
  entries: 'full',
  bodies: 'off',
  samplePpm: 10_000,
  retentionDays: REQUEST_LOG_LIMITS.requestLogRetentionDefaultDays,
  redactFields: [],
};

const PPM = 1_000_000;

/** What is kept of the request with this id. The same in every isolate, so that a repeated delivery decides the same. [U131] */
export function keptOf(policy: LogPolicy, id: string): { readonly entry: boolean; readonly bodies: boolean } {
  const isSampled = keyHash(id) % PPM < policy.samplePpm;
  const keeps = (keeping: Keeping): boolean => keeping === 'full' || (keeping === 'sampled' && isSampled);
  const entry = keeps(policy.entries);
  return { entry, bodies: entry && keeps(policy.bodies) };
}
