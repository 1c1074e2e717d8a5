import { assert } from '../../../kernel/assert.ts';
import { gathered } from '../fairness/dominant-share.ts';
import type { CohortNode, CohortSpec } from '../fairness/quota-tree.ts';
import type { Cell } from './cell.ts';

/** Supposes other quotas and policies, and cohorts that are not there, for the duration of a trial: as `changeCohorts` would have it. */
export function supposeCohorts(cell: Cell, saved: readonly CohortSpec[]): void {
  assert(cell.undo.isOpen, 'a tree is supposed in a trial alone');
  const before = cell.tree.specs;
  const known = new Set(before.map(({ name }) => name));
  const undo = cell.tree.retrofit(saved);
  if (undo === undefined) {
    cell.resetTree([...new Map([...before, ...saved].map((spec) => [spec.name, spec])).values()]);
    cell.undo.note(() => cell.resetTree(before));
  } else {
    const requote = (): void => cell.holdings.holders.requote(saved.map(({ name }) => cell.tree.node(name)));
    requote();
    cell.undo.note(() => {
      undo();
      requote();
    });
  }
  for (const { name } of saved) {
    const node = cell.tree.node(name);
    if (!known.has(name)) beginHistory(cell, node);
    cell.awaitRound(node);
  }
  cell.pending.wake(() => true);
}

/** A cohort that comes has had what its members have had. */
function beginHistory(cell: Cell, { spec, parent, children }: CohortNode): void {
  if (parent === null || children.length === 0) return;
  const members = children.map((child) => ({ ...cell.queue(child.spec.name), weightMilli: child.spec.weightMilli }));
  cell.saveQueue({ ...cell.queue(spec.name), history: gathered(members, spec.weightMilli, cell.nowMs) });
}
