export interface GateBounds {
  /** Least mean share of the base's ten nearest documents that the candidate keeps. */
  readonly overlapMin: number;
  /** Least lower end of the interval of nDCG@10 as a share of the base's. */
  readonly ndcgRatioMin: number;
  /** How far Spearman's correlation with people may fall. */
  readonly similarityDropMax: number;
}

/** What int8 reaches with ease. A model that is made much smaller needs bounds that its owner states, and its card shows them. */
export const GATE_BOUNDS: GateBounds = { overlapMin: 0.95, ndcgRatioMin: 0.98, similarityDropMax: 0.005 };

export type GateCheckName = 'overlap@10' | 'ndcg@10 ratio' | 'similarity drop' | 'vectors not finite' | 'further zero vectors';
