import type { ReadConsistency } from '../../ann/replication/read-consistency.ts';
import type { IndexManifest, ShardMember } from '../index-manifest.ts';
import type {
  CountedTerms,
  ShardFetch,
  ShardFieldSearch,
  ShardMatches,
  ShardQuery,
  ShardStatistics,
  ShardVectors,
} from '../../ann/shard-protocol.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { FanOut, Gathered, Leaf } from './fan-out.ts';
import { LastWords } from './last-words.ts';
import type { MemberChoice } from './member-choice.ts';
import type { BatchPart } from './search-batch.ts';
import { shardName, replicaName } from '../index-manifest.ts';
import { STRONG } from '../../ann/replication/read-consistency.ts';
import { API_LIMITS } from '../../contract/api/api-limits.ts';
import { VECTOR_LIMITS } from '../../contract/vectors/vector-limits.ts';
import type { Clock } from '../../kernel/clock.ts';
import { must } from '../../kernel/assert.ts';
import { ok } from '../../kernel/result.ts';

/** The settings of one search. */
export interface Reading {
  readonly consistency: ReadConsistency;
  /** Milliseconds since the Unix epoch: then it answers with what it has. Absent: `queryDeadlineDefaultMs` from now. */
  readonly deadlineMs?: number | undefined;
  /** Present when it is one of several searches of a request, which share calls. */
  readonly part?: BatchPart | undefined;
}

/** Reads of one object: a shard, or a replica, which refuses with `unavailable` what it lacks. */
export interface MemberReads {
  query(manifest: IndexManifest, member: ShardMember, query: ShardQuery, consistency: ReadConsistency): Promise<Outcome<ShardMatches>>;
  /** Several searches in one call. */
  queryAll(
    manifest: IndexManifest,
    member: ShardMember,
    queries: readonly ShardQuery[],
    consistency: ReadConsistency,
  ): Promise<Outcome<readonly Outcome<ShardMatches>[]>>;
  fetch(manifest: IndexManifest, member: ShardMember, fetch: ShardFetch, consistency: ReadConsistency): Promise<Outcome<ShardVectors>>;
  searchFields(
    manifest: IndexManifest,
    member: ShardMember,
    search: ShardFieldSearch,
    consistency: ReadConsistency,
  ): Promise<Outcome<ShardMatches>>;
  termStatistics(
    manifest: IndexManifest,
    member: ShardMember,
    asked: ShardStatistics,
    consistency: ReadConsistency,
  ): Promise<Outcome<CountedTerms>>;
}

/** An answer, and the member that gave it. */
export interface FromMember<T> {
  readonly member: ShardMember;
  readonly answer: T;
}

/** A reading whose deadline is set. */
interface Due extends Reading {
  readonly deadlineMs: number;
}

interface ShardReadsParts {
  readonly members: MemberReads;
  readonly fanOut: FanOut;
  readonly choice: MemberChoice;
  readonly clock: Clock;
  /** Where this isolate is, as a location hint: replicas are requested near the isolates that read most. */
  readonly near?: () => string | undefined;
}

/** Reads of shards: strong ones go to the shards themselves, others to the quickest of a shard and its replicas. */
export class ShardReads {
  readonly #parts: ShardReadsParts;
  readonly #words = new LastWords();

  constructor(parts: ShardReadsParts) {
    this.#parts = parts;
  }

  get nowMs(): number {
    return this.#parts.clock.nowMs();
  }

  deadlineOf({ deadlineMs }: Partial<Reading>): number {
    return deadlineMs ?? this.#parts.clock.nowMs() + API_LIMITS.queryDeadlineDefaultMs;
  }

  /** What an only shard answers. */
  async query(manifest: IndexManifest, query: ShardQuery, reading: Reading = { consistency: STRONG }): Promise<Outcome<ShardMatches>> {
    const { members } = this.#parts;
    const { consistency } = reading;
    if (isUnguarded(manifest, reading)) return this.#askOnly(manifest, () => members.query(manifest, ONLY, this.#sent(query), consistency));
    const gathered = await this.gather(manifest, [0], query, reading);
    return gathered.ok ? ok(onlyOf(gathered.value)) : gathered;
  }

  /** The same of vectors by their ids. */
  async fetch(manifest: IndexManifest, fetch: ShardFetch, consistency: ReadConsistency = STRONG): Promise<Outcome<ShardVectors>> {
    const { members } = this.#parts;
    if (isUnguarded(manifest, { consistency })) return this.#askOnly(manifest, () => members.fetch(manifest, ONLY, fetch, consistency));
    const gathered = await this.gatherVectors(manifest, [{ shard: 0, fetch }], { consistency });
    return gathered.ok ? ok(onlyOf(gathered.value)) : gathered;
  }

  /** What an only shard answers to a leg over fields. */
  async searchFields(manifest: IndexManifest, search: ShardFieldSearch, reading: Reading): Promise<Outcome<ShardMatches>> {
    const { members } = this.#parts;
    const { consistency } = reading;
    if (isUnguarded(manifest, reading)) return this.#askOnly(manifest, () => members.searchFields(manifest, ONLY, search, consistency));
    const gathered = await this.gatherFields(manifest, [ONLY.shard], search, reading);
    return gathered.ok ? ok(onlyOf(gathered.value)) : gathered;
  }

  /** What these shards find in their fields until the deadline. */
  gatherFields(
    manifest: IndexManifest,
    shards: readonly number[],
    search: ShardFieldSearch,
    reading: Reading,
  ): Promise<Outcome<Gathered<FromMember<ShardMatches>>>> {
    const { members } = this.#parts;
    return this.#gather(manifest, shards, reading, (member, budgetMs) =>
      members.searchFields(manifest, member, { ...search, budgetMs }, reading.consistency),
    );
  }

  gatherStatistics(
    manifest: IndexManifest,
    shards: readonly number[],
    asked: ShardStatistics,
    reading: Reading,
  ): Promise<Outcome<Gathered<FromMember<CountedTerms>>>> {
    const { members } = this.#parts;
    return this.#gather(manifest, shards, reading, (member, budgetMs) =>
      members.termStatistics(manifest, member, { ...asked, budgetMs }, reading.consistency),
    );
  }

  /** Asks shards the same, each in a call of its own. */
  #gather<T>(
    manifest: IndexManifest,
    shards: readonly number[],
    { consistency, deadlineMs }: Reading,
    ask: (member: ShardMember, budgetMs: number) => Promise<Outcome<T>>,
  ): Promise<Outcome<Gathered<FromMember<T>>>> {
    const untilMs = this.deadlineOf({ deadlineMs });
    const leaves = shards.map((shard) => this.#leaf(manifest, shard, { consistency, deadlineMs: untilMs }, ask));
    return this.#parts.fanOut.gather(leaves, untilMs);
  }

  /** What shards have of the vectors that each is asked for. */
  gatherVectors(
    manifest: IndexManifest,
    asks: readonly { readonly shard: number; readonly fetch: ShardFetch }[],
    { consistency, deadlineMs }: Reading,
  ): Promise<Outcome<Gathered<FromMember<ShardVectors>>>> {
    const { members, fanOut } = this.#parts;
    const untilMs = this.deadlineOf({ deadlineMs });
    const leaves = asks.map(({ shard, fetch }) =>
      this.#leaf(manifest, shard, { consistency, deadlineMs: untilMs }, (member, budgetMs) =>
        members.fetch(manifest, member, { ...fetch, budgetMs }, consistency),
      ),
    );
    return fanOut.gather(leaves, untilMs);
  }

  /** What these shards find until the deadline. */
  gather(
    manifest: IndexManifest,
    shards: readonly number[],
    query: ShardQuery,
    { consistency, deadlineMs, part }: Reading,
  ): Promise<Outcome<Gathered<FromMember<ShardMatches>>>> {
    const { members, fanOut } = this.#parts;
    const sent = this.#sent(query);
    const untilMs = this.deadlineOf({ deadlineMs });
    const leaves = shards.map((shard) =>
      this.#leaf(manifest, shard, { consistency, deadlineMs: untilMs, part }, (member, budgetMs) => {
        const due = { ...sent, budgetMs };
        if (part === undefined) return members.query(manifest, member, due, consistency);
        const key = JSON.stringify([shard, member.replica, consistency]);
        return part.ask(key, due, (queries) => members.queryAll(manifest, member, queries, consistency));
      }),
    );
    return fanOut.gather(leaves, untilMs);
  }

  /** Asks an only shard whose caller set no deadline. */
  #askOnly<T>(manifest: IndexManifest, ask: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
    return this.#parts.fanOut.only(() => this.#unlessBusy(shardName(manifest, ONLY.shard), API_LIMITS.queryDeadlineMaxMs, ask));
  }

  /** Asks an object, unless it said lately that it would refuse. */
  async #unlessBusy<T>(name: string, budgetMs: number, ask: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
    const { clock } = this.#parts;
    const refused = this.#words.refusal(name, budgetMs, clock.nowMs());
    if (refused !== undefined) return refused;
    const outcome = await ask();
    this.#words.note(name, budgetMs, outcome, clock.nowMs());
    return outcome;
  }

  #sent(query: ShardQuery): ShardQuery {
    // An aggregator passes on what the shards reported to it.
    const near = query.near ?? this.#parts.near?.();
    const sent = { ...query, target: ownTarget(query) };
    return near === undefined ? sent : { ...sent, near };
  }

  #leaf<T>(
    manifest: IndexManifest,
    shard: number,
    { consistency, deadlineMs, part }: Due,
    ask: (member: ShardMember, budgetMs: number) => Promise<Outcome<T>>,
  ): Leaf<FromMember<T>> {
    const { choice, clock } = this.#parts;
    const primary = shardName(manifest, shard);
    const replicas = consistency.kind === 'strong' ? [] : (manifest.replicas ?? []).filter((replica) => replica.shard === shard);
    const members = new Map<string, ShardMember>([[primary, { shard, replica: null }]]);
    for (const { replica } of replicas) members.set(replicaName(primary, replica), { shard, replica });
    const call =
      (name: string, share = 1) =>
      async (): Promise<Outcome<FromMember<T>>> => {
        const member = must(members.get(name), 'only members are asked');
        const leftMs = returnedInMs(deadlineMs - clock.nowMs());
        const budgetMs = leftMs * share;
        const asked = () => this.#unlessBusy(name, budgetMs, () => ask(member, budgetMs));
        const outcome = await (part === undefined ? choice.observe(name, clock, asked) : asked());
        return outcome.ok ? ok({ member, answer: outcome.value }) : outcome;
      };
    const isShared = part !== undefined;
    if (members.size === 1) return { shard, ask: call(primary), isShared };
    const [first = primary, second = primary] = choice.ranked([...members.keys()], clock.nowMs());
    // A replica that lacks what is asked for can only be replaced by the shard itself, which has everything. The first member that is asked
    // refuses what it has no time for early enough to ask the other one.
    return { shard, ask: call(first, 1 / 2), askSpare: call(first === primary ? second : primary), isShared };
  }
}

/** How much of the time that is left a shard has, so that its answer is back in time. */
export const returnedInMs = (leftMs: number): number =>
  Math.max(0, leftMs - Math.max(VECTOR_LIMITS.readReturnMs, VECTOR_LIMITS.readReturnShare * leftMs));

const ONLY: ShardMember = { shard: 0, replica: null };

/**
 * Whether a read of an only shard needs no deadline here: its caller set none, it shares no call, and there is no replica to ask instead. The shard itself refuses
 * in time what would have to wait too long, and the platform ends calls of an object that it has lost.
 */
const isUnguarded = ({ replicas }: IndexManifest, { consistency, deadlineMs, part }: Reading): boolean =>
  deadlineMs === undefined && part === undefined && (consistency.kind === 'strong' || replicas === undefined || replicas.length === 0);

const onlyOf = <T>({ answers }: Gathered<FromMember<T>>): T => must(answers[0], 'without any answer, gathering is refused').value.answer;

/** RPC sends the whole buffer of a view. */
function ownTarget({ target }: ShardQuery): ShardQuery['target'] {
  if (target.kind !== 'values' || target.values.byteLength === target.values.buffer.byteLength) return target;
  return { kind: 'values', values: target.values.slice() };
}
