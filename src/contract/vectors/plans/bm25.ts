import * as z from 'zod';

/** k1 of BM25: from where on further occurrences count for nothing at all. */
const K1_MAX = 10;

/** Saturation and length normalisation of BM25 where nothing else is said (Robertson and Zaragoza 2009). */
export const BM25 = { k1: 1.2, b: 0.75 };

export const bm25K1 = z.number().min(0).max(K1_MAX);
export const bm25B = z.number().min(0).max(1);
