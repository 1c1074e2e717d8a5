import type { JobId, PoolId } from '../../../src/kernel/ids.ts';
import type { CohortSpec } from '../../../src/scheduler/engine/fairness/quota-tree.ts';
import type { AttemptNews, CellEvent } from '../../../src/scheduler/engine/cell/event.ts';
import type { JobSpec, ModelWeights, ResourceOption } from '../../../src/scheduler/engine/model/job-spec.ts';
import type { NodeSpec } from '../../../src/scheduler/engine/model/pool-spec.ts';
import { CellWorld, cohort, evictionPolicy, queue } from './cell-world.ts';
import { demand, jobSpec, nodeSpec, option, poolSpec } from '../fixtures/scheduler-specs.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';

const SPOT = 'pool_bbbbbbbbbb' as PoolId;
const TPUS = 'pool_cccccccccc' as PoolId;
const TEMPLATE = { accelerator: 'H100', acceleratorCount: 2, cpuMilli: 8_000, memoryMib: 32_768 };
const POOLS = [
  poolSpec(),
  poolSpec({
    id: SPOT,
    market: 'spot',
    region: 'us',
    eviction: evictionPolicy({ graceMaxMs: 2_000, protectedKinds: ['index_build'] }),
    elasticity: { nodesMin: 0, nodesMax: 3, template: TEMPLATE, provisioningMs: 60_000, idleMs: 20_000 },
  }),
  poolSpec({ id: TPUS, market: 'on_demand' }),
];
const GPU_HOUR = 3_600_000_000;
const of = (nominal: number, borrowingMax: number | null = null) => ({ nominal, borrowingMax, lendingMax: null });

/** Generates random events of every kind for a cell; the same seed gives the same events. */
export class BusyCell {
  readonly world: CellWorld;
  readonly #rng: Seeded;
  readonly #isPrepaid: boolean;
  #nodes = 0;
  #jobs = 0;

  /** `isPrepaid`: attempts ask for grants, which come late, are small, or are refused. */
  constructor(seed: number, isPrepaid = false) {
    this.#rng = new Seeded(seed);
    this.#isPrepaid = isPrepaid;
    const eviction = { preemptForFairShare: this.#chance(2), runtimeMinMs: this.#chance(3) ? 5_000 : 0 };
    const cohorts = [
      cohort('all'),
      cohort('lab', 'all'),
      queue('a', 3, { parent: 'lab', eviction }),
      queue('b', 2, { parent: 'lab', eviction, limits: { borrowingMax: 2_000 } }),
      queue('c', 1, {
        eviction,
        // In every other cell, so that what the other seeds lead to stays as it is.
        ...(seed % 2 === 0 ? { timeSlice: { roundMs: 7_000, moveMs: 500 } } : {}),
        quotas: { H100: of(1_000), TPU: of(8_000), cpu: of(40_000, 8_000) },
      }),
    ];
    this.world = new CellWorld(
      {
        cohorts,
        pools: POOLS,
        segmentMaxMs: 30_000,
        headPatienceMs: this.#chance(2) ? 0 : 5_000,
        order: this.#chance(2) ? 'fair' : 'priority',
        ...(isPrepaid ? { prepay: { leadMs: 4_000, waitMs: 8_000, answerMs: 1_000, retryMs: 3_000, retryMaxMs: 20_000 } } : {}),
        agingMs: 20_000,
        admissionsMaxCount: this.#chance(2) ? 1 : 1_000,
      },
      [],
    );
    this.world.do({
      kind: 'add_nodes',
      nodes: [this.#gpuNode(), this.#gpuNode(), this.#gpuNode(), ...[0, 1, 2, 3].map((n) => this.#tpuNode(n))],
    });
  }

  #below = (count: number): number => Math.floor(this.#rng.next() * count);
  #chance = (one: number): boolean => this.#below(one) === 0;
  #pick = <Item>(items: readonly Item[]): Item => items[this.#below(items.length)]!;

  #gpuNode(poolId = POOLS[0]!.id): NodeSpec {
    const n = (this.#nodes += 1);
    const size = { ...TEMPLATE, acceleratorCount: poolId === SPOT ? 2 : 2 + (n % 3) };
    return nodeSpec(n, { ...size, poolId, domains: { rack: `r${n % 2}` } });
  }

  #tpuNode(ordinal: number): NodeSpec {
    const n = (this.#nodes += 1);
    return nodeSpec(n, { ...TEMPLATE, acceleratorCount: 4, accelerator: 'TPU', poolId: TPUS, domains: { slice: 's0' }, ordinal });
  }

  /** The next event, with its time. */
  next(): CellEvent {
    this.world.nowMs += this.#below(5_000);
    const answer = this.#isPrepaid && !this.#chance(3) ? this.#answer() : undefined;
    if (answer !== undefined) return answer;
    const roll = this.#below(32);
    if (roll < 10) return { kind: 'submit', spec: this.spec() };
    if (roll < 20) return this.#report() ?? { kind: 'tick' };
    if (roll < 24) return this.#ofAJob() ?? { kind: 'tick' };
    if (roll < 28) return this.#ofANode();
    if (roll === 28) return { kind: 'price', row: this.#price() };
    if (roll === 29) return { kind: 'suspend', queue: 'b', isSuspended: this.#chance(2) };
    if (roll === 30) return { kind: 'provision_failed', poolId: SPOT, count: 1 };
    if (roll === 31) return this.#cohorts();
    return { kind: 'tick' };
  }

  /** Another tree: quotas and weights that change, queues that stop and move, a cohort that comes above a queue and goes again. */
  #cohorts(): CellEvent {
    const { tree } = this.world.cell;
    const change = (name: string, changes: Partial<CohortSpec>): CohortSpec => {
      const { spec } = tree.node(name);
      return {
        ...spec,
        ...changes,
        eviction: spec.eviction && { ...spec.eviction, leavingMaxCount: 5, reclaimsLowerOnly: this.#chance(3) },
      };
    };
    const isTeam = tree.find('team') !== undefined;
    const roll = this.#below(4);
    if (roll === 0) {
      const quotas = { H100: of(this.#below(5) * 1_000, this.#chance(2) ? 2_000 : null) };
      return {
        kind: 'change_cohorts',
        saved: [change(this.#pick(['a', 'c']), { quotas, weightMilli: 500 * (1 + this.#below(4)) })],
        gone: [],
      };
    }
    if (roll === 1) {
      const { stop: _, ...open } = change('b', { parent: this.#pick(['lab', 'all', ...(isTeam ? ['team'] : [])]) });
      const stop = this.#pick(['hold', 'hold_and_drain', undefined, undefined] as const);
      return { kind: 'change_cohorts', saved: [stop === undefined ? open : { ...open, stop }], gone: [] };
    }
    if (!isTeam) {
      const team = { ...cohort('team', 'lab'), quotas: this.#chance(2) ? { H100: of(1_000) } : {} };
      return { kind: 'change_cohorts', saved: [team, change('a', { parent: 'team' })], gone: [] };
    }
    const back = ['a', 'b'].filter((name) => tree.node(name).spec.parent === 'team').map((name) => change(name, { parent: 'lab' }));
    return { kind: 'change_cohorts', saved: back, gone: ['team'] };
  }

  /** The answer to an attempt that asks for a grant; or news of a payer. */
  #answer(): CellEvent | undefined {
    const { cell } = this.world;
    const [payer] = cell.payers.held;
    if (payer !== undefined && this.#chance(8)) return { kind: 'release_payer', payer };
    const asking = [...cell.jobs.placed].filter((id) => (this.world.job(id).attempt?.funds?.askedAtMs ?? null) !== null);
    if (asking.length === 0) return undefined;
    const jobId = this.#pick(asking);
    const { fence, funds } = this.world.job(jobId).attempt!;
    // Now and then the answer is to another request than the newest.
    const which = { jobId, fence, grant: funds!.askedIndex - (this.#chance(20) ? 1 : 0) };
    if (this.#chance(6)) return { kind: 'unfunded', ...which, refusedTo: this.#pick(['payer', 'payer', 'job']) };
    return { kind: 'funded', ...which, acceleratorMs: 1 + this.#below(60_000), paidAtMs: this.world.nowMs };
  }

  #price() {
    const market = this.#pick(['reserved', 'spot', 'on_demand'] as const);
    const nanoDollarsPerHour = this.#below(4) * GPU_HOUR;
    const region = market === 'spot' ? 'us' : 'eu';
    return { accelerator: market === 'on_demand' ? 'TPU' : 'H100', region, market, fromMs: this.world.nowMs, nanoDollarsPerHour };
  }

  #ofAJob(): CellEvent | undefined {
    const jobs = [...this.world.cell.jobs.all].filter(({ finishedAtMs }) => finishedAtMs === null);
    if (jobs.length === 0) return undefined;
    const { spec } = this.#pick(jobs);
    const online = jobs.filter((job) => job.spec.scaling !== null);
    if (online.length > 0 && !this.#chance(3)) {
      const load = { outstandingMilli: this.#below(4) * 10_000 + this.#below(3) * 2_000 };
      return { kind: 'load', jobId: this.#pick(online).spec.id, load };
    }
    if (this.#chance(2)) return { kind: 'scale', jobId: spec.id, nodes: this.#below(4) };
    const roll = this.#below(6);
    if (roll === 0) return { kind: 'preempt', jobId: spec.id };
    if (roll === 1) return { kind: 'reprioritise', jobId: spec.id, priority: this.#below(3) };
    if (roll < 5) return { kind: 'hold', jobId: spec.id, isHeld: this.#chance(2) };
    return { kind: 'cancel', jobId: spec.id };
  }

  #ofANode(): CellEvent {
    const known = [...this.world.cell.fleet.pools].flatMap(({ spec }) => this.world.cell.fleet.nodesOf(spec.id));
    const nodeId = known.length === 0 ? 'none' : this.world.cell.fleet.node(this.#pick(known)).spec.id;
    const roll = this.#below(6);
    if (roll === 0) return { kind: 'node_lost', nodeId };
    if (roll === 1) return { kind: 'drain', nodeId };
    if (roll === 2) return { kind: 'spot_notice', nodeId, goneAtMs: this.world.nowMs + 1_000 };
    return {
      kind: 'add_nodes',
      nodes: [this.#chance(4) ? this.#tpuNode(4 + this.#nodes) : this.#gpuNode(this.#chance(3) ? SPOT : undefined)],
    };
  }

  #report(): CellEvent | undefined {
    const placed = [...this.world.cell.jobs.placed];
    if (placed.length === 0) return undefined;
    const jobId = this.#pick(placed);
    return { kind: 'report', jobId, fence: this.world.job(jobId).fence - (this.#chance(20) ? 1 : 0), news: this.#news(jobId) };
  }

  #news(jobId: JobId): AttemptNews {
    const { attempt, spec } = this.world.job(jobId);
    if (attempt!.leaving !== null) return { kind: this.#pick(['released', 'released', 'completed'] as const) };
    if (attempt!.shedding.length > 0) return { kind: 'shed' };
    const roll = this.#below(14);
    if (roll > 11) return { kind: 'progress', workMilli: 1_000 + this.#below(9_000), overMs: 60_000 };
    if (this.#isPrepaid && this.#chance(10)) return { kind: 'unpaid' };
    if (roll === 0) return { kind: 'failed', isPermanent: this.#chance(2) };
    const nodeId = this.world.cell.fleet.node(attempt!.placement.slots[0]!.node).spec.id;
    if (roll === 1) return { kind: 'rejected', nodeId };
    if (roll === 2 && spec.kind === 'online_inference') return { kind: 'replica_lost', nodeId, isCounted: this.#chance(2) };
    return { kind: this.#pick(['running', 'running', 'saved', 'completed', 'released'] as const) };
  }

  spec(): JobSpec {
    const n = (this.#jobs += 1);
    const isOnline = this.#chance(4);
    const options = this.#chance(3) ? [this.#option(isOnline), this.#option(isOnline)] : [this.#option(isOnline)];
    const spec = jobSpec(n, {
      queue: this.#pick(['a', 'b', 'c']),
      kind: isOnline ? 'online_inference' : this.#pick(['training', 'training', 'index_build']),
      priority: this.#below(3),
      preemptible: !this.#chance(6),
      options,
      weights: isOnline || this.#chance(3) ? this.#weights(Math.min(...options.map(({ perNode }) => perNode.memoryMib))) : null,
      checkpoint: { intervalMs: 10_000, graceMs: this.#below(2) * 4_000, restartMs: 1_000 },
      limits: {
        deadlineAtMs: this.#chance(5) ? this.world.nowMs + 20_000 : null,
        durationMaxMs: this.#chance(2) ? 15_000 : null,
        costMaxNanoDollars: this.#chance(6) ? 20_000_000 : null,
        priceMaxNanoDollarsPerHour: this.#chance(6) ? 2 * GPU_HOUR : null,
      },
      retry: { attemptsMax: 2 },
      dependsOn: n > 1 && this.#chance(8) ? [jobSpec(n - 1).id] : [],
      dataRegions: this.#chance(4) ? ['us'] : [],
      scaling: isOnline ? { outstandingPerNodeMilli: 10_000, nodesMin: 0, nodesMax: 4, cooldownMs: 10_000 } : null,
    });
    return n % 9 === 0 && !isOnline ? this.#stated(spec) : spec;
  }

  /** Of jobs with two options, one would be late by the slower. */
  #stated(spec: JobSpec): JobSpec {
    const [first, ...others] = spec.options;
    if (first === undefined || others.length === 0) return spec;
    return {
      ...spec,
      workMs: 10_000,
      options: [{ ...first, throughputHintMilli: 400 }, ...others],
      limits: { ...spec.limits, deadlineAtMs: this.world.nowMs + 20_000 },
    };
  }

  #weights(memoryMib: number): ModelWeights {
    return { model: `m${memoryMib}-${this.#below(3)}`, memoryMib, loadMs: 1_000 + memoryMib };
  }

  #option(isOnline: boolean): ResourceOption {
    const roll = this.#below(10);
    const nodes = { min: 1, max: 1, step: 1 };
    if (roll === 0) return option(0, { accelerator: null, perNode: demand(0, { cpuMilli: 1_000 + 4_000 * this.#below(3) }), nodes });
    if (roll === 1) {
      const topology = { level: 'slice', mode: 'required', block: true } as const;
      return option(4, { accelerator: 'TPU', nodes: { min: 2, max: 2, step: 1 }, topology });
    }
    const size = 1 + this.#below(3);
    const gang = 1 + this.#below(2);
    const more = isOnline || this.#chance(3) ? 2 : 0;
    const large = demand(size, { cpuMilli: this.#chance(5) ? 6_000 : 1_000, memoryMib: this.#pick([1_024, 8_000, 12_000, 24_000]) });
    return option(size, {
      perNode: this.#chance(6) ? demand(1, { milliEach: 500 }) : large,
      nodes: { min: gang, max: gang + more, step: 1 },
      markets: this.#chance(8) ? ['on_demand'] : this.#chance(2) ? ['reserved'] : ['reserved', 'spot'],
      topology: this.#chance(4) ? { level: 'rack', mode: this.#chance(2) ? 'required' : 'preferred', block: false } : null,
    });
  }
}
