import * as z from 'zod';

import { about } from '../../api/api-text.ts';
import { JUDGED_LIMITS } from './judged-limits.ts';

/** What a ranking is measured by; of one with a `k`, only the first k count. */
export type Measure =
  | { readonly kind: 'ndcg' | 'recall' | 'success'; readonly k: number }
  | { readonly kind: 'mrr' | 'map'; readonly k?: number }
  | { readonly kind: 'r_precision' };

const NAME = /^(?:(?:ndcg|recall|success)@[1-9]\d{0,3}|(?:mrr|map)(?:@[1-9]\d{0,3})?|r_precision)$/;

/** A measure by its name, such as `ndcg@10`. */
export const measureName = z
  .string()
  .regex(NAME, 'must be ndcg@k, recall@k, success@k, mrr, mrr@k, map, map@k or r_precision')
  .refine(
    (name) => depthOf(measureOf(name)) <= JUDGED_LIMITS.evaluationDepthMaxCount,
    `has a k of more than ${JUDGED_LIMITS.evaluationDepthMaxCount} (evaluationDepthMaxCount)`,
  )
  .meta(
    about(
      '`ndcg@k`, `recall@k`, `success@k`, `mrr`, `mrr@k`, `map`, `map@k` or `r_precision`, each as trec_eval has it, with linear gains.',
      'ndcg@10',
    ),
  );

/** The measure of a name that `measureName` takes. */
export function measureOf(name: string): Measure {
  const [kind, k] = name.split('@') as [Measure['kind'], string?];
  return (k === undefined ? { kind } : { kind, k: Number(k) }) as Measure;
}

/** How deep a ranking must be for a measure. */
export const depthOf = (measure: Measure): number => ('k' in measure ? (measure.k ?? 0) : 0);
