import { must } from '../../../kernel/assert.ts';
import type { PoolId } from '../../../kernel/ids.ts';
import { ClusterState } from '../model/cluster-state.ts';
import type { NodeDemand } from '../model/job-spec.ts';
import type { NodeSpec, PoolSpec } from '../model/pool-spec.ts';
import { WHOLE_MILLI } from '../model/pool-spec.ts';
import type { UndoLog } from '../model/undo-log.ts';
import { NONE_SEEN } from '../placement/work-cost.ts';
import type { Occupants } from './holdings.ts';
import type { NodeRecord, PoolRecord } from './records.ts';

/** Pools and their nodes. */
export class Fleet {
  readonly cluster: ClusterState;
  readonly #undo: UndoLog;
  readonly #pools = new Map<PoolId, PoolRecord>();
  readonly #nodes = new Map<number, NodeRecord>();
  readonly #nodesOf = new Map<PoolId, number[]>();
  readonly #gone = new Set<number>();
  /** Nodes of which a doubt is on record, over or not. */
  readonly #doubted = new Set<number>();
  /** Nodes by the models whose weights they have. */
  readonly #holders = new Map<string, Set<number>>();
  /** Nodes by pool and accelerator. */
  readonly #counts = new Map<string, number>();
  #isElastic = false;

  constructor(pools: readonly PoolSpec[], undo: UndoLog) {
    this.#undo = undo;
    this.cluster = new ClusterState(undo);
    for (const spec of pools) this.addPool(spec);
  }

  /** Whether any pool grows and shrinks. */
  get isElastic(): boolean {
    return this.#isElastic;
  }

  /** Not undone by a trial. */
  addPool(spec: PoolSpec): PoolRecord {
    const pool = { spec, comingCount: 0, askedAtMs: null, interruptions: NONE_SEEN };
    this.#pools.set(spec.id, pool);
    this.#nodesOf.set(spec.id, []);
    this.#followElasticity();
    return pool;
  }

  /** Forgets a pool without nodes. Not undone by a trial. */
  removePool(id: PoolId): void {
    this.#pools.delete(id);
    this.#nodesOf.delete(id);
    this.#followElasticity();
  }

  hasPool(id: PoolId): boolean {
    return this.#pools.has(id);
  }

  get pools(): Iterable<PoolRecord> {
    return this.#pools.values();
  }

  pool(id: PoolId): PoolRecord {
    return must(this.#pools.get(id), 'the pool exists');
  }

  /** Nodes on record. Indexes may be more: of nodes that have left, or were only supposed. */
  get nodeCount(): number {
    return this.#nodes.size;
  }

  /** The nodes of a pool, by index. */
  nodesOf(id: PoolId): readonly number[] {
    return this.#nodesOf.get(id) ?? [];
  }

  /**
   * The nodes of a pool among which are all that have room, by index: where whole accelerators are wanted and few nodes have enough, only those.
   */
  roomyNodes(id: PoolId, { acceleratorCount, milliEach }: NodeDemand): readonly number[] {
    const all = this.nodesOf(id);
    if (acceleratorCount === 0 || milliEach < WHOLE_MILLI) return all;
    return this.cluster.countWithWhole(id, acceleratorCount) * 8 < all.length ? this.cluster.nodesWithWhole(id, acceleratorCount) : all;
  }

  /** The nodes of a pool that have the weights of a model, by index. */
  nodesWithWeights(id: PoolId, model: string): readonly number[] {
    return [...(this.#holders.get(model) ?? [])].filter((index) => this.node(index).spec.poolId === id).sort((a, b) => a - b);
  }

  /** Nodes that are gone and on record still, by index. */
  get gone(): readonly number[] {
    return [...this.#gone].sort((a, b) => a - b);
  }

  /** Nodes that may be dead, and until when they are tried after all others. */
  doubted(nowMs: number): ReadonlyMap<number, number> {
    const doubted = new Map<number, number>();
    for (const index of this.#doubted) {
      const { doubtedUntilMs = 0 } = this.node(index);
      if (doubtedUntilMs > nowMs) doubted.set(index, doubtedUntilMs);
    }
    return doubted;
  }

  /** Whether the pool has nodes with accelerators of the type. */
  hasAccelerator(id: PoolId, accelerator: string): boolean {
    return (this.#counts.get(`${id} ${accelerator}`) ?? 0) > 0;
  }

  /** Whether the pool has nodes with accelerators. Pools are of one kind. */
  hasAccelerators(id: PoolId): boolean {
    const [first] = this.nodesOf(id);
    return first !== undefined && this.node(first).spec.accelerator !== null;
  }

  node(index: number): NodeRecord {
    return must(this.at(index), 'the node exists');
  }

  at(index: number): NodeRecord | undefined {
    return this.#nodes.get(index);
  }

  find(nodeId: string): NodeRecord | undefined {
    const index = this.cluster.indexOf(nodeId);
    return index === undefined ? undefined : this.node(index);
  }

  add(spec: NodeSpec, nowMs: number, more: Partial<Pick<NodeRecord, 'weights' | 'doubtedUntilMs'>> = {}): NodeRecord {
    const index = this.cluster.add(spec);
    const node = this.#enter({ index, spec, state: 'open', idleSinceMs: nowMs, weights: NO_WEIGHTS, ...more });
    this.#undo.note(() => this.remove(index));
    return node;
  }

  /** Puts a stored node back where it was. */
  restore(node: NodeRecord): void {
    this.cluster.add(node.spec, node.index);
    this.cluster.open(node.index, node.state === 'open');
    this.#enter(node);
  }

  savePool(pool: PoolRecord): void {
    const before = this.pool(pool.spec.id);
    this.#pools.set(pool.spec.id, pool);
    this.#undo.note(() => this.#pools.set(pool.spec.id, before));
    if (pool.spec.elasticity !== before.spec.elasticity) this.#followElasticity();
  }

  /** A node that is gone stays on record until it is empty. */
  saveNode(node: NodeRecord): void {
    const before = this.node(node.index);
    this.#note(node);
    this.#undo.note(() => this.#note(before));
    if (node.state !== before.state) this.cluster.open(node.index, node.state === 'open');
  }

  /** Forgets an empty node. Not undone by a trial. */
  remove(index: number): void {
    const node = this.node(index);
    const { poolId, accelerator } = node.spec;
    this.#index(node.weights, { ...node, weights: [] });
    this.#count(`${poolId} ${accelerator}`, -1);
    this.cluster.remove(index);
    this.#nodes.delete(index);
    this.#gone.delete(index);
    this.#doubted.delete(index);
    this.#nodesOf.set(
      poolId,
      this.nodesOf(poolId).filter((other) => other !== index),
    );
  }

  #followElasticity(): void {
    this.#isElastic = [...this.#pools.values()].some(({ spec }) => spec.elasticity !== null);
  }

  #note(node: NodeRecord): void {
    this.#index(this.#nodes.get(node.index)?.weights ?? [], node);
    this.#nodes.set(node.index, node);
    if (node.state === 'gone') this.#gone.add(node.index);
    else this.#gone.delete(node.index);
    if (node.doubtedUntilMs === undefined) this.#doubted.delete(node.index);
    else this.#doubted.add(node.index);
  }

  /** Follows what weights a node has. */
  #index(before: NodeRecord['weights'], { index, weights }: NodeRecord): void {
    if (before === weights) return;
    for (const { model } of before) this.#holders.get(model)?.delete(index);
    for (const { model } of weights) this.#holders.set(model, (this.#holders.get(model) ?? new Set()).add(index));
    for (const { model } of before) if (this.#holders.get(model)?.size === 0) this.#holders.delete(model);
  }

  #enter(node: NodeRecord): NodeRecord {
    this.#note(node);
    const nodes = must(this.#nodesOf.get(node.spec.poolId), 'the pool exists');
    const before = nodes.findLastIndex((other) => other < node.index);
    nodes.splice(before + 1, 0, node.index);
    this.#count(`${node.spec.poolId} ${node.spec.accelerator}`, 1);
    return node;
  }

  #count(key: string, more: number): void {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + more);
  }
}

const NO_WEIGHTS: NodeRecord['weights'] = [];

/** Idle nodes of pools that grow and shrink. Examines again only nodes that changed. */
export class IdleNodes {
  readonly #fleet: Fleet;
  readonly #occupants: Occupants;
  readonly #byPool = new Map<PoolId, Set<number>>();
  /** Changes of the cluster that have been followed; -1 before all nodes have been looked at. */
  #seen = -1;

  constructor(fleet: Fleet, occupants: Occupants) {
    this.#fleet = fleet;
    this.#occupants = occupants;
  }

  /** Catches up, and answers the nodes that something has happened to since it was last asked, by index. */
  refresh(): readonly NodeRecord[] {
    const { changes, length } = this.#fleet.cluster;
    if (this.#seen === changes.count) return [];
    const changed = this.#seen < 0 ? undefined : changes.since(this.#seen);
    const indexes = changed === undefined ? Array.from({ length }, (_, index) => index) : [...new Set(changed)].sort((a, b) => a - b);
    this.#seen = changes.count;
    return indexes.flatMap((index) => this.#lookAt(index) ?? []);
  }

  /** Looks at all nodes again: which pools grow and shrink has changed. */
  restart(): void {
    this.#seen = -1;
  }

  has({ spec, index }: NodeRecord): boolean {
    return this.#byPool.get(spec.poolId)?.has(index) === true;
  }

  /** The idle nodes of a pool, by index. */
  of(poolId: PoolId): readonly NodeRecord[] {
    return [...(this.#byPool.get(poolId) ?? [])].sort((a, b) => a - b).map((index) => this.#fleet.node(index));
  }

  /** The node, unless it is no more or its pool is what it is. */
  #lookAt(index: number): NodeRecord | undefined {
    for (const idle of this.#byPool.values()) idle.delete(index);
    const node = this.#fleet.at(index);
    if (node === undefined || this.#fleet.pool(node.spec.poolId).spec.elasticity === null) return undefined;
    const isIdle = node.state === 'open' && this.#fleet.cluster.columns.slotCount[index] === 0 && !this.#occupants.isOn(index);
    if (isIdle) this.#byPool.set(node.spec.poolId, (this.#byPool.get(node.spec.poolId) ?? new Set()).add(index));
    return node;
  }
}
