import { must } from '../../../kernel/assert.ts';
import type { Cell } from '../cell/cell.ts';
import { saveNode } from '../cell/changes.ts';
import type { JobRecord } from '../cell/job-record.ts';
import type { ModelWeights } from '../model/job-spec.ts';
import type { ResidentWeights } from '../cell/resident-weights.ts';
import { asReported, withoutUnloaded, withoutUser, withUser, weightsToUnload } from '../cell/resident-weights.ts';

/** A job begins to work on nodes: its weights are there from now on, and others make room where memory is short. */
export function enterNodes(cell: Cell, { spec }: JobRecord, nodes: readonly number[]): void {
  for (const node of nodes) {
    if (spec.weights !== null && keepsWeights(cell, node)) save(cell, node, withUser(residentOn(cell, node), spec.weights, cell.nowMs));
    unloadWhatDoesNotFit(cell, node);
  }
}

/** A node says which weights it holds, as measured there. [J240] */
export function weightsReported(cell: Cell, nodeId: string, reported: readonly ModelWeights[]): void {
  const node = cell.fleet.find(nodeId)?.index;
  if (node === undefined || !keepsWeights(cell, node)) return;
  const before = residentOn(cell, node);
  const after = asReported(before, reported);
  if (after !== before) save(cell, node, after);
  unloadWhatDoesNotFit(cell, node);
}

/** A job has left nodes. Its weights stay as long as no job needs the memory. */
export function leaveNodes(cell: Cell, { spec }: JobRecord, nodes: readonly number[]): void {
  for (const node of nodes) {
    if (spec.weights !== null && keepsWeights(cell, node))
      save(cell, node, withoutUser(residentOn(cell, node), spec.weights.model, cell.nowMs));
    unloadWhatDoesNotFit(cell, node);
  }
}

/** A node that keeps none loads weights for each job, and drops them with it. */
const keepsWeights = (cell: Cell, node: number): boolean => cell.fleet.node(node).spec.weightsMaxMib !== 0;

/** A job that starts on a node does not wait for weights that no job uses to be unloaded. */
function unloadWhatDoesNotFit(cell: Cell, node: number): void {
  const { weights: resident, spec, state } = cell.fleet.node(node);
  if (state === 'gone') return;
  const idleMib = resident.reduce((sum, { users, memoryMib }) => sum + (users === 0 ? memoryMib : 0), 0);
  if (idleMib === 0) return;
  const roomMib = roomForIdle(cell, node);
  const unloaded = must(weightsToUnload(resident, Math.max(0, roomMib), idleMib), 'without those that are idle memory suffices');
  if (unloaded.length === 0) return;
  save(cell, node, withoutUnloaded(resident, unloaded));
  for (const { model } of unloaded) cell.decide({ kind: 'unload', poolId: spec.poolId, nodeId: spec.id, model });
}

/** Where a node says what it has for weights, that is their own; else they lie in memory that no job claims. */
function roomForIdle(cell: Cell, node: number): number {
  const { weights, spec } = cell.fleet.node(node);
  if (spec.weightsMaxMib === undefined)
    return (cell.fleet.cluster.columns.memoryFreeMib[node] ?? 0) - cell.holdings.occupants.memoryMibOn(node);
  return spec.weightsMaxMib - weights.reduce((sum, { users, memoryMib }) => sum + (users > 0 ? memoryMib : 0), 0);
}

const residentOn = (cell: Cell, node: number): readonly ResidentWeights[] => cell.fleet.node(node).weights;

function save(cell: Cell, node: number, weights: readonly ResidentWeights[]): void {
  saveNode(cell, { ...cell.fleet.node(node), weights });
}
