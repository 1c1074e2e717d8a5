import { assert, must } from '../../../kernel/assert.ts';
import type { NodeDemand } from './job-spec.ts';
import type { NodeSpec } from './pool-spec.ts';
import { WHOLE_MILLI } from './pool-spec.ts';
import { UndoLog } from './undo-log.ts';

/** What a job holds of one node. */
export interface Slot {
  /** Index of the node in the `ClusterState`. */
  readonly node: number;
  /** Which accelerators of the node: bit `i` is the i-th. */
  readonly mask: number;
}

/** Where a job runs: the same demand on each of its nodes. */
export interface Placement {
  readonly demand: NodeDemand;
  readonly slots: readonly Slot[];
}

/**
 * Nodes and what is free on them. All numbers are integers, so what is taken and given back adds up exactly, whatever the order.
 * Every change can be undone: see `UndoLog`.
 */
export class ClusterState {
  /** Read by searches for room; changed only here. */
  readonly columns = new NodeColumns();
  readonly changes = new ChangeLog();
  readonly #undo: UndoLog;
  readonly #specs: NodeSpec[] = [];
  readonly #indexes = new Map<string, number>();
  /** Nodes of each type, by index; those without accelerators under null. */
  readonly #byAccelerator = new Map<string | null, number[]>();
  readonly #vacant: number[] = [];
  /** Nodes that take no new work, whatever room they have. */
  readonly #closed = new Set<number>();
  /** By pool, the open nodes by how many wholly idle accelerators they have, at least one: on full nodes these are few. */
  readonly #byWhole = new Map<string, readonly Set<number>[]>();

  constructor(undo: UndoLog = new UndoLog()) {
    this.#undo = undo;
  }

  /** One more than the highest index of a node. */
  get length(): number {
    return this.#specs.length;
  }

  spec(node: number): NodeSpec {
    return must(this.#specs[node], 'the node exists');
  }

  indexOf(id: string): number | undefined {
    return this.#indexes.get(id);
  }

  /** The nodes with accelerators of a type, or with none. */
  nodesWith(accelerator: string | null): readonly number[] {
    return this.#byAccelerator.get(accelerator) ?? [];
  }

  /** Adds a node and returns its index: the lowest that is free, unless given. Not undone by a trial. */
  add(spec: NodeSpec, at?: number): number {
    assert(spec.acceleratorCount <= NODE_ACCELERATORS_MAX, `a node has at most ${NODE_ACCELERATORS_MAX} accelerators`);
    assert(!this.#indexes.has(spec.id), `node ${spec.id} is new`);
    const node = at ?? this.#vacant.values().next().value ?? this.#specs.length;
    for (let index = this.#specs.length; index <= node; index++) {
      this.#specs.push(spec);
      if (index < node) this.#vacant.push(index);
    }
    this.#vacant.splice(this.#vacant.indexOf(node) >>> 0, 1);
    this.#specs[node] = spec;
    this.#indexes.set(spec.id, node);
    const alike = this.#byAccelerator.get(spec.accelerator) ?? [];
    const before = alike.findLastIndex((other) => other < node);
    alike.splice(before + 1, 0, node);
    this.#byAccelerator.set(spec.accelerator, alike);
    this.#fill(node, spec);
    return node;
  }

  /** Forgets an empty node. Not undone by a trial. */
  remove(node: number): void {
    const { id, accelerator } = this.spec(node);
    assert(this.columns.slotCount[node] === 0, `node ${id} is empty`);
    this.#indexes.delete(id);
    this.#byAccelerator.set(
      accelerator,
      this.nodesWith(accelerator).filter((other) => other !== node),
    );
    this.#setOpen(node, false);
    this.#closed.delete(node);
    this.#vacant.push(node);
    this.#vacant.sort((a, b) => a - b);
  }

  /** Says whether new work may be placed on the node. What is there stays. */
  open(node: number, isOpen: boolean): void {
    const was = this.isAdmitting(node);
    this.#admit(node, isOpen);
    this.#undo.note(() => this.#admit(node, was));
  }

  /** Whether new work may be placed on the node once there is room: one that has as many jobs as it may run takes one when another leaves. */
  isAdmitting(node: number): boolean {
    return !this.#closed.has(node);
  }

  /** How many jobs more the node may run, whatever they ask for. */
  jobsLeft(node: number): number {
    return (this.spec(node).jobsMax ?? Infinity) - (this.columns.slotCount[node] ?? 0);
  }

  /**
   * How many open nodes of a pool have at least so many, and one, wholly idle accelerators: most jobs that cannot be placed are found by it
   * at once.
   */
  countWithWhole(poolId: string, wholes: number): number {
    return this.#withWhole(poolId, wholes).reduce((count, { size }) => count + size, 0);
  }

  /** The open nodes of a pool that have at least so many wholly idle accelerators, by index: one or more. */
  nodesWithWhole(poolId: string, wholes: number): readonly number[] {
    return this.#withWhole(poolId, wholes)
      .flatMap((nodes) => [...nodes])
      .sort((a, b) => a - b);
  }

  /** Whether a node that is open has room for the demand. */
  fits(node: number, demand: NodeDemand): boolean {
    const { cpuFreeMilli, memoryFreeMib, isOpen, wholeFree } = this.columns;
    if (isOpen[node] !== 1 || (cpuFreeMilli[node] ?? 0) < demand.cpuMilli || (memoryFreeMib[node] ?? 0) < demand.memoryMib) return false;
    if (demand.milliEach === WHOLE_MILLI) return (wholeFree[node] ?? 0) >= demand.acceleratorCount;
    return demand.acceleratorCount === 0 || this.#countWith(node, demand.milliEach) >= demand.acceleratorCount;
  }

  /** What is free of an accelerator. */
  acceleratorFreeMilli(node: number, accelerator: number): number {
    return this.columns.acceleratorFreeMilli[node * NODE_ACCELERATORS_MAX + accelerator] ?? 0;
  }

  /** Takes what a placement says, which must be free. */
  allocate({ demand, slots }: Placement): void {
    for (const slot of slots) this.#take(slot, demand, 1);
    if (this.#undo.isOpen) this.#undo.note(() => this.#takeAll(slots, demand, -1));
  }

  /** Gives back what was allocated. */
  release({ demand, slots }: Placement): void {
    this.#takeAll(slots, demand, -1);
    if (this.#undo.isOpen) this.#undo.note(() => this.#takeAll(slots, demand, 1));
  }

  #takeAll(slots: readonly Slot[], demand: NodeDemand, sign: 1 | -1): void {
    for (const slot of slots) this.#take(slot, demand, sign);
  }

  #take({ node, mask }: Slot, demand: NodeDemand, sign: 1 | -1): void {
    const { columns } = this;
    const spec = this.spec(node);
    assert(maskSize(mask) === demand.acceleratorCount, 'a slot names as many accelerators as its demand');
    const cpuMilli = (columns.cpuFreeMilli[node] ?? 0) - sign * demand.cpuMilli;
    const memoryMib = (columns.memoryFreeMib[node] ?? 0) - sign * demand.memoryMib;
    assert(cpuMilli >= 0 && cpuMilli <= spec.cpuMilli, 'a node has that much CPU');
    assert(memoryMib >= 0 && memoryMib <= spec.memoryMib, 'a node has that much memory');
    columns.cpuFreeMilli[node] = cpuMilli;
    columns.memoryFreeMib[node] = memoryMib;
    if (mask !== 0) this.#takeAccelerators(node, mask, sign * demand.milliEach);
    columns.slotCount[node] = (columns.slotCount[node] ?? 0) + sign;
    if (spec.jobsMax === undefined) this.#noteChange(node);
    else this.#reopen(node);
  }

  #takeAccelerators(node: number, mask: number, milli: number): void {
    const { wholeFree } = this.columns;
    let change = 0;
    for (let rest = mask; rest !== 0; rest &= rest - 1) change += this.#takeAccelerator(node, 31 - Math.clz32(rest & -rest), milli);
    if (change === 0) return;
    this.#countWhole(node, -1);
    wholeFree[node] = (wholeFree[node] ?? 0) + change;
    this.#countWhole(node, 1);
  }

  /** Returns the change in the number of wholly idle accelerators: one, none, or one less. */
  #takeAccelerator(node: number, accelerator: number, milli: number): number {
    const { acceleratorFreeMilli } = this.columns;
    const at = node * NODE_ACCELERATORS_MAX + accelerator;
    const before = acceleratorFreeMilli[at] ?? 0;
    const after = before - milli;
    const exists = accelerator < this.spec(node).acceleratorCount;
    assert(exists && after >= 0 && after <= WHOLE_MILLI, 'an accelerator of a node has that much');
    acceleratorFreeMilli[at] = after;
    return (after === WHOLE_MILLI ? 1 : 0) - (before === WHOLE_MILLI ? 1 : 0);
  }

  #admit(node: number, isAdmitting: boolean): void {
    if (isAdmitting) this.#closed.delete(node);
    else this.#closed.add(node);
    this.#reopen(node);
  }

  #reopen(node: number): void {
    this.#setOpen(node, this.isAdmitting(node) && this.jobsLeft(node) > 0);
  }

  #setOpen(node: number, isOpen: boolean): void {
    this.#countWhole(node, -1);
    this.columns.isOpen[node] = isOpen ? 1 : 0;
    this.#countWhole(node, 1);
    this.#noteChange(node);
  }

  #noteChange(node: number): void {
    this.columns.revision[node] = (this.columns.revision[node] ?? 0) + 1;
    this.changes.note(node);
  }

  /** Takes an open node into the index of its pool, or out of it. */
  #countWhole(node: number, sign: 1 | -1): void {
    const whole = this.columns.isOpen[node] === 1 ? (this.columns.wholeFree[node] ?? 0) : 0;
    if (whole === 0) return;
    const { poolId } = this.spec(node);
    const byWhole = this.#byWhole.get(poolId) ?? Array.from({ length: NODE_ACCELERATORS_MAX + 1 }, () => new Set<number>());
    this.#byWhole.set(poolId, byWhole);
    const alike = byWhole[whole];
    if (sign === 1) alike?.add(node);
    else alike?.delete(node);
  }

  #withWhole(poolId: string, wholes: number): readonly Set<number>[] {
    return this.#byWhole.get(poolId)?.slice(wholes) ?? [];
  }

  #countWith(node: number, milli: number): number {
    let count = 0;
    const from = node * NODE_ACCELERATORS_MAX;
    for (let at = from; at < from + NODE_ACCELERATORS_MAX; at++) if ((this.columns.acceleratorFreeMilli[at] ?? 0) >= milli) count += 1;
    return count;
  }

  #fill(node: number, spec: NodeSpec): void {
    const { columns } = this;
    columns.reserve(node + 1);
    columns.cpuFreeMilli[node] = spec.cpuMilli;
    columns.memoryFreeMib[node] = spec.memoryMib;
    const from = node * NODE_ACCELERATORS_MAX;
    columns.acceleratorFreeMilli.fill(0, from, from + NODE_ACCELERATORS_MAX).fill(WHOLE_MILLI, from, from + spec.acceleratorCount);
    columns.wholeFree[node] = spec.acceleratorCount;
    columns.slotCount[node] = 0;
    columns.isOpen[node] = 0;
    this.#admit(node, true);
  }
}

/** The most accelerators of one node: a set of them fits a small integer, and a row of them one cache line. */
export const NODE_ACCELERATORS_MAX = 16;

/** What is free on each node, as columns of integers: a search over 10,000 nodes reads memory in order. Room for more is made as needed. */
class NodeColumns {
  cpuFreeMilli = new Int32Array(0);
  memoryFreeMib = new Int32Array(0);
  /** `NODE_ACCELERATORS_MAX` a node. */
  acceleratorFreeMilli = new Int16Array(0);
  /** Wholly idle accelerators of the node. */
  wholeFree = new Uint8Array(0);
  /** Rises whenever something of the node changes, so that what was worked out about it can be kept. */
  revision = new Uint32Array(0);
  /** Jobs there. */
  slotCount = new Int32Array(0);
  /** 1 where new work may be placed now. */
  isOpen = new Uint8Array(0);

  reserve(count: number): void {
    if (count <= this.isOpen.length) return;
    const capacity = Math.max(64, count, this.isOpen.length * 2);
    this.cpuFreeMilli = grown(new Int32Array(capacity), this.cpuFreeMilli);
    this.memoryFreeMib = grown(new Int32Array(capacity), this.memoryFreeMib);
    this.acceleratorFreeMilli = grown(new Int16Array(capacity * NODE_ACCELERATORS_MAX), this.acceleratorFreeMilli);
    this.wholeFree = grown(new Uint8Array(capacity), this.wholeFree);
    this.revision = grown(new Uint32Array(capacity), this.revision);
    this.slotCount = grown(new Int32Array(capacity), this.slotCount);
    this.isOpen = grown(new Uint8Array(capacity), this.isOpen);
  }
}

function grown<Column extends { set(from: Column): void }>(column: Column, from: Column): Column {
  column.set(from);
  return column;
}

/** Changes that are remembered. A reader that is further behind looks at everything. */
const REMEMBERED = 4_096;

/** Which nodes have changed lately, for readers that keep up something that follows from all of them. */
export class ChangeLog {
  readonly #nodes = new Int32Array(REMEMBERED);
  #count = 0;

  /** How many changes there have been. */
  get count(): number {
    return this.#count;
  }

  note(node: number): void {
    this.#nodes[this.#count % REMEMBERED] = node;
    this.#count += 1;
  }

  /** The nodes that changed after the first `count` changes, some more than once; undefined when the log no longer reaches back. */
  since(count: number): Iterable<number> | undefined {
    return this.#count - count > REMEMBERED ? undefined : this.#from(count);
  }

  *#from(count: number): Iterable<number> {
    for (let at = count; at < this.#count; at++) yield this.#nodes[at % REMEMBERED] ?? 0;
  }
}

/** How many accelerators a mask names. */
export function maskSize(mask: number): number {
  let size = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) size += 1;
  return size;
}
