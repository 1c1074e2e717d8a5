import type { Held } from '../../contract/tenancy/quota-terms.ts';
import type { QuotaRule } from '../../contract/tenancy/quota-rule.ts';
import type { OrganisationId, TenantId } from '../../kernel/ids.ts';
import type { Amounts } from '../../tenancy/quota/amounts.ts';
import type { Decision, LevelView, PathAsk, ReserveRequest } from '../../tenancy/quota/decision.ts';
import type { LevelId } from '../../tenancy/quota/quota-level.ts';

/** The authority on the quotas of one organisation. Calls reject when it cannot be reached within `controlTimeoutMs`. */
export interface QuotaLedger {
  take(holder: string, sequence: number, asks: readonly PathAsk[]): Promise<readonly Decision[]>;
  reserve(request: ReserveRequest): Promise<Decision>;
  settle(id: string, used: Amounts): Promise<boolean>;
  now(): Promise<number>;
  count(
    counts: readonly { readonly tenant: TenantId; readonly units: number }[],
    resource: Held,
    isAll: boolean,
    begunAtMs: number,
  ): Promise<number>;
  setRules(id: LevelId, rules: readonly QuotaRule[]): Promise<LevelView>;
  /** Replaces the level's rule of the same resource, window and kind, or removes it. */
  replaceRule(id: LevelId, rule: QuotaRule, isWanted: boolean): Promise<LevelView>;
  describe(id: LevelId): Promise<LevelView>;
  grantedIn(ids: readonly LevelId[], startMs: number): Promise<readonly Amounts[]>;
  erase(tenant: TenantId, below: readonly LevelId[]): Promise<number>;
  /** How much is kept of these levels. */
  countLevels(ids: readonly LevelId[]): Promise<number>;
}

export type QuotaLedgers = (organisation: OrganisationId) => QuotaLedger;
