import { shareOf } from '../../../src/index/recall-estimate.ts';
import type { RecallReply } from '../../../src/contract/recall.ts';
import { RECALL_TARGET_DEFAULT } from '../../../src/contract/recall-target.ts';
import type { MeasuredRecall } from '../../../src/gateway/recall-measurement.ts';
import type { OnIndex } from '../../../src/gateway/vectors.ts';
import { costReply } from './explanation-reply.ts';

export function recallReply(measured: OnIndex<MeasuredRecall>, topK: number): RecallReply {
  const { manifest, estimate, sampleCount, worst, cost, exactCost, lsn } = measured;
  return {
    object: 'index.recall',
    recall: estimate?.mean ?? null,
    standard_error: estimate?.standardError ?? null,
    interval_95: estimate === undefined ? null : { low: estimate.low, high: estimate.high },
    target: manifest.recall ?? RECALL_TARGET_DEFAULT,
    top_k: topK,
    samples: sampleCount,
    worst: worst.map((sample) => ({ id: sample.id, recall: shareOf(sample) })),
    search: sampleCount === 0 ? null : costReply(cost, sampleCount),
    exact_search: sampleCount === 0 ? null : costReply(exactCost, sampleCount),
    lsn,
  };
}
