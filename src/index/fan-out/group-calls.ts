import type { PartAnswer } from './merge-answers.ts';
import type { GroupQuery } from './shard-group.ts';
import type { Outcome } from '../../contract/outcome.ts';

/** Aggregators: each asks a group of shards and answers what they find together. */
export interface GroupCalls {
  search(query: GroupQuery): Promise<Outcome<PartAnswer>>;
}
