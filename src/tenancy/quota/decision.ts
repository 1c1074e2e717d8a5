import type { LevelKind, QuotaRule } from '../../contract/quota-rule.ts';
import type { Amounts, CounterKey } from './amounts.ts';
import type { LevelId } from './quota-level.ts';
import type { Slice } from './slice.ts';

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
  readonly resource: 'requests' | 'tokens';
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
