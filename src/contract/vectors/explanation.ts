import * as z from 'zod';

import { about } from '../api/api-text.ts';

const count = z.int().min(0);

/** What searching cost a shard: counts that are the same however fast the machine is. */
export const searchCost = {
  shards_asked: z.number().min(0).meta(about('Shards of the index that searched.')),
  lists_probed: z.number().min(0).meta(about('Lists of the index whose codes were compared with the query.')),
  lists_paged_in: z.number().min(0).meta(about('Those of them that were not in memory.')),
  codes_scanned: z.number().min(0).meta(about('Vectors whose codes were compared with the query.')),
  candidates_rescored: z.number().min(0).meta(about('Vectors that came into question by their codes and were scored more finely.')),
  rows_read: z.number().min(0).meta(about('Vectors that were read from storage.')),
  bytes_touched: z.number().min(0).meta(about('Codes and vectors that were read, in memory and from storage.')),
};

export const explanation = z
  .object({
    engine: z
      .enum(['flat', 'lists', 'rows', 'postings'])
      .meta(
        about(
          '`flat`: the codes of all vectors were scanned. `lists`: those of the lists next to the query, and of vectors written of late. ' +
            '`rows`: so few vectors were left to choose from that each was read. `postings`: terms or dimensions of a field were looked up.',
        ),
      ),
    ...searchCost,
    filter: z
      .object({
        estimated_rows: count.nullable().meta(about('How many vectors it was taken to leave, if that was asked beforehand.')),
        selected_rows: count.nullable().meta(about('How many vectors it left; null when it named those to leave out.')),
        applied: z
          .enum(['rows', 'scan'])
          .meta(about('`rows`: the vectors it left were read one by one. `scan`: what the engine found was held against it.')),
      })
      .nullable()
      .meta(about('The filter and the exclusions together; null when there was neither.')),
  })
  .meta({ id: 'Explanation', description: 'How a query was answered. How long it took is in `server-timing`.' });
