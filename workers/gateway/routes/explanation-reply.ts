import type { SearchCost } from '../../../src/ann/search-cost.ts';
import type { Explanation } from '../../../src/ann/shard-protocol.ts';

/** What searches cost on the wire; of several together, the mean of `count` of them. */
export const costReply = (cost: SearchCost, count = 1) => ({
  shards_asked: cost.shardsAsked / count,
  lists_probed: cost.listsProbed / count,
  lists_paged_in: cost.listsPagedIn / count,
  codes_scanned: cost.codesScanned / count,
  candidates_rescored: cost.rescored / count,
  rows_read: cost.rowsRead / count,
  bytes_touched: cost.bytesTouched / count,
});

export const explanationReply = ({ engine, filter, ...cost }: Explanation) => ({
  engine,
  ...costReply(cost),
  filter: filter === null ? null : { estimated_rows: filter.estimatedRows, selected_rows: filter.selectedRows, applied: filter.applied },
});
