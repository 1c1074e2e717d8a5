import { QuotaService } from '../../../durable-objects/quota-service.ts';
import type { FundAnswer, FundMessage } from '../../../src/contract/jobs/job-funds.ts';
import type { QuotaRule } from '../../../src/contract/tenancy/quota-rule.ts';
import type { LevelId } from '../../../src/tenancy/quota/quota-level.ts';
import { NodeSql } from '../fakes/node-sql.ts';

/** A hard rule of a level. */
export const hardRule = (resource: QuotaRule['resource'], limit: number, overrides: Partial<QuotaRule> = {}): QuotaRule => ({
  resource,
  window: 'month',
  limit,
  kind: 'hard',
  burst: null,
  accelerator: null,
  ...overrides,
});

/** The quotas of an organisation in storage, as its object keeps them. */
export class Quotas {
  readonly storage = new NodeSql();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  setRules(id: LevelId, rules: readonly QuotaRule[]): void {
    this.#transact((service) => service.setRules(id, rules));
  }

  /** One message of the scheduler. */
  fund = (message: FundMessage): readonly FundAnswer[] => this.#transact((service) => service.fund(message));

  /** What is taken of a resource at a level this month. */
  taken(id: LevelId, resource: QuotaRule['resource']): number {
    const { level } = this.#transact((service) => service.describe(id));
    return level.granted[resource]?.at(-1) ?? 0;
  }

  #transact<T>(work: (service: QuotaService) => T): T {
    return QuotaService.transact(this.storage, this.#nowMs(), work);
  }
}
