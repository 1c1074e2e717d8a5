import type { FundAnswer, FundMessage, FundRequest, FundSettlement } from '../src/contract/jobs/job-funds.ts';
import { TENANCY_LIMITS } from '../src/contract/tenancy/tenancy-limits.ts';
import { must } from '../src/kernel/assert.ts';
import type { Held, Resource } from '../src/contract/tenancy/quota-terms.ts';
import type { QuotaRule } from '../src/contract/tenancy/quota-rule.ts';
import type { TenantId } from '../src/kernel/ids.ts';
import type { SqlStorage } from '../src/kernel/sql/sql-storage.ts';
import type { Amounts } from '../src/tenancy/quota/amounts.ts';
import { amountsOf, COUNTER_OF } from '../src/tenancy/quota/amounts.ts';
import type { Decision, Granted, LevelView, PathAsk, QuotaNews, ReserveRequest } from '../src/tenancy/quota/decision.ts';
import { fund } from '../src/tenancy/quota/fund.ts';
import type { LevelId } from '../src/tenancy/quota/quota-level.ts';
import { isHeld, placeOf, withRules } from '../src/tenancy/quota/quota-level.ts';
import { reserve, settle } from '../src/tenancy/quota/reservation.ts';
import type { Path, Taken } from '../src/tenancy/quota/take.ts';
import { levelAt, take } from '../src/tenancy/quota/take.ts';
import { editionAt } from '../src/tenancy/usage/price-book.ts';
import { openQuotaDatabase, SqliteAlertOutbox, SqliteQuotaStore } from '../src/tenancy/quota/quota-store.ts';
import { ALL, SqliteReservationStore } from '../src/tenancy/quota/reservation-store.ts';

/** Until every isolate reserves for what a new rule limits: its slices end with their minute. */
const RULE_KNOWN_MS = 120_000;
/** Ended reservations that are forgotten with each new one. */
const EXPIRE_MAX_COUNT = 8;

/** The quotas of one organisation at one moment: what its object does in one transaction. */
export class QuotaService {
  readonly levels: SqliteQuotaStore;
  readonly alerts: SqliteAlertOutbox;
  readonly #reservations: SqliteReservationStore;
  readonly #nowMs: number;
  readonly #erased = new Map<string, boolean>();
  /** Alerts that wait since. */
  raised = 0;

  constructor(storage: SqlStorage, nowMs: number) {
    openQuotaDatabase(storage);
    this.levels = new SqliteQuotaStore(storage);
    this.alerts = new SqliteAlertOutbox(storage);
    this.#reservations = new SqliteReservationStore(storage);
    this.#nowMs = nowMs;
  }

  /** Does `work` in one transaction, at the end of which all that it changed is written. */
  static transact<T>(storage: SqlStorage, nowMs: number, work: (service: QuotaService) => T): T {
    return storage.transactionSync(() => {
      const service = new QuotaService(storage, nowMs);
      const done = work(service);
      service.levels.flush();
      return done;
    });
  }

  take(holder: string, sequence: number, asks: readonly PathAsk[]): Decision[] {
    const isNew = this.levels.advance(holder, sequence, this.#nowMs);
    return asks.map(({ path, ask }) => this.#apply(path, (before) => take(before, isNew ? ask : { ...ask, returned: [] }, this.#nowMs)));
  }

  reserve({ id, path, units, lifeMs }: ReserveRequest): Decision {
    this.#reservations.expire(this.#nowMs, EXPIRE_MAX_COUNT);
    const known = this.#reservations.find(id);
    if (known !== undefined) return known.granted;
    const decision = this.#apply(path, (before) => reserve(before, units, (...what) => this.#held(...what), this.#nowMs));
    // What an erased tenant is granted late stays taken above it, and nothing of it is kept.
    const isKept = decision.kind === 'granted' && this.levels.erased.among(path).size === 0;
    if (isKept) this.#reservations.add(id, path, decision, this.#nowMs + lifeMs);
    return decision;
  }

  settle(id: string, used: Amounts, known = this.#reservations.find(id)): boolean {
    if (known === undefined || known.isSettled) return false;
    const before = this.levels.path(known.path);
    this.levels.savePath(before, settle(before, known.granted.slice, used, this.#nowMs));
    this.#reservations.settle(id, known, used, this.#nowMs);
    return true;
  }

  /** Returns what jobs have not used of earlier grants; then grants what they ask for next, each in the order of the message. */
  fund({ settled, asked }: FundMessage): FundAnswer[] {
    this.#reservations.read(settled.map(({ id }) => id));
    for (const settlement of settled) this.#settleFunds(settlement);
    // As many as came, so that they cannot pile up.
    this.#reservations.expire(this.#nowMs, EXPIRE_MAX_COUNT * asked.length);
    this.#reservations.read(asked.flatMap(({ id, besideId }) => (besideId === null ? [id] : [id, besideId])));
    return asked.map((request) => this.#fund(request));
  }

  /** Grants what a job asks for, or as much of it as there is; asked for again under its id, the same. */
  #fund(request: FundRequest): FundAnswer {
    const { id, meter } = request;
    const counter = must(COUNTER_OF[meter], 'a job asks for what quotas count');
    const known = this.#reservations.find(id);
    if (known !== undefined) return grantOf(id, known.granted, known.granted.slice.units[counter] ?? 0);
    const ids = [request.organisationId, request.tenantId, request.projectId];
    const before = this.levels.path(ids);
    const funded = fund(before, this.#withBeside(request), editionAt(this.#nowMs), this.#nowMs);
    this.levels.savePath(before, funded.path);
    this.#raise(before[0].id, funded.alerts);
    if (funded.granted === null) {
      const { refusedTo, leftNano } = funded;
      return { kind: 'refused', id, refusedTo, ...(leftNano === undefined ? {} : { leftNano }) };
    }
    if (!this.#isErased(ids)) this.#reservations.add(id, ids, funded.granted, this.#nowMs + TENANCY_LIMITS.reservationMaxMs);
    return grantOf(id, funded.granted, funded.units);
  }

  /** Whether one of the levels of a path is erased; read once. */
  #isErased(ids: readonly LevelId[]): boolean {
    const path = ids.join(' ');
    const known = this.#erased.get(path) ?? this.levels.erased.among(ids).size > 0;
    this.#erased.set(path, known);
    return known;
  }

  /** The request with what was just granted beside it counted in. */
  #withBeside(request: FundRequest): FundRequest {
    const beside = request.besideId === null ? undefined : this.#reservations.find(request.besideId);
    const tokens = beside?.granted.slice.units.tokens ?? 0;
    return tokens === 0 ? request : { ...request, had: { ...request.had, job_tokens: (request.had.job_tokens ?? 0) + tokens } };
  }

  /** Returns what a job was granted and has not used, once. */
  #settleFunds({ id, meter, used, ...terms }: FundSettlement): boolean {
    const known = this.#reservations.find(id);
    if (known === undefined) return false;
    const paidAtMs = known.granted.slice.startsMs.minute;
    return this.settle(id, amountsOf({ [meter]: used }, editionAt(paidAtMs), terms), known);
  }

  count(
    counts: readonly { readonly tenant: TenantId; readonly units: number }[],
    resource: Held,
    isAll: boolean,
    begunAtMs: number,
  ): number {
    const erased = this.levels.erased.among(counts.map(({ tenant }) => tenant));
    for (const { tenant, units } of counts) if (!erased.has(tenant)) this.#reservations.count(tenant, resource, units, begunAtMs);
    if (isAll) this.#reservations.count(ALL, resource, 0, begunAtMs);
    return counts.length;
  }

  setRules(id: LevelId, rules: readonly QuotaRule[]): LevelView {
    this.levels.save(id, withRules(this.levels.level(id), rules, this.#nowMs));
    return this.describe(id);
  }

  replaceRule(id: LevelId, rule: QuotaRule, isWanted: boolean): LevelView {
    const others = this.levels.level(id).rules.filter((other) => placeOf(other) !== placeOf(rule));
    return this.setRules(id, isWanted ? [...others, rule] : others);
  }

  describe(id: LevelId): LevelView {
    const level = levelAt(this.levels.level(id), this.#nowMs);
    const held = level.rules.filter(({ resource }) => isHeld(resource));
    return { level, held: held.map((rule) => ({ rule, units: this.#held(id, rule.resource) ?? null })) };
  }

  erase(tenant: TenantId, below: readonly LevelId[]): number {
    this.#reservations.erase(tenant);
    this.levels.erase([tenant, ...below]);
    this.#erased.clear();
    return this.left([tenant, ...below]);
  }

  /** How much is kept of these levels. */
  left(ids: readonly LevelId[]): number {
    return this.levels.count(ids) + this.#reservations.countOf(ids);
  }

  #apply(ids: readonly LevelId[], change: (path: Path) => Taken): Decision {
    const before = this.levels.path(ids);
    const { path, decision, alerts } = change(before);
    this.levels.savePath(before, path);
    this.#raise(path[0].id, alerts);
    return decision;
  }

  #raise(organisation: LevelId, alerts: readonly QuotaNews[]): void {
    this.alerts.add(organisation, alerts, this.#nowMs);
    this.raised += alerts.length;
  }

  #held(id: LevelId, resource: Resource): number | undefined {
    const held = this.#reservations.held(id, resource);
    const knownAtMs = this.levels.level(id).rulesSetAtMs + RULE_KNOWN_MS;
    // Counted before every isolate reserved: to be counted once more.
    return held === undefined || (this.#nowMs >= knownAtMs && held.countedAtMs < knownAtMs) ? undefined : held.units;
  }
}

/** A grant is billed as of the minute that it was taken in. */
const grantOf = (id: string, { slice }: Granted, units: number): FundAnswer => ({
  kind: 'granted',
  id,
  units,
  atMs: slice.startsMs.minute,
});
