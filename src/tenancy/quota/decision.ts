import type { Refusal } from '../../contract/api/errors.ts';
import { refusal } from '../../contract/api/errors.ts';
import type { LevelKind } from '../../contract/tenancy/quota-terms.ts';
import type { QuotaRule } from '../../contract/tenancy/quota-rule.ts';
import { usd } from '../usage/price-book.ts';
import type { Amounts, CounterKey } from './amounts.ts';
import type { LevelId, QuotaLevel } from './quota-level.ts';
import type { Slice } from './window.ts';

export interface Ask {
  /** All of it or nothing. */
  readonly need: Amounts;
  /** The whole draw this is for; `need` is what the requester's slice does not cover. Shows a limit that can never be met. */
  readonly draw: Amounts;
  /** What the asker could use before it asks again; at least `need`. */
  readonly want: Amounts;
  /** Remainders of earlier slices. Each may be handed in once. */
  readonly returned: readonly Slice[];
}

export type Decision = Granted | Refused;

/** The tightest limit of a resource after a decision, as its requester may report it to the caller. */
export interface Tightest {
  readonly resource: 'requests' | 'tokens' | 'spend_nano';
  readonly limit: number;
  readonly remaining: number;
  /** Until the whole limit is there again. */
  readonly resetMs: number;
}

export interface Granted {
  readonly kind: 'granted';
  readonly slice: Slice;
  /** The slice may be used for so long: never beyond a window that it counts in. */
  readonly lifeMs: number;
  /** The shortest window that the slice counts in: units of another are not for use here. */
  readonly window: 'second' | 'minute';
  readonly tightest: readonly Tightest[];
  /** Of these the grant is more than a fair slice of what was left: what is not used of them is handed in at once, for others need it. */
  readonly tight: readonly CounterKey[];
  /** What exists is limited here: a call that adds to it must reserve. */
  readonly holds: readonly CounterKey[];
}

export interface Refused {
  readonly kind: 'refused';
  readonly level: LevelKind;
  readonly rule: QuotaRule;
  readonly needed: number;
  /** Until the limit may let this pass; null when it never will, or when time alone does not help. */
  readonly retryAfterMs: number | null;
  readonly tightest: readonly Tightest[];
}

/** A soft limit was passed, or a budget refuses. The id is the same however often that happens in one window. */
export interface QuotaNews {
  readonly id: string;
  readonly levelId: LevelId;
  readonly rule: QuotaRule;
  readonly granted: number;
  readonly windowStartMs: number;
}

const UNIT: Readonly<Record<QuotaRule['resource'], string>> = {
  requests: 'requests',
  tokens: 'tokens',
  queries: 'queries',
  accelerator_ms: 'accelerator milliseconds',
  spend_nano: 'US dollars',
  vectors: 'vectors',
  jobs: 'jobs at a time',
};

/**
 * The refusal for a caller. Waiting helps against a rate; against a day, a month, a budget or a resource-count quota it does not, so
 * clients must not retry.
 */
export function quotaRefusal({ level, rule, needed, retryAfterMs }: Refused): Refusal {
  const units = (count: number): string =>
    rule.resource === 'spend_nano' ? `${usd(BigInt(count))} ${UNIT.spend_nano}` : `${count} ${UNIT[rule.resource]}`;
  const type = rule.accelerator === null ? '' : ` (${rule.accelerator})`;
  const window = rule.window === 'held' ? '' : ` a ${rule.window}`;
  const quota = `the quota of ${units(rule.burst ?? rule.limit)}${type}${rule.burst === null ? window : ' at once'} of the ${level}`;
  const bound = rule.burst ?? rule.limit;
  if (needed > bound && rule.limit > 0) {
    return { ...refusal('limit_exceeded', `${units(needed)} are more than ${quota}`), limit: { bound }, value: needed };
  }
  // A call that may take much can be refused while a smaller one would still pass.
  const spent = needed > 1 ? `has less left than the ${units(needed)} that the call may take` : 'is spent';
  if (retryAfterMs === null || !isRate(rule)) return refusal('insufficient_quota', `${quota} ${spent}`);
  return { ...refusal('rate_limit_exceeded', `${quota} is reached`), retryAfterMs };
}

const isRate = ({ window, resource }: QuotaRule): boolean =>
  resource !== 'spend_nano' && (window === 'second' || window === 'minute' || window === 'hour');

/** What one path of an isolate asks for. Several travel in one message, so that a busy isolate has one under way at a time. */
export interface PathAsk {
  /** From the organisation down. */
  readonly path: readonly LevelId[];
  readonly ask: Ask;
}

/** A reservation that names itself: asked for again under the same id, it is the same one. */
export interface ReserveRequest {
  readonly id: string;
  readonly path: readonly LevelId[];
  readonly units: Amounts;
  /** Afterwards it can no longer be settled. */
  readonly lifeMs: number;
}

export interface LevelView {
  readonly level: QuotaLevel;
  /** How much exists of what its rules limit while it exists; null where it has not been counted yet. */
  readonly held: readonly { readonly rule: QuotaRule; readonly units: number | null }[];
}
