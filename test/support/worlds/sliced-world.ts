import { setImmediate } from 'node:timers/promises';

import { TimedWakeUps } from '../../../src/kernel/wake-ups.ts';
import type { QuotaRule } from '../../../src/contract/tenancy/quota-rule.ts';
import type { TenantPrincipal } from '../../../src/contract/api/principal.ts';
import type { UsageEvent } from '../../../src/contract/api/meter.ts';
import { expect } from 'vitest';

import type { HoldingsParts } from '../../../src/gateway/tenancy/quotas/holdings.ts';
import { Holdings } from '../../../src/gateway/tenancy/quotas/holdings.ts';
import { SlicedBudget } from '../../../src/gateway/tenancy/quotas/sliced-budget.ts';
import type { QuotaLedger } from '../../../src/gateway/tenancy/quota-ledger.ts';
import type { Amounts, CounterKey } from '../../../src/tenancy/quota/amounts.ts';
import { amountsOf } from '../../../src/tenancy/quota/amounts.ts';
import type { Decision, PathAsk } from '../../../src/tenancy/quota/decision.ts';
import type { LevelId } from '../../../src/tenancy/quota/quota-level.ts';
import { counterOf } from '../../../src/tenancy/quota/quota-level.ts';
import { isWithinLimits } from '../../../src/tenancy/quota/take.ts';
import { windowStartMs } from '../../../src/tenancy/quota/window.ts';
import { editionAt } from '../../../src/tenancy/usage/price-book.ts';
import { UsageBuffer } from '../../../src/tenancy/usage/usage-buffer.ts';
import { MemoryQuota } from '../fakes/memory-quota.ts';
import type { Seeded } from '../../../src/kernel/seeded.ts';
import { ManualClock } from '../fakes/tenancy.ts';

export interface Faults {
  /** Chance that a message is lost, and that an answer is. */
  readonly lost: number;
  readonly repeated: number;
  readonly crashed: number;
  /** Isolates' clocks are up to this far ahead. */
  readonly skewMs: number;
  /** Whether the object's clock sometimes steps back. */
  readonly steps: boolean;
}

export const CALM: Faults = { lost: 0, repeated: 0, crashed: 0, skewMs: 0, steps: false };

interface Isolate {
  readonly budget: SlicedBudget;
  readonly usage: UsageBuffer;
  isAlive: boolean;
}

interface Message {
  readonly deliver: () => void;
}

/**
 * Several isolates over one quota object: messages arrive in any order, are lost or come twice, isolates crash, and clocks disagree. The
 * world counts what is consumed itself, in windows of true time.
 */
export class SlicedWorld {
  readonly clock = new ManualClock(Date.UTC(2026, 10, 30, 23, 57, 1));
  readonly random: Seeded;
  readonly faults: Faults;
  readonly quota: MemoryQuota;
  readonly isolates: Isolate[];
  readonly seen = { lost: 0, repeated: 0, crashed: 0, ignored: 0, credited: 0, overtaken: 0, served: 0, refused: 0, steps: 0 };
  /** By level, counter and window: the units drawn and used, at the true time of the draw. */
  readonly used = new Map<string, number>();
  readonly billed: UsageEvent[] = [];
  /** By tenant, counter and minute: the units granted as slices. */
  readonly granted = new Map<string, number>();
  messages = 0;
  isReachable = true;
  #objectStepMs = 0;
  #made = 0;
  #wire: Message[] = [];
  /** Checks of requests that wait for others; every step runs them, however little time has passed. */
  #looks: (() => void)[] = [];

  constructor(random: Seeded, isolateCount: number, faults: Faults) {
    this.random = random;
    this.faults = faults;
    this.quota = new MemoryQuota(() => this.clock.ms + this.#objectStepMs);
    this.isolates = Array.from({ length: isolateCount }, () => this.#newIsolate());
  }

  chance(probability: number): boolean {
    return this.random.next() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.random.next() * items.length)]!;
  }

  /** A call of one request and `tokens` reserved tokens, of which it uses some. */
  async call(isolate: Isolate, principal: TenantPrincipal, tokens = 10): Promise<string> {
    const reserved = await isolate.budget.reserve(principal, { requests: 1 });
    if (!reserved.ok) return this.#count(reserved.error.code);
    const drawnAtMs = [this.clock.ms];
    const extended = await reserved.value.extend({ embedding_tokens: tokens });
    drawnAtMs.push(this.clock.ms);
    const quantity = extended.ok ? Math.ceil(this.random.next() * tokens) : 0;
    const path = [principal.organisationId, principal.tenantId, principal.projectId, principal.keyId];
    const edition = editionAt(this.clock.ms);
    this.#use(path, amountsOf({ requests: 1 }, edition), drawnAtMs[0]!);
    this.#use(path, amountsOf({ embedding_tokens: quantity }, edition), drawnAtMs[1]!);
    reserved.value.settle({ requests: 1, embedding_tokens: quantity }, { route: '/v1/embeddings' });
    return this.#count(extended.ok ? 'served' : extended.error.code);
  }

  crash(position: number): void {
    this.isolates[position]!.isAlive = false;
    this.isolates[position] = this.#newIsolate();
    this.seen.crashed += 1;
  }

  /** Sends the isolates' recorded usage to the ledger, once. */
  bill(): void {
    for (const { usage } of this.isolates) {
      for (const batch of usage.batches()) {
        this.billed.push(...batch.events);
        usage.acknowledge(batch);
      }
    }
  }

  /** Runs the checks of waiting requests, then delivers one of the messages under way. */
  async deliver(): Promise<void> {
    this.#look();
    if (this.#wire.length === 0) return setImmediate();
    const position = Math.floor(this.random.next() * Math.min(4, this.#wire.length));
    if (position > 0) this.seen.overtaken += 1;
    this.#wire.splice(position, 1)[0]!.deliver();
    await setImmediate();
  }

  /** Delivers until no message is under way. */
  async settle(): Promise<void> {
    await setImmediate();
    while (this.#wire.length > 0 || this.#looks.length > 0) await this.deliver();
  }

  stepObjectClock(ms: number): void {
    this.#objectStepMs = ms;
    this.seen.steps += 1;
  }

  /** The levels and windows in which more was used than a rule allows. */
  overshoots(): string[] {
    return [...this.quota.levels].flatMap(([id, { rules }]) =>
      rules.flatMap((rule) => {
        if (rule.kind === 'soft' || rule.window === 'held' || rule.burst !== null) return [];
        const prefix = `${id} ${counterOf(rule)} ${rule.window} `;
        return [...this.used].flatMap(([key, units]) =>
          key.startsWith(prefix) && units > rule.limit ? [`${key}: ${units} of ${rule.limit}`] : [],
        );
      }),
    );
  }

  #later(run: () => void): () => void {
    this.#looks.push(run);
    return () => (this.#looks = this.#looks.filter((other) => other !== run));
  }

  #look(): void {
    const looks = this.#looks;
    this.#looks = [];
    for (const look of looks) look();
  }

  #count(code: string): string {
    this.seen[code === 'served' ? 'served' : 'refused'] += 1;
    return code;
  }

  #use(path: readonly LevelId[], amounts: Amounts, atMs: number): void {
    for (const id of path) {
      for (const window of ['second', 'minute', 'hour', 'day', 'month'] as const) {
        for (const [counter, units] of Object.entries(amounts) as [CounterKey, number][]) {
          const key = `${id} ${counter} ${window} ${windowStartMs(window, atMs)}`;
          this.used.set(key, (this.used.get(key) ?? 0) + units);
        }
      }
    }
  }

  #newIsolate(): Isolate {
    const isolateId = `isolate-${(this.#made += 1)}`;
    const skewMs = Math.floor(this.random.next() * this.faults.skewMs);
    const clock = { nowMs: () => this.clock.ms + skewMs };
    const usage = new UsageBuffer(isolateId, () => undefined);
    const isolate: Isolate = {
      isAlive: true,
      usage,
      budget: new SlicedBudget({
        ledgers: () => ({ take: (...message) => this.#send(isolate, ...message) }) as QuotaLedger,
        usage,
        clock,
        isolateId,
        newId: () => expect.unreachable('no vectors are written here'),
        holdings: new Holdings({} as HoldingsParts),
        wakeUps: new TimedWakeUps({ after: (_, run) => this.#later(run) }, { firstMs: 5, lastMs: 50 }, () => undefined),
        onUsage: () => undefined,
        background: (work) => void work,
      }),
    };
    return isolate;
  }

  #send(from: Isolate, holder: string, sequence: number, asks: readonly PathAsk[]): Promise<readonly Decision[]> {
    this.messages += 1;
    return new Promise((resolve, reject) => {
      const lose = (): void => {
        this.seen.lost += 1;
        this.#wire.push({ deliver: () => reject(new Error('no answer')) });
      };
      const arrive = (isFirst: boolean) => (): void => {
        const decisions = this.#serve(holder, sequence, asks);
        if (!isFirst) return;
        if (this.chance(this.faults.lost / 2)) lose();
        // A dead isolate gets no answer; what it was granted stays spent.
        else this.#wire.push({ deliver: () => from.isAlive && resolve(decisions) });
      };
      if (!this.isReachable) return reject(new Error('unreachable'));
      if (this.chance(this.faults.lost / 2)) return lose();
      this.#wire.push({ deliver: arrive(true) });
      if (this.chance(this.faults.repeated)) {
        this.seen.repeated += 1;
        this.#wire.push({ deliver: arrive(false) });
      }
    });
  }

  #noteGrant(path: readonly LevelId[], decision: Decision): void {
    if (decision.kind === 'refused') return;
    const { units, startsMs } = decision.slice;
    for (const [counter, count] of Object.entries(units)) {
      const key = `${path[1]} ${counter} ${startsMs.minute}`;
      this.granted.set(key, (this.granted.get(key) ?? 0) + (count ?? 0));
    }
  }

  #serve(holder: string, sequence: number, asks: readonly PathAsk[]): readonly Decision[] {
    const { decisions, isNew } = this.quota.take(holder, sequence, asks);
    if (asks.some(({ ask }) => ask.returned.length > 0)) this.seen[isNew ? 'credited' : 'ignored'] += 1;
    asks.forEach(({ path }, position) => this.#noteGrant(path, decisions[position]!));
    for (const [id, level] of this.quota.levels)
      if (!isWithinLimits(level)) throw new Error(`more is granted at ${id} than its rules allow`);
    return decisions;
  }
}

/** Random rules for every level of one organisation, so that any of them may bind. */
export function randomRules(random: Seeded): QuotaRule[] {
  const upTo = (max: number): number => Math.floor(random.next() * max);
  const all: QuotaRule[] = [];
  const add = (resource: QuotaRule['resource'], window: QuotaRule['window'], limit: number, burst: number | null = null): void => {
    if (random.next() < 0.2) all.push({ resource, window, limit, kind: 'hard', burst, accelerator: null });
  };
  add('requests', 'second', 3 + upTo(20));
  add('requests', 'minute', 20 + upTo(200));
  add('requests', 'hour', 100 + upTo(800));
  add('requests', 'day', 200 + upTo(2_000));
  add('tokens', 'minute', 200 + upTo(2_000));
  add('tokens', 'month', 4_000 + upTo(20_000));
  add('spend_nano', 'day', 20_000 + upTo(400_000));
  add('tokens', 'second', 50 + upTo(100), 20 + upTo(60));
  return all;
}
