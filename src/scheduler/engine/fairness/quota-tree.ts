import { assert, must } from '../../../kernel/assert.ts';
import type { EvictionPolicy } from '../model/pool-spec.ts';
import type { NodeDemand } from '../model/job-spec.ts';
import type { UndoLog } from '../model/undo-log.ts';

/** A node of the cohort tree. Queues are its leaves; what a cohort does not use, its members may borrow. */
export interface CohortSpec {
  readonly name: string;
  readonly parent: string | null;
  /** Of several that want the same, one of twice the weight gets twice as much. 1000 is one. */
  readonly weightMilli: number;
  /** By resource: `cpu`, `memory` or a type of accelerator. One that no member of a tree has a quota of is not limited there. */
  readonly quotas: Readonly<Record<string, Quota>>;
  /** How jobs of the queue may be evicted, and what they may evict; null for a cohort. */
  readonly eviction: EvictionPolicy | null;
  /** Of a queue that places no job: `hold_and_drain` also asks those that run to leave. Absent: it places them. */
  readonly stop?: 'hold' | 'hold_and_drain';
  /** Of a queue whose jobs take turns. Absent: a job that has nodes keeps them until it ends, or is evicted for another. */
  readonly timeSlice?: TimeSlice;
}

/** How jobs of a queue take turns. */
export interface TimeSlice {
  /** Between two rounds. */
  readonly roundMs: number;
  /** What beginning on other nodes costs a job: saving, and loading what was saved. */
  readonly moveMs: number;
}

export interface Quota {
  /** Guaranteed, whatever others do. */
  readonly nominal: number;
  /** The most it may use of what others leave; null when all. */
  readonly borrowingMax: number | null;
  /** The most of its own that others may use; null when all. */
  readonly lendingMax: number | null;
  /** Of a root: it limits nothing, and only says what shares of the resource are parts of. */
  readonly isMeasure?: true;
}

/** What a cohort has of one resource, and what of it is in use. */
interface Account {
  /** Its own nominal quota and what its members lend. */
  readonly subtree: number;
  /** The part of it that stays with its members. */
  readonly kept: number;
  readonly borrowingMax: number;
  readonly isMeasure: boolean;
  /** Whether the tree limits the resource, or the node or a cohort above has a quota of its own of it. */
  readonly isGoverned: boolean;
  /** Used here, less what members use of what they keep. More than `subtree` when borrowed. */
  used: number;
  /** Used by all members together. */
  held: number;
}

/** A cohort or queue with its position in the tree. */
export interface CohortNode {
  spec: CohortSpec;
  parent: CohortNode | null;
  readonly children: CohortNode[];
  /** 0 for a queue; one more than the highest of its children for a cohort. */
  height: number;
  readonly accounts: Map<string, Account>;
}

/** The cohorts above a queue, and itself, without the root. */
export const belowRoot = (node: CohortNode): readonly CohortNode[] => (node.parent === null ? [] : [node, ...belowRoot(node.parent)]);

export const rootOf = (node: CohortNode): CohortNode => (node.parent === null ? node : rootOf(node.parent));

/** So much of a resource: thousandths of cores or accelerators, or MiB. */
interface Amount {
  readonly resource: string;
  readonly quantity: number;
}

/** Amounts of different resources. */
export type Bundle = readonly Amount[];

/** What `count` nodes' worth of a demand take, by the names that quotas go by. */
export function bundleOf(accelerator: string | null, demand: NodeDemand, count: number): Bundle {
  const { cpuMilli, memoryMib, acceleratorCount, milliEach } = demand;
  return [
    { resource: 'cpu', quantity: cpuMilli * count },
    { resource: 'memory', quantity: memoryMib * count },
    ...(accelerator === null ? [] : [{ resource: accelerator, quantity: acceleratorCount * milliEach * count }]),
  ].filter(({ quantity }) => quantity > 0);
}

/**
 * What of a queue's bundle its quotas have to cover. CPU and memory go with accelerators that quotas of the tree are about, unless the tree
 * limits them, or the queue or a cohort above has a quota of them: a quota of accelerators alone covers the jobs that use them. [J280]
 */
export function bundleToCover({ accounts }: CohortNode, bundle: Bundle): Bundle {
  if (!bundle.some(({ resource }) => !isCompanion(resource) && accounts.has(resource))) return bundle;
  return bundle.filter(({ resource }) => !isCompanion(resource) || accounts.get(resource)?.isGoverned === true);
}

const isCompanion = (resource: string): boolean => resource === 'cpu' || resource === 'memory';

/** How much of a resource is among the amounts. */
export const amountOf = (bundle: Bundle, resource: string): number => bundle.find((amount) => amount.resource === resource)?.quantity ?? 0;

/** Quotas of all cohorts and queues, and what is in use of them. */
export class QuotaTree {
  readonly #nodes = new Map<string, CohortNode>();
  readonly #undo: UndoLog;
  /** By root, how often something of its tree was given back, or its quotas changed. */
  readonly #given = new Map<CohortNode, number>();

  /** Members of a cohort are in the order of `specs`. */
  constructor(specs: readonly CohortSpec[], undo: UndoLog) {
    this.#undo = undo;
    this.change(specs);
  }

  /** Makes it the tree of these cohorts and queues, of which nothing is in use. What stays is the same node. Not undone by a trial. */
  change(specs: readonly CohortSpec[]): void {
    const before = new Map(this.#nodes);
    this.#nodes.clear();
    for (const spec of specs) {
      assert(!this.#nodes.has(spec.name), `cohort ${spec.name} is named once`);
      const node = before.get(spec.name) ?? { spec, parent: null, children: [], height: 0, accounts: new Map<string, Account>() };
      node.spec = spec;
      node.parent = null;
      node.children.length = 0;
      node.accounts.clear();
      this.#nodes.set(spec.name, node);
    }
    for (const node of this.#nodes.values()) if (node.spec.parent !== null) attach(node, this.node(node.spec.parent));
    for (const root of this.roots) openAccounts(root);
    for (const root of this.roots) this.#gave(root);
    for (const root of this.roots) for (const child of root.children) shareResources(child);
  }

  /** How often something of the tree below a root was given back, or its quotas changed: in between, no member may take more than before. */
  givenCount(root: CohortNode): number {
    return this.#given.get(root) ?? 0;
  }

  get roots(): readonly CohortNode[] {
    return [...this.#nodes.values()].filter(({ parent }) => parent === null);
  }

  get names(): readonly string[] {
    return [...this.#nodes.keys()];
  }

  node(name: string): CohortNode {
    return must(this.#nodes.get(name), `there is a cohort ${name}`);
  }

  find(name: string): CohortNode | undefined {
    return this.#nodes.get(name);
  }

  /** The queue of that name, if there is one. */
  queue(name: string): CohortNode | undefined {
    const node = this.#nodes.get(name);
    return node?.spec.eviction === null ? undefined : node;
  }

  /**
   * Makes cohorts and queues that there are what `saved` says, with what is in use of them; answers how to undo it. Undefined where that changes which
   * quotas there are, or the tree itself: then `change` does it.
   */
  retrofit(saved: readonly CohortSpec[]): (() => void) | undefined {
    const resources = new Set<string>();
    for (const spec of saved) {
      const changed = this.#nodes.has(spec.name) ? resourcesRetrofitted(this.node(spec.name), spec) : undefined;
      if (changed === undefined) return undefined;
      for (const resource of changed) resources.add(resource);
    }
    const former = saved.map(({ name }) => this.node(name).spec);
    const set = (specs: readonly CohortSpec[]): void => {
      for (const spec of specs) this.node(spec.name).spec = spec;
      const roots = new Set(specs.map(({ name }) => rootOf(this.node(name))));
      for (const root of roots) for (const resource of resources) refillAccount(root, resource);
      for (const root of roots) this.#gave(root);
    };
    set(saved);
    return () => set(former);
  }

  /** All cohorts and queues, in their order. */
  get specs(): readonly CohortSpec[] {
    return Array.from(this.#nodes.values(), ({ spec }) => spec);
  }

  /** Takes a bundle for a queue, in it and all cohorts above, after `change`. Not undone by a trial. */
  recount(queue: CohortNode, bundle: Bundle): void {
    for (const { resource, quantity } of bundle) takeAmount(queue, resource, quantity);
  }

  /** Takes a bundle for a queue, in it and all cohorts above; gives it back with `sign` -1. */
  take(queue: CohortNode, bundle: Bundle, sign: 1 | -1): void {
    this.#take(queue, bundle, sign);
    if (this.#undo.isOpen) this.#undo.note(() => this.#take(queue, bundle, sign === 1 ? -1 : 1));
  }

  #take(queue: CohortNode, bundle: Bundle, sign: 1 | -1): void {
    for (const { resource, quantity } of bundle) takeAmount(queue, resource, sign * quantity);
    if (sign === -1) this.#gave(rootOf(queue));
  }

  #gave(root: CohortNode): void {
    this.#given.set(root, this.givenCount(root) + 1);
  }

  /** Adds a queue without quotas of its own below a cohort: no account of others changes. Not undone by a trial. */
  addQueue(spec: CohortSpec): void {
    assert(spec.eviction !== null && spec.parent !== null && Object.keys(spec.quotas).length === 0, 'the queue lends nothing');
    assert(spec.eviction.leavingMaxCount !== Infinity, 'the queue is stored as JSON, which knows no infinity');
    assert(!this.#nodes.has(spec.name), `cohort ${spec.name} is named once`);
    const node: CohortNode = { spec, parent: null, children: [], height: 0, accounts: new Map() };
    this.#nodes.set(spec.name, node);
    attach(node, this.node(spec.parent));
    for (let above = node; above.parent !== null; above = above.parent)
      above.parent.height = Math.max(above.parent.height, above.height + 1);
    shareResources(node);
  }

  /** Removes a queue that was added. Not undone by a trial. */
  removeQueue(name: string): void {
    const { parent } = this.node(name);
    parent?.children.splice(
      parent.children.findIndex(({ spec }) => spec.name === name),
      1,
    );
    this.#nodes.delete(name);
    for (let node = parent; node !== null; node = node.parent) {
      node.height = node.children.reduce((height, child) => Math.max(height, child.height + 1), 0);
    }
  }
}

function attach(node: CohortNode, parent: CohortNode): void {
  assert(parent.spec.eviction === null, 'queues are leaves');
  node.parent = parent;
  parent.children.push(node);
}

/** Opens the accounts of a node and of all below it. */
function openAccounts(node: CohortNode): void {
  for (const child of node.children) openAccounts(child);
  node.height = node.children.reduce((height, child) => Math.max(height, child.height + 1), 0);
  const resources = new Set([...Object.keys(node.spec.quotas), ...node.children.flatMap(({ accounts }) => [...accounts.keys()])]);
  for (const resource of resources) {
    const quota = node.spec.quotas[resource];
    const lent = node.children.reduce((sum, { accounts }) => sum + lendable(accounts.get(resource)), 0);
    const subtree = (quota?.nominal ?? 0) + lent;
    const kept = node.parent === null ? 0 : Math.max(0, subtree - (quota?.lendingMax ?? Infinity));
    const isMeasure = quota?.isMeasure ?? false;
    const isGoverned = node.parent === null ? !isMeasure : quota !== undefined;
    node.accounts.set(resource, { subtree, kept, borrowingMax: quota?.borrowingMax ?? Infinity, isMeasure, isGoverned, used: 0, held: 0 });
  }
}

/** The resources of which a node has another quota, where only amounts and policies differ; undefined where more does. */
function resourcesRetrofitted(node: CohortNode, { parent, weightMilli, quotas }: CohortSpec): readonly string[] | undefined {
  const { spec } = node;
  if (spec.parent !== parent || spec.weightMilli !== weightMilli) return undefined;
  const names = [...new Set([...Object.keys(spec.quotas), ...Object.keys(quotas)])];
  const { accounts } = rootOf(node);
  const isKept = names.every(
    (name) => (name in quotas && name in spec.quotas) || (name in quotas && accounts.get(name)?.isGoverned === true),
  );
  return isKept ? names.filter((name) => spec.quotas[name] !== quotas[name]) : undefined;
}

/** Works out anew what a node and all below have of a resource; what is in use stays with the queues that use it. */
function refillAccount(node: CohortNode, resource: string): void {
  for (const child of node.children) refillAccount(child, resource);
  const account = node.accounts.get(resource);
  if (account === undefined) return;
  const quota = node.spec.quotas[resource];
  const below = node.children.flatMap(({ accounts }) => accounts.get(resource) ?? []);
  const subtree = below.reduce((sum, child) => sum + lendable(child), quota?.nominal ?? 0);
  const kept = node.parent === null ? 0 : Math.max(0, subtree - (quota?.lendingMax ?? Infinity));
  const borrowed = below.reduce((sum, child) => sum + Math.max(0, child.used - child.kept), 0);
  const used = node.children.length === 0 ? account.held : borrowed;
  node.accounts.set(resource, { ...account, subtree, kept, borrowingMax: quota?.borrowingMax ?? Infinity, used });
}

const lendable = (account: Account | undefined): number => (account === undefined ? 0 : account.subtree - account.kept);

/** A resource of which one member of a tree has a quota is limited for all: a member without one may borrow it. */
function shareResources(node: CohortNode): void {
  for (const [resource, { isGoverned }] of node.parent?.accounts ?? []) {
    const own = node.accounts.get(resource);
    const account = own ?? { subtree: 0, kept: 0, borrowingMax: Infinity, isMeasure: false, isGoverned, used: 0, held: 0 };
    node.accounts.set(resource, isGoverned ? { ...account, isGoverned } : account);
  }
  for (const child of node.children) shareResources(child);
}

/** Changes what is in use from a queue upwards: a member's own first, and only what goes beyond it in the cohort. */
function takeAmount(queue: CohortNode, resource: string, quantity: number): void {
  let beyond = quantity;
  for (let node: CohortNode | null = queue; node !== null; node = node.parent) {
    const account: Account | undefined = node.accounts.get(resource);
    if (account === undefined) return;
    account.held += quantity;
    const before = Math.max(0, account.used - account.kept);
    account.used += beyond;
    beyond = Math.max(0, account.used - account.kept) - before;
    assert(account.held >= 0, 'a queue gives back only what it took');
  }
}

/**
 * How much more of a resource a member may take: of its own, of its cohort as far as its borrowing limit allows, and so on upwards.
 * Negative when more is in use than there is, as after a quota was cut.
 */
export function available(node: CohortNode, resource: string): number {
  const account = node.accounts.get(resource);
  if (account === undefined) return Infinity;
  const { subtree, kept, used, borrowingMax, isMeasure } = account;
  if (isMeasure) return Infinity;
  if (node.parent === null) return subtree - used;
  const own = Math.max(0, kept - used);
  const shared = subtree - kept - Math.max(0, used - kept);
  return own + Math.min(available(node.parent, resource), shared + borrowingMax);
}

/** The member or cohort whose quota, or limit on borrowing, is what a member lacks to take so much more of a resource: the nearest to it. */
export function shortAt(node: CohortNode, resource: string, quantity: number): CohortNode {
  const account = node.accounts.get(resource);
  if (account === undefined || account.isMeasure || node.parent === null) return node;
  const { subtree, kept, used, borrowingMax } = account;
  const beyond = quantity - Math.max(0, kept - used);
  return beyond > subtree - kept - Math.max(0, used - kept) + borrowingMax ? node : shortAt(node.parent, resource, beyond);
}

/** The most a member could ever take, if it were alone. */
export function ceiling(node: CohortNode, resource: string): number {
  const account = node.accounts.get(resource);
  if (account === undefined) return Infinity;
  const { subtree, kept, borrowingMax, isMeasure } = account;
  if (isMeasure) return Infinity;
  return node.parent === null ? subtree : kept + Math.min(ceiling(node.parent, resource), subtree - kept + borrowingMax);
}

export const policyOf = (queue: CohortNode): EvictionPolicy => must(queue.spec.eviction, 'a queue has a policy');
