import type { VectorColumns } from '../../../../src/ann/shard-protocol.ts';
import { shownId } from '../../../../src/contract/qdrant/point-id.ts';
import type { PayloadSelector } from '../../../../src/contract/qdrant/selectors.ts';
import type { OnIndex } from '../../../../src/gateway/vectors.ts';
import { float32Json } from '../../../../src/kernel/float32-json.ts';
import { selectPayload } from './payload-selection.ts';

/** Which parts of points an answer carries. */
export interface Shown {
  readonly with_payload: PayloadSelector;
  readonly with_vector: boolean;
}

/** What has to be read for that. */
export const includeOf = ({ with_payload: payload, with_vector: values }: Shown) => ({ values, metadata: payload !== false, text: false });

/** Vectors as points. */
export function recordsOf({ ids, values, metadata, manifest: { dimensions } }: OnIndex<VectorColumns>, shown: Shown) {
  return ids.map((id, i) => {
    const payload = selectPayload(metadata?.[i] ?? null, shown.with_payload);
    return {
      id: shownId(id),
      ...(payload === undefined ? {} : { payload }),
      ...(values === null ? {} : { vector: float32Json(values.subarray(i * dimensions, (i + 1) * dimensions)) }),
    };
  });
}
