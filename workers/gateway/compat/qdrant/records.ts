import type { PathStep } from '../../../../src/ann/metadata-edit.ts';
import { editMetadata } from '../../../../src/ann/metadata-edit.ts';
import type { VectorColumns } from '../../../../src/ann/shard-protocol.ts';
import type { JsonValue } from '../../../../src/contract/api/json-value.ts';
import { shownId } from '../../../../src/contract/qdrant/point-id.ts';
import type { PayloadSelector } from '../../../../src/contract/qdrant/selectors.ts';
import type { OnIndex } from '../../../../src/gateway/vectors/vectors.ts';
import { isRawJson, parseExactJson } from '../../../../src/kernel/exact-json.ts';
import { float32Json } from '../../../../src/kernel/float32-text.ts';

/** Which parts of points an answer carries. */
export interface Shown {
  readonly with_payload: PayloadSelector;
  readonly with_vector: boolean;
}

/** What has to be read for that. */
export const includeOf = ({ with_payload: payload, with_vector: values }: Shown) => ({ values, metadata: payload !== false, text: false });

/** Vectors as points; of cosines, with their directions alone, as Qdrant stores them. [Q84] */
export function recordsOf({ ids, values, vectorless, metadata, manifest: { dimensions, metric } }: OnIndex<VectorColumns>, shown: Shown) {
  const shownValues = (row: Float32Array): Float32Array => (metric === 'cosine' ? unitVector(row) : row);
  return ids.map((id, i) => {
    const payload = selectPayload(metadata?.[i] ?? null, shown.with_payload);
    return {
      id: shownId(id),
      ...(payload === undefined ? {} : { payload }),
      ...(values === null || vectorless?.[i] === true
        ? {}
        : { vector: float32Json(shownValues(values.subarray(i * dimensions, (i + 1) * dimensions))) }),
    };
  });
}

/** How far the square of a length may be from 1 for a vector to be left as it is; that of zeros is, too. */
const UNIT_TOLERANCE = 1e-6;

/** Of a vector, the one of length 1. The squares of the largest floats do not fit one, but their sum fits a double. */
function unitVector(values: Float32Array): Float32Array {
  const square = values.reduce((sum, x) => sum + x * x, 0);
  return square === 0 || Math.abs(square - 1) <= UNIT_TOLERANCE ? values : values.map((x) => x / Math.sqrt(square));
}

type Paths = readonly (readonly PathStep[])[];

/** The part of a stored payload that is asked for; undefined: none of it. */
export function selectPayload(json: string | null, selector: PayloadSelector): JsonValue | undefined {
  if (selector === false) return undefined;
  if (json === null) return {};
  if (selector === true) return parseExactJson(json) as JsonValue;
  if ('exclude' in selector) return editMetadata(json, { kind: 'unset', paths: selector.exclude });
  return pick(parseExactJson(json) as JsonValue, selector.include) ?? {};
}

/** What of a value lies on some paths, or undefined. */
function pick(value: JsonValue, paths: Paths): JsonValue | undefined {
  if (paths.some((path) => path.length === 0)) return value;
  if (Array.isArray(value)) return pickItems(value, paths);
  if (typeof value !== 'object' || value === null || isRawJson(value)) return undefined;
  const members = Object.entries(value).flatMap(([key, member]) => {
    const rests = paths.filter(([step]) => step === key).map(([, ...rest]) => rest);
    const picked = rests.length === 0 ? undefined : pick(member, rests);
    return picked === undefined ? [] : [[key, picked] as const];
  });
  return members.length === 0 ? undefined : Object.fromEntries(members);
}

function pickItems(items: readonly JsonValue[], paths: Paths): JsonValue | undefined {
  const picked = items.flatMap((item, at) => {
    const rests = paths.filter(([step]) => step === null || step === at).map(([, ...rest]) => rest);
    return rests.length === 0 ? [] : [pick(item, rests)];
  });
  const there = picked.filter((item) => item !== undefined);
  return there.length === 0 ? undefined : there;
}
