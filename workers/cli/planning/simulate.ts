import { FanOut } from '../../../src/index/fan-out/fan-out.ts';
import type { Leaf } from '../../../src/index/fan-out/fan-out.ts';
import type { Assumed } from '../../../src/capacity/assumptions.ts';
import type { IndexPlan } from '../../../src/capacity/index-plan.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { ok } from '../../../src/kernel/result.ts';
import { Chance } from '../sim/chance.ts';
import { SimulatedTime } from './simulated-time.ts';

export interface Scenario {
  readonly plan: IndexPlan;
  readonly assumed: Assumed;
  readonly qps: number;
  readonly queries: number;
  readonly deadlineMs: number;
  /** Whether each shard has a replica that a slow call is made to again. */
  readonly isHedged: boolean;
  /** One shard, the most popular, is so many times slower; Infinity: it never answers. */
  readonly slowFactor?: number;
  readonly seed: number;
}

export interface SimulatedQueries {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  /** Share of the queries that were answered without some shard. */
  readonly partialShare: number;
  readonly coldShare: number;
  readonly callsPerQuery: number;
  readonly hedgedShare: number;
}

/** Shards and their replicas as queues: one call at a time, out of memory when not called for long. */
class Shards {
  calls = 0;
  coldCalls = 0;
  readonly #scenario: Scenario;
  readonly #time: SimulatedTime;
  readonly #chance: Chance;
  readonly #busyUntilMs: Float64Array;
  readonly #calledMs: Float64Array;

  constructor(scenario: Scenario, time: SimulatedTime, chance: Chance) {
    this.#scenario = scenario;
    this.#time = time;
    this.#chance = chance;
    const instances = scenario.plan.shards * 2;
    this.#busyUntilMs = new Float64Array(instances);
    // As if it had gone on for ever: the last call was as long ago as calls are apart.
    const gapMs = (1000 * scenario.plan.shards) / (scenario.qps * scenario.plan.probes);
    this.#calledMs = Float64Array.from({ length: instances }, () => -chance.exponential(gapMs));
  }

  /** One call: there, in turn, and back. */
  ask(shard: number, isSpare: boolean): Promise<Outcome<null>> {
    const { assumed: a, slowFactor = 1 } = this.#scenario;
    const slowness = shard === 0 && !isSpare ? slowFactor : 1;
    this.calls += 1;
    if (slowness === Infinity) return new Promise(() => undefined);
    const hopMs = this.#chance.logNormal(a.hopMs, a.hopSpread);
    const hiccupMs = this.#chance.next() < a.slowCallShare ? a.slowCallMs + this.#chance.exponential(a.slowCallMs) : 0;
    return new Promise((resolve) => {
      this.#time.after(hopMs / 2 + hiccupMs, () => {
        const servedMs = this.#serve(2 * shard + Number(isSpare), slowness);
        this.#time.after(servedMs + hopMs / 2, () => resolve(ok(null)));
      });
    });
  }

  /** From when the call comes to when it is answered. */
  #serve(instance: number, slowness: number): number {
    const { plan, assumed: a } = this.#scenario;
    const cameMs = this.#time.nowMs();
    const isCold = cameMs - (this.#calledMs[instance] ?? 0) > a.idleUntilColdS * 1000 || this.#chance.next() < this.#restartShare();
    this.coldCalls += Number(isCold);
    const loadMs = isCold ? this.#chance.logNormal(a.coldStartMs, a.coldStartSpread) + a.coldPagesMs : 0;
    const begunMs = Math.max(cameMs + loadMs, this.#busyUntilMs[instance] ?? 0);
    const doneMs = begunMs + plan.leafMs * slowness * this.#chance.logNormal(1, 0.2);
    this.#busyUntilMs[instance] = doneMs;
    this.#calledMs[instance] = doneMs;
    return doneMs - cameMs;
  }

  #restartShare(): number {
    const { plan, qps, assumed } = this.#scenario;
    return Math.min(1, (assumed.restartsPerHour / 3600) * (plan.shards / (qps * plan.probes)));
  }
}

/** Queries of an index, asked through the very fan-out that gateways use, over shards that answer as the assumptions say. */
export async function simulate(scenario: Scenario): Promise<SimulatedQueries> {
  const { plan, assumed: a, qps, queries, deadlineMs, isHedged, seed } = scenario;
  const [time, chance] = [new SimulatedTime(), new Chance(seed)];
  const shards = new Shards(scenario, time, chance);
  const fanOut = new FanOut(time, time);
  const chooseRegion = zipf(plan.shards, a.popularitySkew, chance);
  const tookMs: number[] = [];
  let partial = 0;

  const query = async (): Promise<void> => {
    const begunMs = time.nowMs();
    const nearest = chooseRegion();
    const leaves = Array.from({ length: plan.probes }, (_, i): Leaf<null> => {
      const shard = (nearest + i) % plan.shards;
      return {
        shard,
        ask: () => shards.ask(shard, false),
        ...(isHedged ? { askSpare: () => shards.ask(shard, true) } : {}),
      };
    });
    // What the gateway itself takes, ranking shards and calling one after the other.
    const ownMs = a.gatewayCpuMs + plan.routing.rankingMs + (plan.probes * a.callCpuUs) / 1000;
    const gathered = await fanOut.gather(leaves, begunMs + deadlineMs - ownMs);
    partial += Number(!gathered.ok || gathered.value.missing.length > 0);
    tookMs.push(time.nowMs() - begunMs + ownMs);
  };
  const arrive = (left: number): void => {
    if (left === 0) return;
    void query();
    time.after(chance.exponential(1000 / qps), () => arrive(left - 1));
  };
  time.after(0, () => arrive(queries));
  await time.run();

  const sorted = tookMs.toSorted((x, y) => x - y);
  const quantile = (share: number): number => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return {
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    p999Ms: quantile(0.999),
    partialShare: partial / queries,
    coldShare: shards.coldCalls / shards.calls,
    callsPerQuery: shards.calls / queries,
    hedgedShare: fanOut.counts.hedges / shards.calls,
  };
}

/** Draws regions by a Zipf law: the first is the most popular. */
function zipf(count: number, skew: number, chance: Chance): () => number {
  const sums = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank += 1) sums[rank] = sum += (rank + 1) ** -skew;
  return () => {
    const wanted = chance.next() * sum;
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] ?? 0) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}
