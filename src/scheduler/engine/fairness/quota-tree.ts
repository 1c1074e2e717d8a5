import { assert, must } from '../../../kernel/assert.ts';
import type { UndoLog } from '../model/undo-log.ts';
import type { Bundle } from './bundle.ts';
import type { Account, CohortNode } from './cohort-node.ts';
import type { CohortSpec } from './cohort-spec.ts';

/** Quotas of all cohorts and queues, and what is in use of them. */
export class QuotaTree {
  readonly #nodes = new Map<string, CohortNode>();
  readonly #undo: UndoLog;

  /** `specs` name each parent before its children. */
  constructor(specs: readonly CohortSpec[], undo: UndoLog) {
    this.#undo = undo;
    for (const spec of specs) this.#add(spec);
    for (const spec of specs.toReversed()) openAccounts(this.node(spec.name));
    for (const spec of specs) shareResources(this.node(spec.name));
  }

  get roots(): readonly CohortNode[] {
    return [...this.#nodes.values()].filter(({ parent }) => parent === null);
  }

  node(name: string): CohortNode {
    return must(this.#nodes.get(name), `there is a cohort ${name}`);
  }

  /** The queue of that name, if there is one. */
  queue(name: string): CohortNode | undefined {
    const node = this.#nodes.get(name);
    return node?.spec.eviction === null ? undefined : node;
  }

  /** Takes a bundle for a queue, in it and all cohorts above; gives it back with `sign` -1. */
  take(queue: CohortNode, bundle: Bundle, sign: 1 | -1): void {
    for (const { resource, quantity } of bundle) takeAmount(queue, resource, sign * quantity);
    if (this.#undo.isOpen) this.#undo.note(() => bundle.forEach(({ resource, quantity }) => takeAmount(queue, resource, -sign * quantity)));
  }

  #add(spec: CohortSpec): void {
    assert(!this.#nodes.has(spec.name), `cohort ${spec.name} is named once`);
    const parent = spec.parent === null ? null : this.node(spec.parent);
    assert(parent === null || parent.spec.eviction === null, 'queues are leaves');
    const node: CohortNode = { spec, parent, children: [], height: 0, accounts: new Map() };
    this.#nodes.set(spec.name, node);
    parent?.children.push(node);
  }
}

/** Opens the accounts of a node whose children have theirs. */
function openAccounts(node: CohortNode): void {
  node.height = node.children.reduce((height, child) => Math.max(height, child.height + 1), 0);
  const resources = new Set([...Object.keys(node.spec.quotas), ...node.children.flatMap(({ accounts }) => [...accounts.keys()])]);
  for (const resource of resources) {
    const quota = node.spec.quotas[resource];
    const lent = node.children.reduce((sum, { accounts }) => sum + lendable(accounts.get(resource)), 0);
    const subtree = (quota?.nominal ?? 0) + lent;
    const kept = node.parent === null ? 0 : Math.max(0, subtree - (quota?.lendingMax ?? Infinity));
    node.accounts.set(resource, { subtree, kept, borrowingMax: quota?.borrowingMax ?? Infinity, used: 0, held: 0 });
  }
}

const lendable = (account: Account | undefined): number => (account === undefined ? 0 : account.subtree - account.kept);

/** A resource of which one member of a tree has a quota is limited for all: a member without one may borrow it. */
function shareResources(node: CohortNode): void {
  for (const resource of node.parent?.accounts.keys() ?? []) {
    if (!node.accounts.has(resource)) node.accounts.set(resource, { subtree: 0, kept: 0, borrowingMax: Infinity, used: 0, held: 0 });
  }
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
