import { assert } from '../../../kernel/assert.ts';
import type { CohortSpec } from '../fairness/quota-tree.ts';
import type { Cell } from './cell.ts';
import { beginHistory } from './queue-history.ts';

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
