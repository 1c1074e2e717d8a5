import type { RunsAs } from '../cell/run-times.ts';
import type { Counted, CountedCluster } from './counted-cluster.ts';
import { inLine } from './counted-cluster.ts';

/** When an attempt ends, and what is free then. */
export interface CountedEnd {
  readonly atMs: number;
  readonly job: RunsAs;
  readonly queue: number;
  readonly unitsEach: number;
  readonly on: readonly number[];
  readonly sequence: number;
  /** The latest that it ends by its limit. */
  readonly latestMs: number;
}

export const limitOf = ({ spec }: RunsAs): number => spec.limits.durationMaxMs ?? Infinity;

/** The first job that did not fit, and the nodes that are kept for it until these have ended. */
interface Kept {
  readonly job: Counted;
  readonly nodes: ReadonlySet<number>;
  readonly after: ReadonlySet<CountedEnd>;
  /** When it has room, if all take as long as they may. */
  readonly startMs: number;
}

/** What is free, who has what, and who waits, at a time of one course. */
export class CountedState {
  steps = 0;
  readonly lines: Counted[][];
  readonly #cluster: CountedCluster;
  readonly #order: 'fair' | 'priority';
  readonly #halfLifeMs: number;
  readonly #free: Float64Array;
  readonly #held: Float64Array;
  readonly #heldByMember: Float64Array;
  /** What queues had, for how long. */
  readonly #heldMs: Float64Array;
  readonly #fromMs: number;
  readonly #history: Float64Array;
  #heldByAll = 0;
  /** Of any node, as far as was seen when a job was last tried. */
  #mostFree = Infinity;
  #atMs: number;
  readonly #running = new Set<CountedEnd>();
  /** What determines which queue comes first, of one and of the first so far: read in order. */
  readonly #ranked = new Float64Array(6);
  readonly #best = new Float64Array(6);
  #kept: Kept | undefined;

  constructor(cluster: CountedCluster, order: 'fair' | 'priority', halfLifeMs: number, nowMs: number) {
    this.#cluster = cluster;
    this.#order = order;
    this.#halfLifeMs = halfLifeMs;
    this.#atMs = nowMs;
    this.#free = Float64Array.from(cluster.free);
    this.lines = cluster.queues.map((_, queue) => [...(cluster.lines[queue] ?? [])]);
    this.#held = new Float64Array(cluster.queues.length);
    this.#heldMs = new Float64Array(cluster.queues.length);
    this.#fromMs = nowMs;
    this.#heldByMember = new Float64Array(cluster.members.length);
    this.#history = Float64Array.from(cluster.members, ({ historyShare }) => historyShare);
    for (const { queue, unitsEach, on } of cluster.running) this.#hold(queue, unitsEach * on.length);
  }

  join(job: Counted): void {
    const line = this.lines[job.queue];
    if (line === undefined) return;
    let at = line.length;
    while (at > 0 && line[at - 1] !== undefined && inLine(job, line[at - 1] ?? job) < 0) at -= 1;
    line.splice(at, 0, job);
    this.steps += 1;
  }

  began(end: CountedEnd): void {
    this.#running.add(end);
  }

  /** Nodes are kept as the cell does now. */
  keepAsNow(): void {
    const { hold } = this.#cluster;
    if (hold === undefined) return;
    const job = this.lines.flat().find((one) => one.job.spec.id === hold.jobId);
    const after = new Set([...this.#running].filter((end) => hold.after.includes(end.job.spec.id)));
    if (job !== undefined) this.#kept = { job, nodes: new Set(hold.nodes), after, startMs: hold.startMs ?? Infinity };
  }

  release(end: CountedEnd): void {
    const { queue, unitsEach, on } = end;
    this.#running.delete(end);
    for (const node of on) this.#free[node] = (this.#free[node] ?? 0) + unitsEach;
    this.#hold(queue, -unitsEach * on.length);
    this.steps += 1;
  }

  /** Places what can be placed now. */
  place(atMs: number): readonly Begun[] {
    this.#age(atMs);
    const placed: Begun[] = [];
    const at = this.lines.map(() => 0);
    const refused = new Set<number>();
    if (this.#isFull()) return placed;
    const kept = this.#kept?.job;
    if (kept !== undefined) this.#try(kept, this.lines[kept.queue]?.indexOf(kept) ?? 0, placed);
    for (let queue = this.#first(at); queue !== undefined; queue = this.#first(at)) {
      const line = this.lines[queue] ?? [];
      const next = at[queue] ?? 0;
      const counted = line[next];
      if (counted === undefined) break;
      if (this.#try(counted, next, placed)) continue;
      this.#keepFor(counted);
      if (this.#mostFree < this.#cluster.leastUnits || this.#isFull()) break;
      refused.add(counted.shape);
      at[queue] = this.#nextOther(line, next, refused);
    }
    return placed;
  }

  /** Places a job of a line, if it may be and there is room. */
  #try(counted: Counted, at: number, placed: Begun[]): boolean {
    this.steps += 1;
    this.#mostFree = Infinity;
    const on = this.#mayHold(counted) ? this.#nodesFor(counted) : undefined;
    if (on === undefined) return false;
    this.lines[counted.queue]?.splice(at, 1);
    if (this.#kept?.job === counted) this.#kept = undefined;
    for (const node of on) this.#free[node] = (this.#free[node] ?? 0) - counted.unitsEach;
    this.#hold(counted.queue, counted.unitsEach * on.length);
    placed.push({ counted, on });
    return true;
  }

  /** The queue whose next job comes first: those within their own first, then those that have less; or, where priority rules, the reverse. */
  #first(at: readonly number[]): number | undefined {
    let best: number | undefined;
    for (let queue = 0; queue < this.lines.length; queue++) {
      const counted = this.lines[queue]?.[at[queue] ?? 0];
      if (counted === undefined) continue;
      this.#rank(counted);
      if (best !== undefined && !isBefore(this.#ranked, this.#best)) continue;
      best = queue;
      this.#best.set(this.#ranked);
    }
    return best;
  }

  #rank({ queue, unitsEach, nodes, priority, sequence }: Counted): void {
    const member = this.#cluster.queues[queue]?.member ?? 0;
    const { weight = 1, own = 0 } = this.#cluster.members[member] ?? {};
    const units = unitsEach * nodes;
    const after = (this.#heldByMember[member] ?? 0) + units;
    const rank = this.#ranked;
    const isFair = this.#order === 'fair';
    rank[0] = isFair ? 0 : -priority;
    rank[1] = after > own ? 1 : 0;
    rank[2] = after / this.#cluster.total / weight + (this.#history[member] ?? 0);
    rank[3] = (this.#held[queue] ?? 0) + units;
    rank[4] = isFair ? -priority : 0;
    rank[5] = sequence;
  }

  #mayHold(counted: Counted): boolean {
    const { queue, unitsEach, nodes } = counted;
    const units = unitsEach * nodes;
    const { ceiling = Infinity } = this.#cluster.queues[queue] ?? {};
    if ((this.#held[queue] ?? 0) + units > ceiling || this.#heldByAll + units > this.#cluster.ceiling) return false;
    return this.#leavesKeptQuota(counted);
  }

  /** The nodes with least left that have room; undefined where there are too few. */
  #nodesFor(counted: Counted): readonly number[] | undefined {
    const { unitsEach, nodes } = counted;
    this.steps += this.#cluster.nodeCount >> 5;
    const found: number[] = [];
    let mostFree = 0;
    for (let node = 0; node < this.#free.length; node++) {
      const free = this.#free[node] ?? 0;
      mostFree = Math.max(mostFree, free);
      if (free < unitsEach || !this.#leavesKept(counted, node)) continue;
      if (nodes > 1 || found.length === 0) found.push(node);
      else if (free < (this.#free[found[0] ?? 0] ?? 0)) found[0] = node;
    }
    this.#mostFree = mostFree;
    if (found.length < nodes) return undefined;
    return nodes === 1 ? found : found.toSorted((a, b) => (this.#free[a] ?? 0) - (this.#free[b] ?? 0)).slice(0, nodes);
  }

  /** Keeps nodes for the first job that does not fit, while there is no other: those where it fits first if all take as long as they may. */
  #keepFor(job: Counted): void {
    if (this.#kept !== undefined) return;
    const free = Float64Array.from(this.#free);
    const order = [...this.#running].sort((a, b) => (a.latestMs === b.latestMs ? a.sequence - b.sequence : a.latestMs - b.latestMs));
    this.steps += (order.length + this.#cluster.nodeCount) >> 3;
    const gone: CountedEnd[] = [];
    const fits = (): number[] => [...free.keys()].filter((node) => (free[node] ?? 0) >= job.unitsEach);
    let room = fits();
    for (const end of order) {
      if (room.length >= job.nodes) break;
      gone.push(end);
      for (const node of end.on) {
        const before = free[node] ?? 0;
        free[node] = before + end.unitsEach;
        if (before < job.unitsEach && before + end.unitsEach >= job.unitsEach) room = fits();
      }
    }
    if (room.length < job.nodes) return;
    const nodes = new Set(room.toSorted((a, b) => (free[a] ?? 0) - (free[b] ?? 0)).slice(0, job.nodes));
    this.#kept = {
      job,
      nodes,
      after: new Set(gone.filter(({ on }) => on.some((node) => nodes.has(node)))),
      startMs: Math.max(this.#atMs, gone.at(-1)?.latestMs ?? 0),
    };
  }

  heldOnAverage(queue: number): number {
    return (this.#heldMs[queue] ?? 0) / Math.max(1, this.#atMs - this.#fromMs);
  }

  /** Whether what is kept is still enough when another job takes so much more of a node, or anywhere of what all may have. */
  #leavesKept(counted: Counted, node: number): boolean {
    const kept = this.#kept;
    if (kept === undefined || this.#passes(counted, kept)) return true;
    if (!kept.nodes.has(node)) return true;
    let free = (this.#free[node] ?? 0) - counted.unitsEach;
    for (const end of kept.after) if (this.#running.has(end) && end.on.includes(node)) free += end.unitsEach;
    return free >= kept.job.unitsEach;
  }

  #leavesKeptQuota(counted: Counted): boolean {
    const kept = this.#kept;
    if (kept === undefined || this.#passes(counted, kept)) return true;
    let held = this.#heldByAll + counted.nodes * counted.unitsEach + kept.job.nodes * kept.job.unitsEach;
    for (const end of kept.after) if (this.#running.has(end)) held -= end.unitsEach * end.on.length;
    return held <= this.#cluster.ceiling;
  }

  #passes(job: Counted, kept: Kept): boolean {
    if (kept.job === job || this.#precedes(job, kept.job)) return true;
    return kept.startMs !== Infinity && this.#atMs + limitOf(job.job) <= kept.startMs;
  }

  /** Whether a job may have what is kept for another: by priority, or as its queue has it without borrowing. */
  #precedes(job: Counted, first: Counted): boolean {
    if (job.priority !== first.priority || this.#order === 'priority') return job.priority > first.priority;
    return job.queue !== first.queue && this.#borrows(first) && !this.#borrows(job);
  }

  #borrows({ queue, unitsEach, nodes }: Counted): boolean {
    return (this.#held[queue] ?? 0) + unitsEach * nodes > (this.#cluster.queues[queue]?.own ?? 0);
  }

  /** The next in a line that asks for something else than was refused, and that a node may have room for. */
  #nextOther(line: readonly Counted[], at: number, refused: ReadonlySet<number>): number {
    let next = at + 1;
    for (; next < line.length; next++) {
      const one = line[next];
      if (one === undefined || (!refused.has(one.shape) && one.unitsEach <= this.#mostFree)) break;
    }
    this.steps += 1 + ((next - at) >> 4);
    return next;
  }

  #isFull(): boolean {
    return this.#heldByAll + this.#cluster.leastUnits > this.#cluster.ceiling;
  }

  #hold(queue: number, units: number): void {
    const member = this.#cluster.queues[queue]?.member ?? 0;
    this.#held[queue] = (this.#held[queue] ?? 0) + units;
    this.#heldByMember[member] = (this.#heldByMember[member] ?? 0) + units;
    this.#heldByAll += units;
  }

  /** What members had lately counts by halves. */
  #age(atMs: number): void {
    if (atMs <= this.#atMs) return;
    for (let queue = 0; queue < this.#held.length; queue++)
      this.#heldMs[queue] = (this.#heldMs[queue] ?? 0) + (this.#held[queue] ?? 0) * (atMs - this.#atMs);
    const left = 2 ** (-(atMs - this.#atMs) / this.#halfLifeMs);
    this.#atMs = atMs;
    for (const [member, { weight }] of this.#cluster.members.entries()) {
      const share = (this.#heldByMember[member] ?? 0) / this.#cluster.total / weight;
      this.#history[member] = (this.#history[member] ?? 0) * left + share * (1 - left);
    }
  }
}

function isBefore(a: Float64Array, b: Float64Array): boolean {
  for (let at = 0; at < a.length; at++) {
    const [one = 0, other = 0] = [a[at], b[at]];
    if (one !== other) return one < other;
  }
  return false;
}

interface Begun {
  readonly counted: Counted;
  readonly on: readonly number[];
}
