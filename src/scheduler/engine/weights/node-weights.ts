import { must } from '../../../kernel/assert.ts';
import type { Cell } from '../machine/cell.ts';
import { saveNode } from '../machine/changes.ts';
import type { JobRecord } from '../machine/job-record.ts';
import type { ResidentWeights } from './resident-weights.ts';
import { withoutUnloaded, withoutUser, withUser, weightsToUnload } from './resident-weights.ts';

/** A job begins to work on nodes: its weights are there from now on, and others make room where memory is short. */
export function enterNodes(cell: Cell, { spec }: JobRecord, nodes: readonly number[]): void {
  for (const node of nodes) {
    if (spec.weights !== null) save(cell, node, withUser(residentOn(cell, node), spec.weights));
    unloadWhatDoesNotFit(cell, node);
  }
}

/** A job has left nodes. Its weights stay as long as no job needs the memory. */
export function leaveNodes(cell: Cell, { spec }: JobRecord, nodes: readonly number[]): void {
  for (const node of nodes) {
    if (spec.weights !== null) save(cell, node, withoutUser(residentOn(cell, node), spec.weights.model));
    unloadWhatDoesNotFit(cell, node);
  }
}

/** Weights that no job uses lie in unclaimed memory. A job that starts there does not wait for them to be unloaded. */
function unloadWhatDoesNotFit(cell: Cell, node: number): void {
  const resident = residentOn(cell, node);
  const idleMib = resident.reduce((sum, { users, memoryMib }) => sum + (users === 0 ? memoryMib : 0), 0);
  if (idleMib === 0) return;
  const roomMib = (cell.fleet.cluster.columns.memoryFreeMib[node] ?? 0) - cell.holdings.occupants.memoryMibOn(node);
  const unloaded = must(weightsToUnload(resident, Math.max(0, roomMib), idleMib), 'without those that are idle memory suffices');
  if (unloaded.length === 0) return;
  save(cell, node, withoutUnloaded(resident, unloaded));
  const nodeId = cell.fleet.node(node).spec.id;
  for (const { model } of unloaded) cell.decide({ kind: 'unload', nodeId, model });
}

const residentOn = (cell: Cell, node: number): readonly ResidentWeights[] => cell.fleet.node(node).weights;

function save(cell: Cell, node: number, weights: readonly ResidentWeights[]): void {
  saveNode(cell, { ...cell.fleet.node(node), weights });
}
