import type { DebtFact } from '../../src/contract/debt/debt-facts.ts';
import { PLANNING_LIMITS } from '../../src/contract/planning/planning-limits.ts';
import type { Outcome } from '../../src/contract/api/outcome.ts';
import type { WriteLease } from '../../src/contract/tenancy/write-lease.ts';
import type { RepositoryView, Taken, VerifiedUpload } from '../../src/debt/store/debt-registry.ts';
import { DebtRegistry } from '../../src/debt/store/debt-registry.ts';
import type { DebtRepository } from '../../src/debt/store/sqlite-debt-store.ts';
import type { TenantId } from '../../src/kernel/ids.ts';
import { objectOf } from '../../durable-objects/object-of.ts';
import { systemClock } from '../../durable-objects/system-time.ts';

/** Changes after which the rules are to run. */
type Watched = 'setRepository' | 'upload' | 'measure';

const DebtService = objectOf<DebtRegistry, unknown, Exclude<keyof DebtRegistry, Watched>>(
  DebtRegistry,
  ({ storage }) => new DebtRegistry(storage, systemClock),
);

/**
 * The debt register of one organisation. Its alarm runs the rules again, of one repository at a time, because facts expire and acceptances end.
 */
export class DebtRegisterObject extends DebtService {
  async setRepository(
    tenant: TenantId,
    repository: Pick<DebtRepository, 'repository' | 'publicKey' | 'policy'>,
    lease: WriteLease | undefined,
  ): Promise<Outcome<RepositoryView>> {
    return this.#watched(this.service.setRepository(tenant, repository, lease));
  }

  upload(tenant: TenantId, upload: VerifiedUpload, lease: WriteLease | undefined): Promise<Outcome<Taken>> {
    return this.#watched(this.service.upload(tenant, upload, lease));
  }

  measure(tenant: TenantId, facts: readonly DebtFact[], policy: DebtRepository['policy']): Promise<Outcome<Omit<Taken, 'repository'>>> {
    return this.#watched(this.service.measure(tenant, facts, policy));
  }

  override async alarm(): Promise<void> {
    if (this.service.nextDueMs() === undefined) return;
    // Armed first: an interruption is followed by another alarm.
    await this.ctx.storage.setAlarm(Date.now() + PLANNING_LIMITS.debtTurnMaxMs);
    const repository = this.service.takeTurn();
    // Stored before the rules run, which may end with the memory of this object.
    await this.ctx.storage.sync();
    if (repository !== undefined) {
      this.service.reassess(repository, (error) => {
        console.error(JSON.stringify({ level: 'error', message: `the rules of ${repository}: ${String(error)}` }));
      });
    }
    const dueMs = this.service.nextDueMs();
    if (dueMs !== undefined) await this.ctx.storage.setAlarm(Math.max(Date.now(), dueMs));
  }

  async #watched<T>(outcome: Outcome<T>): Promise<Outcome<T>> {
    if (outcome.ok && (await this.ctx.storage.getAlarm()) === null)
      await this.ctx.storage.setAlarm(Date.now() + PLANNING_LIMITS.debtAssessedEveryMs);
    return outcome;
  }
}
