import { DurableObject } from 'cloudflare:workers';

import type { DebtFact } from '../../src/contract/debt-facts.ts';
import type { DebtAction } from '../../src/contract/debt-items.ts';
import { LIMITS } from '../../src/contract/limits.ts';
import type { Outcome } from '../../src/contract/outcome.ts';
import type { WriteLease } from '../../src/contract/write-lease.ts';
import type { ItemRef, ItemView, RepositoryView, Taken, VerifiedUpload } from '../../src/debt/store/debt-registry.ts';
import { DebtRegistry } from '../../src/debt/store/debt-registry.ts';
import type { DebtPlan } from '../../src/debt/plan.ts';
import type { DebtRepository, FactFilter, ItemFilter, StoredItem } from '../../src/debt/store/sqlite-debt-store.ts';
import type { OnboardingPath } from '../../src/debt/teams/onboarding.ts';
import type { TeamReport } from '../../src/debt/teams/team-report.ts';
import type { DebtCalls } from '../../src/gateway/planning/debt-desk.ts';
import type { TenantId } from '../../src/kernel/ids.ts';
import type { Served } from '../../durable-objects/object-namespace.ts';
import { systemClock } from '../../durable-objects/system-time.ts';

/**
 * The debt register of one organisation: see `DebtRegistry`. Its alarm runs the rules
 * again, of one repository at a time, because facts expire and acceptances end.
 */
export class DebtRegisterObject extends DurableObject implements Served<DebtCalls> {
  readonly #registry = new DebtRegistry(this.ctx.storage, systemClock);

  async setRepository(
    tenant: TenantId,
    repository: Pick<DebtRepository, 'repository' | 'publicKey' | 'policy'>,
    lease: WriteLease | undefined,
  ): Promise<Outcome<RepositoryView>> {
    return this.#watched(this.#registry.setRepository(tenant, repository, lease));
  }

  removeRepository(tenant: TenantId, id: string, lease: WriteLease | undefined): Outcome<null> {
    return this.#registry.removeRepository(tenant, id, lease);
  }

  repositories(tenant: TenantId | undefined): readonly RepositoryView[] {
    return this.#registry.repositories(tenant);
  }

  publicKeyOf(tenant: TenantId, repository: string): string | null {
    return this.#registry.publicKeyOf(tenant, repository);
  }

  upload(tenant: TenantId, upload: VerifiedUpload, lease: WriteLease | undefined): Promise<Outcome<Taken>> {
    return this.#watched(this.#registry.upload(tenant, upload, lease));
  }

  measure(tenant: TenantId, facts: readonly DebtFact[], policy: DebtRepository['policy']): Promise<Outcome<Omit<Taken, 'repository'>>> {
    return this.#watched(this.#registry.measure(tenant, facts, policy));
  }

  factPage(filter: FactFilter, after: number, count: number): readonly DebtFact[] {
    return this.#registry.factPage(filter, after, count);
  }

  itemPage(filter: ItemFilter, after: number, count: number): readonly StoredItem[] {
    return this.#registry.itemPage(filter, after, count);
  }

  item(tenant: TenantId, of: ItemRef): Outcome<ItemView> {
    return this.#registry.item(tenant, of);
  }

  plan(tenant: TenantId, repository: string, weeks: number): Outcome<DebtPlan> {
    return this.#registry.plan(tenant, repository, weeks);
  }

  teams(tenant: TenantId, repository: string): Outcome<TeamReport> {
    return this.#registry.teams(tenant, repository);
  }

  onboarding(tenant: TenantId, repository: string, component: string): Outcome<OnboardingPath> {
    return this.#registry.onboarding(tenant, repository, component);
  }

  act(
    tenant: TenantId,
    of: ItemRef,
    done: { readonly action: DebtAction; readonly by: string },
    lease: WriteLease | undefined,
  ): Outcome<ItemView> {
    return this.#registry.act(tenant, of, done, lease);
  }

  eraseTenant(tenant: TenantId): void {
    this.#registry.eraseTenant(tenant);
  }

  countOf(tenant: TenantId): number {
    return this.#registry.countOf(tenant);
  }

  override async alarm(): Promise<void> {
    if (this.#registry.nextDueMs() === undefined) return;
    // Armed first: an interruption is followed by another alarm.
    await this.ctx.storage.setAlarm(Date.now() + LIMITS.debtTurnMaxMs);
    const repository = this.#registry.takeTurn();
    // Stored before the rules run, which may end with the memory of this object.
    await this.ctx.storage.sync();
    if (repository !== undefined) {
      this.#registry.reassess(repository, (error) => {
        console.error(JSON.stringify({ level: 'error', message: `the rules of ${repository}: ${String(error)}` }));
      });
    }
    const dueMs = this.#registry.nextDueMs();
    if (dueMs !== undefined) await this.ctx.storage.setAlarm(Math.max(Date.now(), dueMs));
  }

  async #watched<T>(outcome: Outcome<T>): Promise<Outcome<T>> {
    if (outcome.ok && (await this.ctx.storage.getAlarm()) === null)
      await this.ctx.storage.setAlarm(Date.now() + LIMITS.debtAssessedEveryMs);
    return outcome;
  }
}
