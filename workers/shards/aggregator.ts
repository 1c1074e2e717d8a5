import { WorkerEntrypoint } from 'cloudflare:workers';

import type { MembersEnv } from '../../durable-objects/durable-members.ts';
import { DurableMembers } from '../../durable-objects/durable-members.ts';
import { systemClock, systemTimer } from '../../durable-objects/system-time.ts';
import { FanOut } from '../../src/index/fan-out/fan-out.ts';
import { MemberChoice } from '../../src/index/fan-out/member-choice.ts';
import type { CountedTerms } from '../../src/ann/shard-protocol.ts';
import type { GroupFieldQuery, GroupFieldReads, GroupStatistics } from '../../src/index/fan-out/group-fields.ts';
import { countGroup, searchGroupFields } from '../../src/index/fan-out/group-fields.ts';
import type { PartAnswer } from '../../src/index/fan-out/merge-answers.ts';
import type { GroupQuery, GroupSearch } from '../../src/index/fan-out/group-search.ts';
import { searchGroup } from '../../src/index/fan-out/group-search.ts';
import { ShardReads } from '../../src/index/fan-out/shard-reads.ts';
import type { Outcome } from '../../src/contract/api/outcome.ts';

const FAN_OUT = new FanOut(systemClock, systemTimer);
const CHOICE = new MemberChoice();

/**
 * An aggregator: calls a group of an index's shards, and returns the closest of what they find. It stores only how long calls take, and
 * holds at a time one answer for each shard of a group, bounded by `fanOutReplyBytesMax`: so it may share the memory of this Worker with
 * vectors.
 */
export class Aggregator extends WorkerEntrypoint<MembersEnv> implements GroupSearch, GroupFieldReads {
  search(query: GroupQuery): Promise<Outcome<PartAnswer>> {
    return searchGroup(this.#reads, query);
  }

  searchFields(query: GroupFieldQuery): Promise<Outcome<PartAnswer>> {
    return searchGroupFields(this.#reads, query);
  }

  termStatistics(query: GroupStatistics): Promise<Outcome<CountedTerms>> {
    return countGroup(this.#reads, query);
  }

  get #reads(): ShardReads {
    return new ShardReads({ members: new DurableMembers(this.env), fanOut: FAN_OUT, choice: CHOICE, clock: systemClock });
  }
}
