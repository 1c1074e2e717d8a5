import type { JobId, PoolId } from '../../../src/kernel/ids.ts';
import { Cell } from '../../../src/scheduler/engine/cell/cell.ts';
import type { CellDecision } from '../../../src/scheduler/engine/cell/records.ts';
import type { AttemptNews, CellEvent } from '../../../src/scheduler/engine/cell/event.ts';
import { step } from '../../../src/scheduler/engine/machine/step.ts';
import { LeastWaste } from '../../../src/scheduler/engine/placement/least-waste.ts';
import { TightestFit } from '../../../src/scheduler/engine/placement/tightest-fit.ts';
import { Agenda } from '../../../src/scheduler/simulator/load/replay-jobs.ts';
import { cellSettings, cohort, queue } from './cell-world.ts';
import { ACCELERATORS, demand, jobSpec, nodeSpec, option, poolSpec } from '../fixtures/scheduler-specs.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const SAVE_MS = 30 * MINUTE_MS;
const RESTART_MS = 3 * MINUTE_MS;

/** On-demand dollars for an hour of one accelerator. The spot price varies hourly between a quarter and three quarters of that. */
const TYPES = { H100: 4, A100: 2, TPU: 0.9 } as const;
type TypeName = keyof typeof TYPES;
const NAMES = Object.keys(TYPES) as TypeName[];
const NODES_A_POOL = 5;

/**
 * `work`: what the engine does, with hints that are wrong by up to a quarter until it learns better ones. `cheapest`: the lowest dollars
 * an hour that have room. `best_fit`: the fastest type with room, on its cheapest market. Both of these choose the fullest node.
 */
export type DayPolicy = 'work' | 'cheapest' | 'best_fit';

export interface DayResult {
  readonly dollars: number;
  readonly deadlinesMet: number;
  readonly jobs: number;
  readonly interruptions: number;
  readonly saves: number;
}

/** A kind of job: nodes' worth of accelerators, hours on H100, and its speed on each type relative to H100. */
interface Family {
  readonly count: number;
  readonly hours: number;
  readonly speed: Readonly<Record<TypeName, number>>;
  readonly hint: Readonly<Record<TypeName, number>>;
}

interface Work {
  readonly family: Family;
  leftHours: number;
  run: { readonly fence: number; readonly speed: number; beganMs: number } | null;
}

type Happening =
  | { readonly kind: 'event'; readonly event: CellEvent }
  | { readonly kind: 'arrive'; readonly family: Family; readonly hours: number }
  | { readonly kind: 'save' | 'complete'; readonly jobId: JobId; readonly fence: number };

/** A day of 160 jobs on three accelerator types, on demand and on spot nodes that are taken away and return. The same for the same seed. */
export function pricedDay(seed: number, policy: DayPolicy): DayResult {
  return new Day(seed, policy).run();
}

class Day {
  readonly #random: Seeded;
  readonly #policy: DayPolicy;
  readonly #agenda = new Agenda<Happening>();
  readonly #cell: Cell;
  readonly #works = new Map<JobId, Work>();
  #nanoDollars = 0;
  #met = 0;
  #interruptions = 0;
  #saves = 0;
  #jobs = 0;

  constructor(seed: number, policy: DayPolicy) {
    this.#random = new Seeded(seed);
    this.#policy = policy;
    const pools = NAMES.flatMap((name) => (['on_demand', 'spot'] as const).map((market) => poolSpec({ id: poolId(name, market), market })));
    const quotas = Object.fromEntries(NAMES.map((name) => [name, { nominal: 1_000_000, borrowingMax: null, lendingMax: null }]));
    this.#cell = new Cell(
      cellSettings({
        accelerators: new Map([...ACCELERATORS].map(([name, type]) => [name, { ...type, sharing: 'fractional' as const }])),
        pools,
        cohorts: [cohort('all'), queue('a', 0, { quotas })],
        placer: (cluster, mix) => (policy === 'work' ? new LeastWaste(cluster, mix) : new TightestFit(cluster)),
      }),
    );
    this.#addNodes();
    this.#addPrices();
    this.#addJobs();
  }

  run(): DayResult {
    for (let next = this.#agenda.next(); next !== undefined; next = this.#agenda.next()) this.#happen(next.item, next.atMs);
    return {
      dollars: this.#nanoDollars / 1e9,
      deadlinesMet: this.#met,
      jobs: this.#jobs,
      interruptions: this.#interruptions,
      saves: this.#saves,
    };
  }

  #addNodes(): void {
    const nodes = NAMES.flatMap((name) =>
      (['on_demand', 'spot'] as const).flatMap((market) =>
        Array.from({ length: NODES_A_POOL }, (_, n) =>
          nodeSpec(n, { id: `${name}-${market}-${n}`, poolId: poolId(name, market), accelerator: name }),
        ),
      ),
    );
    this.#agenda.add(0, { kind: 'event', event: { kind: 'add_nodes', nodes } });
  }

  /** Adds spot prices and spot interruptions: two minutes' notice, more often when spot is expensive; nodes return after 20 minutes. */
  #addPrices(): void {
    for (const accelerator of NAMES) {
      const row = (market: 'spot' | 'on_demand', part: number, atMs: number): CellEvent => ({
        kind: 'price',
        row: { accelerator, region: 'eu', market, fromMs: atMs, nanoDollarsPerHour: Math.round(TYPES[accelerator] * part * 1e9) },
      });
      this.#agenda.add(0, { kind: 'event', event: row('on_demand', 1, 0) });
      let part = 0.4;
      for (let hour = 0; hour < 72; hour++) {
        part = Math.min(0.75, Math.max(0.25, part + 0.2 * (this.#random.next() - 0.5)));
        this.#agenda.add(hour * HOUR_MS, { kind: 'event', event: row('spot', part, hour * HOUR_MS) });
        for (let n = 0; n < NODES_A_POOL; n++) {
          if (this.#random.next() >= 0.02 + (part > 0.5 ? 0.08 : 0)) continue;
          const nodeId = `${accelerator}-spot-${n}`;
          const atMs = (hour + 0.6 * this.#random.next()) * HOUR_MS;
          const goneAtMs = Math.floor(atMs) + 2 * MINUTE_MS;
          const node = nodeSpec(n, { id: nodeId, poolId: poolId(accelerator, 'spot'), accelerator });
          this.#agenda.add(goneAtMs - 2 * MINUTE_MS, { kind: 'event', event: { kind: 'spot_notice', nodeId, goneAtMs } });
          this.#agenda.add(goneAtMs, { kind: 'event', event: { kind: 'node_lost', nodeId } });
          this.#agenda.add(goneAtMs + 20 * MINUTE_MS, { kind: 'event', event: { kind: 'add_nodes', nodes: [node] } });
        }
      }
    }
  }

  #addJobs(): void {
    const between = (low: number, high: number): number => low + (high - low) * this.#random.next();
    const families = Array.from({ length: 8 }, (): Family => {
      const speed = { H100: 1, A100: between(0.25, 0.9), TPU: between(0.08, 0.6) };
      const hint = { H100: between(0.75, 1.25), A100: speed.A100 * between(0.75, 1.25), TPU: speed.TPU * between(0.75, 1.25) };
      return { count: [1, 1, 2, 2, 4, 8][Math.floor(6 * this.#random.next())]!, hours: 0.5 * 10 ** this.#random.next(), speed, hint };
    });
    for (let n = 0; n < 160; n++) {
      const family = families[Math.floor(families.length * this.#random.next())]!;
      const hours = family.hours * between(0.6, 1.6);
      this.#agenda.add(Math.floor(between(0, 20) * HOUR_MS), { kind: 'arrive', family, hours });
    }
  }

  #happen(item: Happening, atMs: number): void {
    if (item.kind === 'event') this.#step(item.event, atMs);
    else if (item.kind === 'arrive') this.#arrive(item.family, item.hours, atMs);
    else if (this.#works.get(item.jobId)?.run?.fence === item.fence) this.#report(item.kind, item.jobId, item.fence, atMs);
  }

  /** A job's options are the types on which it can meet its deadline with time to spare, the fastest first. */
  #arrive(family: Family, hours: number, atMs: number): void {
    const allowedHours = 8 + 5 * hours;
    const types = NAMES.filter((name) => hours / family.speed[name] < allowedHours / 2);
    const hint = (name: TypeName): number =>
      this.#policy === 'work' ? family.hint[name] : this.#policy === 'cheapest' ? 1 : { H100: 1_000, A100: 10, TPU: 0.1 }[name];
    const spec = jobSpec((this.#jobs += 1), {
      options: types.map((accelerator) =>
        option(family.count, {
          accelerator,
          perNode: demand(family.count),
          markets: ['on_demand', 'spot'],
          throughputHintMilli: Math.round(1_000 * hint(accelerator)),
        }),
      ),
      checkpoint: { intervalMs: SAVE_MS, graceMs: 0, restartMs: RESTART_MS },
      limits: { ...jobSpec(0).limits, deadlineAtMs: atMs + Math.floor(allowedHours * HOUR_MS) },
    });
    this.#works.set(spec.id, { family, leftHours: hours, run: null });
    this.#step({ kind: 'submit', spec }, atMs);
  }

  #report(kind: 'save' | 'complete', jobId: JobId, fence: number, atMs: number): void {
    const work = this.#works.get(jobId)!;
    const run = work.run!;
    const doneHours = ((atMs - run.beganMs) / HOUR_MS) * run.speed;
    if (this.#policy === 'work' && atMs > run.beganMs) {
      this.#tell(jobId, fence, { kind: 'progress', workMilli: Math.round(1_000 * doneHours), overMs: atMs - run.beganMs }, atMs);
    }
    if (kind === 'complete') {
      this.#met += 1;
      work.run = null;
      return this.#tell(jobId, fence, { kind: 'completed' }, atMs);
    }
    this.#saves += 1;
    work.leftHours -= doneHours;
    run.beganMs = atMs;
    this.#agenda.add(atMs + SAVE_MS, { kind: 'save', jobId, fence });
    this.#tell(jobId, fence, { kind: 'saved' }, atMs);
  }

  #tell(jobId: JobId, fence: number, news: AttemptNews, atMs: number): void {
    this.#step({ kind: 'report', jobId, fence, news }, atMs);
  }

  #step(event: CellEvent, atMs: number): void {
    const { decisions, nextDueMs } = step(this.#cell, event, atMs);
    for (const decision of decisions) this.#follow(decision, atMs);
    if (nextDueMs < Infinity && nextDueMs > atMs && event.kind !== 'tick')
      this.#agenda.add(nextDueMs, { kind: 'event', event: { kind: 'tick' } });
  }

  #follow(decision: CellDecision, atMs: number): void {
    if (decision.kind === 'charge') this.#nanoDollars += decision.event.amountNanoDollars;
    else if (decision.kind === 'start') {
      const { jobId, fence } = decision;
      const work = this.#works.get(jobId)!;
      const { spec, attempt } = this.#cell.jobs.get(jobId);
      const speed = work.family.speed[spec.options[attempt!.option]!.accelerator as TypeName];
      const beganMs = atMs + RESTART_MS;
      work.run = { fence, speed, beganMs };
      this.#agenda.add(beganMs + Math.ceil((work.leftHours / speed) * HOUR_MS), { kind: 'complete', jobId, fence });
      this.#agenda.add(beganMs + SAVE_MS, { kind: 'save', jobId, fence });
    } else if (decision.kind === 'notice') {
      // The job cannot save now: its work since the last checkpoint is lost.
      const { jobId, fence, reason } = decision;
      if (reason === 'spot_notice') this.#interruptions += 1;
      this.#works.get(jobId)!.run = null;
      this.#tell(jobId, fence, { kind: 'released' }, atMs);
    }
  }
}

const poolId = (name: TypeName, market: 'spot' | 'on_demand'): PoolId =>
  `pool_${`${name}${market}`.replaceAll('_', '').padEnd(16, '0').slice(0, 16)}` as PoolId;
