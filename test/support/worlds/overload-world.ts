import { ReadQueue } from '../../../src/ann/read-queue.ts';
import { API_LIMITS } from '../../../src/contract/api/api-limits.ts';
import { WorkGate } from '../../../src/gateway/api/work-gate.ts';
import { returnedInMs } from '../../../src/index/fan-out/shard-reads.ts';
import { LastWords } from '../../../src/index/fan-out/last-words.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { REFUSALS } from '../../../src/gateway/api/refusals.ts';
import { RefusalPace } from '../../../src/kernel/refusal-pace.ts';
import { ok } from '../../../src/kernel/result.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import type { Timer } from '../../../src/kernel/timer.ts';
import { ObjectThread } from './object-thread.ts';
import { VirtualTime } from './virtual-time.ts';

/** What each part of a call takes of its thread, in milliseconds: measured on a search of 5,183 texts. */
export interface Costs {
  readonly frontMs: number;
  readonly lookMs: number;
  readonly bodyMs: number;
  readonly readMs: number;
  readonly replyMs: number;
}

export const SEARCH: Costs = { frontMs: 0.2, lookMs: 0.02, bodyMs: 0.15, readMs: 0.25, replyMs: 0.1 };

export interface Crowd {
  readonly owner: string;
  readonly connections: number;
  /** Calls begun in a second over all connections; absent: each as soon as its connection is free. */
  readonly perS?: number;
  readonly budgetMs?: number;
  /** Whether it comes back when it is asked to, or at once. */
  readonly isPolite: boolean;
  readonly fromMs?: number;
  readonly untilMs: number;
}

export interface CrowdResult {
  readonly latenciesMs: number[];
  /** Answers in each second since the start. */
  readonly perSecond: number[];
  refused: number;
  late: number;
}

/**
 * A gateway and a shard that share a thread, as on one machine, or have one each, as in production: the real gate, queue, pace of refusals and last words, around
 * work that is only time. The clock stands still inside an event.
 */
export class OverloadWorld {
  readonly time = new VirtualTime();
  readonly #gateway = new ObjectThread(this.time);
  readonly #shard: ObjectThread;
  readonly #costs: Costs;
  readonly #random: Seeded;
  readonly #gate: WorkGate;
  readonly #pace: RefusalPace;
  /** The shard of each owner. */
  readonly #queues = new Map<string, ReadQueue>();
  readonly #words = new LastWords();
  readonly #timer: Timer;

  constructor({
    costs = SEARCH,
    areApart = false,
    seed = 1,
  }: {
    readonly costs?: Costs;
    readonly areApart?: boolean;
    readonly seed?: number;
  }) {
    this.#costs = costs;
    this.#shard = areApart ? new ObjectThread(this.time) : this.#gateway;
    this.#random = new Seeded(seed);
    this.#timer = {
      after: (delayMs, run) =>
        this.time.after(delayMs, () => {
          void this.#gateway.deliver(async () => {
            void this.#gateway.use(costs.lookMs);
            run();
          });
        }),
    };
    this.#gate = new WorkGate(this.time, this.#timer);
    this.#pace = new RefusalPace(REFUSALS, () => this.#random.next());
  }

  async run(crowds: readonly Crowd[]): Promise<CrowdResult[]> {
    const startMs = this.time.nowMs();
    const results = crowds.map((): CrowdResult => ({ latenciesMs: [], perSecond: [], refused: 0, late: 0 }));
    const running = crowds.flatMap((crowd, at) =>
      Array.from({ length: crowd.connections }, (_, n) => this.#drive(crowd, n, results[at]!, startMs)),
    );
    await this.time.run(Promise.all(running));
    return results;
  }

  async #drive(crowd: Crowd, n: number, result: CrowdResult, startMs: number): Promise<void> {
    const { connections, perS = Infinity, fromMs = 0, untilMs, isPolite, budgetMs = API_LIMITS.queryDeadlineMaxMs } = crowd;
    const gapMs = (connections * 1_000) / perS;
    let nextMs = startMs + fromMs + (perS === Infinity ? 0 : (gapMs * n) / connections);
    for (;;) {
      await this.time.sleep(Math.max(0, nextMs - this.time.nowMs()));
      const sentMs = this.time.nowMs();
      if (sentMs >= startMs + untilMs) return;
      const answer = await this.#call(crowd.owner, budgetMs);
      const nowMs = this.time.nowMs();
      if (answer.ok) {
        result.latenciesMs.push(nowMs - sentMs);
        if (nowMs - sentMs > budgetMs) result.late += 1;
        const second = Math.floor((nowMs - startMs) / 1_000);
        result.perSecond[second] = (result.perSecond[second] ?? 0) + 1;
      } else result.refused += 1;
      const pauseMs = answer.ok || !isPolite ? 0 : (answer.error.retryAfterMs ?? 0);
      nextMs = Math.max(nextMs + gapMs, nowMs + pauseMs);
    }
  }

  async #call(owner: string, budgetMs: number): Promise<Outcome<null>> {
    const answered = await this.#gateway.deliver(async () => {
      const cameMs = this.time.nowMs();
      void this.#gateway.use(this.#costs.frontMs);
      return this.#served(owner, budgetMs, cameMs);
    });
    if (answered.ok) {
      this.#pace.served();
      return answered;
    }
    const { holdMs, retryAfterMs = 0 } = this.#pace.next(owner, answered.error.retryAfterMs, this.time.nowMs());
    if (holdMs > 0) await new Promise<void>((resolve) => void this.#timer.after(holdMs, resolve));
    await this.#gateway.deliver(() => this.#gateway.use(this.#costs.replyMs));
    return { ok: false, error: { ...answered.error, retryAfterMs } };
  }

  async #served(owner: string, budgetMs: number, cameMs: number): Promise<Outcome<null>> {
    const passed = await this.#gate.pass(owner, budgetMs);
    if (!passed.ok) return passed;
    let isServed = false;
    try {
      const leftMs = returnedInMs(budgetMs - (this.time.nowMs() - cameMs));
      const refused = this.#words.refusal(owner, leftMs, this.time.nowMs());
      if (refused !== undefined) return refused;
      await this.#gateway.deliver(() => this.#gateway.use(this.#costs.bodyMs));
      const read = await this.#shard.deliver(() => this.#read(owner, leftMs));
      this.#words.note(owner, leftMs, read, this.time.nowMs());
      if (read.ok) await this.#gateway.deliver(() => this.#gateway.use(this.#costs.replyMs));
      isServed = read.ok;
      return read;
    } finally {
      passed.value(isServed);
    }
  }

  #read(owner: string, budgetMs: number): Promise<Outcome<null>> {
    const { readMs } = this.#costs;
    const queue = this.#queues.get(owner) ?? new ReadQueue({ clock: this.time, turn: () => this.#shard.turn() });
    this.#queues.set(owner, queue);
    return queue.read({ budgetMs, estimateMs: () => readMs }, async () => {
      await this.#shard.use(readMs);
      return ok(null);
    });
  }
}
