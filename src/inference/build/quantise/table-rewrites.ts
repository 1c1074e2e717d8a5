import type { GraphNode, Replacement } from '../graph/onnx-graph.ts';
import { DATA_TYPE } from '../graph/onnx-graph.ts';
import { ReplacementBuilder } from '../graph/replacement-builder.ts';
import type { CodeShape, GroupCodes } from './group-codes.ts';
import { groupsOf } from './group-codes.ts';

/** A constant as codes. `name` begins the names of the constants that replace it. */
export interface CodedTensor {
  readonly name: string;
  readonly rows: number;
  readonly shape: CodeShape;
  readonly codes: GroupCodes;
}

/**
 * Replaces `Gather` of rows of a float table by standard operators: codes and scales are gathered, and only the rows read become floats.
 * Codes of 4 bits lie two a byte: the first half of a group's columns in the high bits, the second half in the low ones, 8 added to each.
 */
export function standardGather(gather: GraphNode, table: CodedTensor): Replacement {
  const { name, rows, shape, codes } = table;
  const indices = gather.inputs[1]!;
  const build = new ReplacementBuilder(gather.outputs[0]!, name);
  const groups = groupsOf(shape);
  // Whole groups of an even width: what fills the last one up is cut off again.
  const group = Math.min(shape.group, shape.columns);
  const width = shape.bits === 4 ? group + (group % 2) : group;
  const padded = padGroups(codes.codes, shape, width);
  const stored =
    shape.bits === 8
      ? build.constant('codes', DATA_TYPE.int8, [rows, groups, width], padded)
      : build.constant('codes', DATA_TYPE.uint8, [rows, groups, width / 2], packHalves(padded, width));
  const scales = build.constant('scales', DATA_TYPE.float32, [rows, groups, 1], codes.scales);
  const gathered = build.toFloat(build.op('Gather', [stored, indices], 'codes'), 'bytes');
  const numbers = shape.bits === 8 ? gathered : unpackHalves(build, gathered);
  const scaled = build.op('Mul', [numbers, build.op('Gather', [scales, indices], 'scales')], 'groups');
  // [.., groups, width] becomes [.., columns], whatever the number of dimensions of the indices.
  const target = build.op('Concat', [build.op('Shape', [indices], 'shape'), build.int64('width', groups * width)], 'target', { axis: 0 });
  const flat = build.op('Reshape', [scaled, target], 'flat');
  return build.finish(shape.columns === groups * width ? flat : firstColumns(build, flat, shape.columns));
}

function firstColumns(build: ReplacementBuilder, input: string, columns: number): string {
  return build.op('Slice', [input, build.int64('from', 0), build.int64('to', columns), build.int64('axis', -1)], 'columns');
}

function unpackHalves(build: ReplacementBuilder, bytes: string): string {
  const sixteen = build.float('sixteen', 16);
  const high = build.op('Floor', [build.op('Div', [bytes, sixteen], 'shifted')], 'high');
  const low = build.op('Sub', [bytes, build.op('Mul', [high, sixteen], 'raised')], 'low');
  const both = build.op('Concat', [high, low], 'both', { axis: -1 });
  return build.op('Sub', [both, build.float('eight', 8)], 'unpacked');
}

/** Replaces `Gather` by `GatherBlockQuantized`, which needs ONNX Runtime and reads a whole number of blocks a row. */
export function blockQuantizedGather(gather: GraphNode, table: CodedTensor): Replacement {
  const { name, rows, shape, codes } = table;
  const build = new ReplacementBuilder(gather.outputs[0]!, name);
  const groups = groupsOf(shape);
  const width = groups * shape.group;
  // Unsigned codes, whose zero is half their range.
  const zero = shape.bits === 8 ? 128 : 8;
  const unsigned = Uint8Array.from(padGroups(codes.codes, shape, shape.group), (code) => code + zero);
  const stored = shape.bits === 8 ? unsigned : packPairs(unsigned);
  const data = build.constant('codes', DATA_TYPE.uint8, [rows, stored.length / rows], stored);
  const scales = build.constant('scales', DATA_TYPE.float32, [rows, groups], codes.scales);
  const attributes = { bits: shape.bits, block_size: shape.group, gather_axis: 0, quantize_axis: 1 };
  const read = build.contribOp('GatherBlockQuantized', [data, gather.inputs[1]!, scales], 'rows', attributes);
  return build.finish(width === shape.columns ? read : firstColumns(build, read, shape.columns));
}

/** The codes with every group `width` wide: zeros fill what is missing. */
function padGroups(codes: Int8Array, shape: CodeShape, width: number): Int8Array {
  const groups = groupsOf(shape);
  if (groups * width === shape.columns) return codes;
  const rows = codes.length / shape.columns;
  const padded = new Int8Array(rows * groups * width);
  for (let row = 0; row < rows; row++) {
    for (let g = 0; g < groups; g++) {
      const from = row * shape.columns + g * shape.group;
      padded.set(codes.subarray(from, Math.min(from + shape.group, (row + 1) * shape.columns)), (row * groups + g) * width);
    }
  }
  return padded;
}

/** Code `i` of the first half of each `width` codes goes above code `i` of the second half. */
function packHalves(codes: Int8Array, width: number): Uint8Array {
  const half = width / 2;
  return Uint8Array.from({ length: codes.length / 2 }, (_, i) => {
    const high = Math.floor(i / half) * width + (i % half);
    return ((codes[high]! + 8) << 4) | (codes[high + half]! + 8);
  });
}

/** Two codes a byte, the first in the low bits. */
export const packPairs = (codes: Uint8Array): Uint8Array =>
  Uint8Array.from({ length: codes.length / 2 }, (_, i) => codes[2 * i]! | (codes[2 * i + 1]! << 4));
