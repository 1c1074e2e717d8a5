import { parse } from 'node:path';

import type { Metric } from '../../../src/contract/indexes/index-settings.ts';
import type { AnnOptions } from './ann-options.ts';
import { gloveSet } from './glove.ts';
import type { SetPlace } from './vector-set.ts';

/** The vector set of the bench: the one in the folder `data`, or the word vectors. */
export async function placeOf({ data, metric, quick }: Pick<AnnOptions, 'data' | 'metric' | 'quick'>): Promise<SetPlace> {
  if (data === undefined) return gloveSet(quick === true);
  return { folder: data, name: parse(data).base, metric: (metric ?? 'cosine') as Metric };
}
