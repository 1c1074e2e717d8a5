import type { Cell } from '../cell/cell.ts';
import { saveNode } from '../cell/changes.ts';
import type { EndedMember } from '../cell/event.ts';
import type { Attempt } from '../cell/job-record.ts';

/**
 * Doubts the nodes of an attempt that may be dead now that it has ended: that of a member which fell silent; or, where a member said that it failed,
 * those of the others, any of which may have died and taken it along. The doubt ends by itself: a dead node is lost before that. [J266]
 */
export function doubtAfter(cell: Cell, { placement }: Attempt, { place, isSilent }: EndedMember): void {
  doubt(
    cell,
    placement.slots.flatMap(({ node }, at) => ((at === place) === isSilent ? [node] : [])),
  );
}

/** Has these nodes tried after all others for a while. */
export function doubt(cell: Cell, nodes: readonly number[]): void {
  const { nodeDoubtMs } = cell.settings;
  if (nodeDoubtMs === undefined) return;
  for (const index of nodes) {
    const node = cell.fleet.node(index);
    if (node.state !== 'gone') saveNode(cell, { ...node, doubtedUntilMs: cell.nowMs + nodeDoubtMs });
  }
}
