import type { QuotaRule } from '../../contract/quota-rule.ts';
import type { Amounts } from './amounts.ts';
import type { Ask } from './decision.ts';
import type { LevelId, QuotaLevel } from './quota-level.ts';

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
