import type { PartAnswer } from '../../index/fan-out/merge-answers.ts';
import type { GroupQuery } from '../../index/fan-out/shard-group.ts';
import type { Outcome } from '../../contract/outcome.ts';

/** Aggregators: each asks a group of shards and answers what they find together. */
export interface GroupCalls {
  search(query: GroupQuery): Promise<Outcome<PartAnswer>>;
}
