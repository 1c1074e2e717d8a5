import { DATA_TYPE, elementCount, tensorOf } from '../graph/onnx-graph.ts';
import { rowCount } from '../matrix.ts';
import type { StaticGraph } from '../prune/static-graph.ts';
import { codedGraph, staticGraph } from '../prune/static-graph.ts';
import { tensorError } from './group-codes.ts';
import type { QuantisedGraph } from './quantise-graph.ts';
import { keptReport } from './quantise-graph.ts';

/** A static model with codes of 8 bits a number and a scale a row, as it is served, unless its table is one of the constants that stay. [MB15] */
export function quantiseStatic(model: StaticGraph, skip: ReadonlySet<string>): QuantisedGraph {
  const { graph, name, table } = model;
  const dims = [rowCount(table), table.columns];
  const floats = Float32Array.from(table.values);
  const tensor = tensorOf(DATA_TYPE.float32, dims, floats);
  if (skip.has(name)) return { graph, tensors: [keptReport(name, tensor, 'skipped by name')] };
  if (!floats.every(Number.isFinite)) return { graph, tensors: [keptReport(name, tensor, 'it has numbers that are not finite')] };
  const coded = codedGraph(model);
  const error = tensorError(floats, staticGraph(coded)?.table.values ?? []);
  // A code a number, and a scale of four bytes a row.
  const bytesAfter = elementCount(dims) + 4 * rowCount(table);
  if (bytesAfter >= tensor.bytes.length) return { graph, tensors: [keptReport(name, tensor, 'codes and scales would take no less')] };
  return { graph: coded, tensors: [{ name, dims, mode: 'row', bytesBefore: tensor.bytes.length, bytesAfter, ...error }] };
}
