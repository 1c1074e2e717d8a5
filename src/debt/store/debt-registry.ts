import type { DebtFact, DebtFactFile, DebtSignal } from '../../contract/debt/debt-facts.ts';
import type { DebtAction } from '../../contract/debt/debt-items.ts';
import { messageOf } from '../../contract/api/errors.ts';
import { PLANNING_LIMITS } from '../../contract/planning/planning-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import type { WriteLease } from '../../contract/tenancy/write-lease.ts';
import { underLease } from '../../contract/tenancy/write-lease.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { TenantId } from '../../kernel/ids.ts';
import { utf8 } from '../../kernel/bytes.ts';
import { ok } from '../../kernel/result.ts';
import { shortSha256 } from '../../kernel/short-sha256.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import type { AssessedDebt, ComponentScore } from '../rules/assess.ts';
import { assess } from '../rules/assess.ts';
import { FactSet, signalOf } from '../fact.ts';
import type { DebtEvent } from './register.ts';
import { act, reconcile } from './register.ts';
import type { OnboardingPath } from '../teams/onboarding.ts';
import type { TeamReport } from '../teams/team-report.ts';
import type { RepositoryField } from './register-teams.ts';
import { onboardingOfRegister, teamsOfRegister } from './register-teams.ts';
import type { DebtPlan } from '../plan.ts';
import { planRegister } from './register-plan.ts';
import type { DebtDay, DebtRepository, FactFilter, ItemFilter, StoredItem } from './sqlite-debt-store.ts';
import { SqliteDebtStore } from './sqlite-debt-store.ts';

/** The repository of what the gateway measures of itself. No fact file names it. */
export const GATEWAY = '(gateway)';

const DAY_S = 86_400;
const ASSESSED_EVERY_S = PLANNING_LIMITS.debtAssessedEveryMs / 1000;
const ID_CHARS = 20;

/** An upload whose signature has been verified, with the key that it holds for. */
export interface VerifiedUpload {
  readonly digest: string;
  readonly signedAtS: number;
  readonly publicKey: string;
  readonly file: DebtFactFile;
}

export interface Taken {
  readonly repository: string;
  readonly facts: number;
  readonly opened: number;
  readonly closed: number;
}

export interface RepositoryView {
  readonly repository: DebtRepository;
  readonly facts: number;
  readonly assessed: AssessedDebt | undefined;
  readonly history: readonly DebtDay[];
}

/** An item of a repository. */
export interface ItemRef {
  readonly repository: string;
  readonly id: string;
}

export interface ItemView extends StoredItem {
  readonly events: readonly DebtEvent[];
}

/** The debt of one organisation, by repository; each is of one tenant. Every change is one transaction, under the lease of the key that makes it. */
export class DebtRegistry {
  readonly #store: SqliteDebtStore;
  readonly #clock: Clock;

  constructor(storage: SqlStorage, clock: Clock) {
    this.#store = new SqliteDebtStore(storage);
    this.#clock = clock;
  }

  /** Creates, or replaces the key and the policy; what an earlier key signed stays. Refuses with `limit_exceeded`. */
  setRepository(
    tenantId: TenantId,
    { repository, publicKey, policy }: Pick<DebtRepository, 'repository' | 'publicKey' | 'policy'>,
    lease: WriteLease | undefined,
  ): Outcome<RepositoryView> {
    return this.#change(tenantId, lease, () => {
      const id = repositoryId(tenantId, repository);
      const known = this.#store.repository(id);
      const count = this.#store.registeredCount();
      if (known === undefined && count >= PLANNING_LIMITS.debtRepositoriesMaxCount)
        return refuseBeyond({ limit: 'debtRepositoriesMaxCount', value: count + 1, what: `there are ${count} repositories already` });
      const policyBytes = utf8(JSON.stringify(policy)).length;
      if (policyBytes > PLANNING_LIMITS.debtPolicyBytesMax)
        return refuseBeyond({ path: 'policy', limit: 'debtPolicyBytesMax', value: policyBytes, what: `has ${policyBytes} bytes` });
      const nowS = this.#nowS();
      const times = { createdAtS: known?.createdAtS ?? nowS, uploadedAtS: known?.uploadedAtS ?? null };
      const next = { id, tenantId, repository, publicKey, policy, ...times };
      this.#store.putRepository(next);
      const assessed = this.#assess(next, nowS);
      return assessed.ok ? ok(this.#viewOf(next)) : assessed;
    });
  }

  removeRepository(tenantId: TenantId, id: string, lease: WriteLease | undefined): Outcome<null> {
    return this.#change(tenantId, lease, () => {
      if (this.#own(tenantId, id) === undefined) return absent(id);
      this.#store.removeRepository(id);
      return ok(null);
    });
  }

  repositories(tenantId?: TenantId): RepositoryView[] {
    return this.#store.repositories(tenantId).map((repository) => this.#viewOf(repository));
  }

  /** The key that the files of a repository are signed with; null: none, or no such repository. */
  publicKeyOf(tenantId: TenantId, repository: string): string | null {
    return this.#store.repository(repositoryId(tenantId, repository))?.publicKey ?? null;
  }

  /** Takes facts, once. Refuses with `state_conflict` a replay, an old file, and one under a key that is no longer that of the repository. [D92] */
  upload(tenantId: TenantId, { digest, signedAtS, publicKey, file }: VerifiedUpload, lease: WriteLease | undefined): Outcome<Taken> {
    return this.#change(tenantId, lease, () => {
      const nowS = this.#nowS();
      const known = this.#store.repository(repositoryId(tenantId, file.repository));
      if (known === undefined || known.publicKey !== publicKey)
        return refuse('state_conflict', 'the key of the repository was replaced: sign with the new one', 'signatures');
      if (Math.abs(nowS - signedAtS) > PLANNING_LIMITS.debtSignedWithinS)
        return refuse('state_conflict', `was not signed within ${PLANNING_LIMITS.debtSignedWithinS} s of now: sign it anew`, 'payload');
      if (!this.#store.isNewUpload(`${known.id}:${digest}`, nowS, nowS - 4 * PLANNING_LIMITS.debtSignedWithinS))
        return refuse('state_conflict', 'was uploaded before: a replay changes nothing', 'payload');
      const taken = this.#take({ ...known, uploadedAtS: nowS }, file.facts, nowS);
      return taken.ok ? ok({ repository: known.id, ...taken.value }) : taken;
    });
  }

  /** Takes what the gateway measured of a tenant, in no key's name. */
  measure(tenantId: TenantId, facts: readonly DebtFact[], policy: DebtRepository['policy']): Outcome<Omit<Taken, 'repository'>> {
    return this.#change(tenantId, undefined, () => {
      const nowS = this.#nowS();
      const id = repositoryId(tenantId, GATEWAY);
      const times = { createdAtS: this.#store.repository(id)?.createdAtS ?? nowS, uploadedAtS: nowS };
      return this.#take({ id, tenantId, repository: GATEWAY, publicKey: null, policy, ...times }, facts, nowS);
    });
  }

  factPage(filter: FactFilter, after: number, count: number): DebtFact[] {
    return this.#store.factPage(filter, after, count);
  }

  itemPage(filter: ItemFilter, after: number, count: number): StoredItem[] {
    return this.#store.itemPage(filter, after, count);
  }

  item(tenantId: TenantId, { repository, id }: ItemRef): Outcome<ItemView> {
    const item = this.#own(tenantId, repository) === undefined ? undefined : this.#store.item(repository, id);
    if (item === undefined) return refuse('record_not_found', `there is no item ${repository}.${id}`, 'debt_item');
    return ok({ repository, item, events: this.#store.events(repository, id, PLANNING_LIMITS.debtEventsShownMaxCount) });
  }

  /** What the teams of a repository pay of it in so many weeks. */
  plan(tenantId: TenantId, id: string, weeks: number): Outcome<DebtPlan> {
    const found = this.#own(tenantId, id);
    if (found === undefined) return absent(id);
    const gateway = this.#store.facts(repositoryId(tenantId, GATEWAY));
    const sources = [this.#store.facts(id), gateway];
    const [items, history] = [this.#store.items(id), this.#store.days(id)];
    return ok(planRegister({ items, policy: found.policy, sources, history, weeks, nowS: this.#nowS() }));
  }

  teams(tenantId: TenantId, id: string): Outcome<TeamReport> {
    const work = this.#workOn(tenantId, id, 'repository');
    return work.ok ? teamsOfRegister(work.value, 'repository') : work;
  }

  onboarding(tenantId: TenantId, id: string, component: string): Outcome<OnboardingPath> {
    const work = this.#workOn(tenantId, id, 'debt_repository');
    return work.ok ? onboardingOfRegister(work.value, component) : work;
  }

  /** What a person does to an item; `by`: who does it, for the audit (D6). */
  act(
    tenantId: TenantId,
    of: ItemRef,
    { action, by }: { readonly action: DebtAction; readonly by: string },
    lease: WriteLease | undefined,
  ): Outcome<ItemView> {
    return this.#change(tenantId, lease, () => {
      const found = this.item(tenantId, of);
      if (!found.ok) return found;
      const done = act(found.value.item, action, by, this.#nowS());
      if (!done.ok) return done;
      this.#store.putItem(of.repository, done.value.item);
      this.#store.addEvents(of.repository, [done.value.event]);
      return this.item(tenantId, of);
    });
  }

  /**
   * The repository whose rules have waited longest, if it is its turn. Its next turn is an hour from now, whatever comes of this one: once that is
   * stored, a repository that fails, or takes the object's memory along, keeps no other waiting. [D93]
   */
  takeTurn(): string | undefined {
    const next = this.#store.nextDue();
    const nowS = this.#nowS();
    if (next === undefined || next.dueS > nowS) return undefined;
    this.#store.setDue(next.id, nowS + ASSESSED_EVERY_S);
    return next.id;
  }

  /** Runs the rules of a repository again, if it is still there: facts have expired, and acceptances ended. [D93] */
  reassess(id: string, onFailure: (error: unknown) => void): void {
    try {
      const repository = this.#store.repository(id);
      if (repository === undefined) return;
      const assessed = this.#store.transaction(() => this.#assess(repository, this.#nowS()));
      if (!assessed.ok) onFailure(messageOf(assessed.error));
    } catch (error) {
      onFailure(error);
    }
  }

  /** When the rules of some repository are to run again; undefined: there is none. */
  nextDueMs(): number | undefined {
    const next = this.#store.nextDue();
    return next === undefined ? undefined : next.dueS * 1000;
  }

  /** Forgets all of a tenant, and takes nothing of it any more. [D94] */
  eraseTenant(tenantId: TenantId): void {
    this.#store.transaction(() => this.#store.eraseTenant(tenantId));
  }

  countOf(tenantId: TenantId): number {
    return this.#store.repositoryCount(tenantId);
  }

  #take(repository: DebtRepository, facts: readonly DebtFact[], nowS: number): Outcome<Omit<Taken, 'repository'>> {
    const measured = new Set<DebtSignal>(facts.flatMap((fact) => (fact.kind === 'census' ? (signalOf(fact) ?? []) : [])));
    for (const [position, fact] of facts.entries()) {
      const { collected_at: collectedAtS } = fact;
      const path = ['payload', 'facts', position];
      if (collectedAtS > nowS + PLANNING_LIMITS.debtSignedWithinS)
        return refuse('invalid_value', `is ${collectedAtS}, and it is ${nowS}: set the clock of the collector`, [...path, 'collected_at']);
      const bytes = utf8(JSON.stringify(fact)).length;
      if (bytes > PLANNING_LIMITS.debtFactBytesMax)
        return refuseBeyond({ path, limit: 'debtFactBytesMax', value: bytes, what: `has ${bytes} bytes` });
    }
    const counted = new FactSet(this.#store.facts(repository.id), nowS).of('census');
    const countedAtS = new Map(counted.map((census) => [censusKey(census), census.collected_at]));
    for (const fact of facts) {
      if (fact.kind === 'census' && (countedAtS.get(censusKey(fact)) ?? 0) > fact.collected_at)
        return refuse('state_conflict', `${fact.symbol ?? ''} is known from later than this file`, 'payload.facts');
    }
    this.#store.putRepository(repository);
    this.#store.putFacts(repository.id, facts, measured);
    const { count, bytes } = this.#store.factTotals(repository.id);
    if (count > PLANNING_LIMITS.debtStoredFactsMaxCount) return tooMany('debtStoredFactsMaxCount', count, 'facts');
    if (bytes > PLANNING_LIMITS.debtStoredFactsBytesMax) return tooMany('debtStoredFactsBytesMax', bytes, 'bytes of facts');
    const assessed = this.#assess(repository, nowS);
    return assessed.ok ? ok({ facts: facts.length, ...assessed.value }) : assessed;
  }

  /** Refuses with `limit_exceeded`, and has changed nothing then. */
  #assess({ id, policy }: DebtRepository, nowS: number): Outcome<Pick<Taken, 'opened' | 'closed'>> {
    const facts = new FactSet(this.#store.facts(id), nowS);
    const { findings, candidates, ...assessed } = assess(facts, policy);
    const found = findings.length;
    if (found > PLANNING_LIMITS.debtOpenItemsMaxCount)
      return refuseBeyond({ limit: 'debtOpenItemsMaxCount', value: found, what: `the repository would have ${found} open items` });
    const { changed, events } = reconcile(
      this.#store.items(id),
      { findings, candidates },
      (signal, component) => facts.isKnown(signal, component),
      nowS,
    );
    for (const item of changed) this.#store.putItem(id, item);
    // Prices change with every run: what happened is what counts.
    this.#store.addEvents(
      id,
      events.filter(({ kind }) => kind !== 'repriced'),
    );
    this.#store.forgetClosed(id, PLANNING_LIMITS.debtClosedItemsMaxCount);
    this.#store.setDue(id, nowS + ASSESSED_EVERY_S);
    this.#store.keepAssessed(id, { ...assessed, components: costliest(assessed.components) });
    const { principal, interest, assessedRatio, items: open } = assessed.total;
    const day = Math.floor(nowS / DAY_S);
    this.#store.putDay(
      id,
      { day, open, principal: principal.p50, interest: interest.p50, ratio: assessedRatio },
      day - PLANNING_LIMITS.debtHistoryDaysMax,
    );
    const count = (...kinds: DebtEvent['kind'][]): number => events.filter(({ kind }) => kinds.includes(kind)).length;
    return ok({ opened: count('opened', 'reopened'), closed: count('closed') });
  }

  /** A repository by its id; undefined: the tenant has none of that id. [D94] */
  #own(tenantId: TenantId, id: string): DebtRepository | undefined {
    const found = this.#store.repository(id);
    return found?.tenantId === tenantId ? found : undefined;
  }

  #workOn(tenantId: TenantId, id: string, field: RepositoryField) {
    const found = this.#own(tenantId, id);
    if (found === undefined) return absent(id, field);
    return ok({ facts: this.#store.facts(id), items: this.#store.items(id), policy: found.policy, nowS: this.#nowS() });
  }

  #viewOf(repository: DebtRepository): RepositoryView {
    return {
      repository,
      facts: this.#store.factTotals(repository.id).count,
      assessed: this.#store.assessed(repository.id),
      history: this.#store.days(repository.id),
    };
  }

  /** What is refused midway is undone as a whole. */
  #change<T>(tenantId: TenantId, lease: WriteLease | undefined, change: () => Outcome<T>): Outcome<T> {
    const nowMs = this.#clock.nowMs();
    let outcome: Outcome<T> | undefined;
    try {
      return this.#store.transaction(() => {
        const leased = underLease(lease, nowMs);
        if (!leased.ok) return leased;
        if (this.#store.isErased(tenantId)) return refuse('tenant_suspended', 'the tenant is erased');
        outcome = change();
        if (!outcome.ok) throw new Undone();
        return outcome;
      });
    } catch (error) {
      if (error instanceof Undone && outcome !== undefined) return outcome;
      throw error;
    }
  }

  #nowS(): number {
    return Math.floor(this.#clock.nowMs() / 1000);
  }
}

const censusKey = ({ subject, symbol }: DebtFact): string => JSON.stringify([subject, symbol]);

const tooMany = (limit: 'debtStoredFactsMaxCount' | 'debtStoredFactsBytesMax', value: number, what: string) =>
  refuseBeyond({ path: 'payload.facts', limit, value, what: `the repository would have ${value} ${what}` });

/** The components that cost most a week, by name: a summary has many repositories. */
const costliest = (components: readonly ComponentScore[]): readonly ComponentScore[] =>
  components
    .toSorted((a, b) => b.interest.p50 - a.interest.p50)
    .slice(0, PLANNING_LIMITS.debtComponentsShownMaxCount)
    .sort((a, b) => (a.name < b.name ? -1 : 1));

/** Thrown so that a transaction is undone. */
class Undone extends Error {}

const repositoryId = (tenantId: TenantId, repository: string): string =>
  `repo_${shortSha256(JSON.stringify([tenantId, repository])).slice(0, ID_CHARS)}`;

const absent = (id: string, field: RepositoryField = 'debt_repository') =>
  refuse('record_not_found', `there is no repository ${id}`, field);
