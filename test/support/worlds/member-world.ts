import { FanOut } from '../../../src/index/fan-out/fan-out.ts';
import { MemberChoice } from '../../../src/index/fan-out/member-choice.ts';
import type { MemberReads } from '../../../src/index/fan-out/shard-reads.ts';
import { ShardReads } from '../../../src/index/fan-out/shard-reads.ts';
import type { IndexManifest, ShardMember } from '../../../src/index/index-manifest.ts';
import { compareScores, score } from '../../../src/ann/metric.ts';
import type {
  CountedTerms,
  ShardFieldSearch,
  ShardMatches,
  ShardQuery,
  ShardStatistics,
  ShardVectors,
} from '../../../src/ann/shard-protocol.ts';
import type { ErrorCode } from '../../../src/contract/api/errors.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { refuse } from '../../../src/contract/api/outcome.ts';
import type { IndexId, TenantId } from '../../../src/kernel/ids.ts';
import { ok } from '../../../src/kernel/result.ts';
import { VirtualTime } from './virtual-time.ts';

export interface MemberVector {
  readonly id: string;
  readonly values: readonly number[];
  readonly version?: number;
  readonly metadata?: string;
}

/** How one object behaves. */
interface Behaviour {
  readonly takesMs: number;
  readonly lsn: number;
  readonly fails?: ErrorCode | undefined;
}

export const MANIFEST: IndexManifest = {
  id: 'ix_members' as IndexId,
  tenantId: 'tn_members' as TenantId,
  name: 'members',
  dimensions: 2,
  metric: 'dot',
  embedding: null,
  owner: 'tests',
  createdS: 0,
  generation: 1,
};

/** Shards and replicas of an index in virtual time: plain lists of vectors, which answer when and how the test configures. */
export class MemberWorld implements MemberReads {
  readonly time = new VirtualTime();
  readonly fanOut = new FanOut(this.time, this.time);
  readonly reads = new ShardReads({ members: this, fanOut: this.fanOut, choice: new MemberChoice(), clock: this.time });
  readonly vectors = new Map<number, MemberVector[]>();
  readonly #behaviours = new Map<string, Behaviour>();
  readonly asked: ShardMember[] = [];
  readonly sent: ShardQuery[] = [];
  readonly searched: { readonly shard: number; readonly search: ShardFieldSearch }[] = [];
  readonly counted: { readonly shard: number; readonly asked: ShardStatistics }[] = [];
  /** Calls with several searches: how many each. */
  readonly batches: { readonly member: ShardMember; readonly count: number }[] = [];

  behave(shard: number, behaviour: Partial<Behaviour>, replica: number | null = null): void {
    this.#behaviours.set(`${shard}/${replica}`, { ...this.#of({ shard, replica }), ...behaviour });
  }

  async query({ metric }: IndexManifest, member: ShardMember, query: ShardQuery): Promise<Outcome<ShardMatches>> {
    this.sent.push(query);
    const { target, topK, include } = query;
    const answered = await this.#answer(member);
    if (!answered.ok) return answered;
    const values = target.kind === 'values' ? target.values : Float32Array.of();
    const found = (this.vectors.get(member.shard) ?? [])
      .map((vector) => ({ vector, closeness: score(metric, values, Float32Array.from(vector.values)) }))
      .sort((a, b) => compareScores(metric, a.closeness, b.closeness) || (a.vector.id < b.vector.id ? -1 : 1))
      .slice(0, topK);
    const columns = columnsOf(
      found.map(({ vector }) => vector),
      include,
    );
    return ok({ ...columns, scores: found.map(({ closeness }) => closeness), lsn: answered.value });
  }

  async queryAll(manifest: IndexManifest, member: ShardMember, queries: readonly ShardQuery[]): Promise<Outcome<Outcome<ShardMatches>[]>> {
    this.batches.push({ member, count: queries.length });
    return ok(await Promise.all(queries.map((query) => this.query(manifest, member, query))));
  }

  async fetch(
    _: IndexManifest,
    member: ShardMember,
    { ids, include }: Parameters<MemberReads['fetch']>[2],
  ): Promise<Outcome<ShardVectors>> {
    const answered = await this.#answer(member);
    if (!answered.ok) return answered;
    const held = this.vectors.get(member.shard) ?? [];
    const found = ids.flatMap((id) => held.find((vector) => vector.id === id) ?? []);
    return ok({ ...columnsOf(found, include), lsn: answered.value });
  }

  /** As a leg whose only field is the first value of each vector: the highest is the best. */
  async searchFields(_: IndexManifest, member: ShardMember, search: ShardFieldSearch): Promise<Outcome<ShardMatches>> {
    this.searched.push({ shard: member.shard, search });
    const answered = await this.#answer(member);
    if (!answered.ok) return answered;
    const scoreOf = ({ values: [first = 0] }: MemberVector) => first;
    const found = [...(this.vectors.get(member.shard) ?? [])]
      .sort((a, b) => scoreOf(b) - scoreOf(a) || (a.id < b.id ? -1 : 1))
      .slice(0, search.topK);
    return ok({ ...columnsOf(found, search.include), scores: found.map(scoreOf), lsn: answered.value });
  }

  /** Each vector is a document of the field `body`, of one term. */
  async termStatistics(_: IndexManifest, member: ShardMember, asked: ShardStatistics): Promise<Outcome<CountedTerms>> {
    this.counted.push({ shard: member.shard, asked });
    const answered = await this.#answer(member);
    if (!answered.ok) return answered;
    const documents = this.vectors.get(member.shard)?.length ?? 0;
    const fields = [{ name: 'body', documents, totalLength: documents }];
    return ok({ fields, terms: [{ field: 'body', term: 'word', documents }], lsn: answered.value });
  }

  async #answer(member: ShardMember): Promise<Outcome<number>> {
    this.asked.push(member);
    const { takesMs, lsn, fails } = this.#of(member);
    await this.time.sleep(takesMs);
    return fails === undefined ? ok(lsn) : refuse(fails, 'as told');
  }

  #of({ shard, replica }: ShardMember): Behaviour {
    return this.#behaviours.get(`${shard}/${replica}`) ?? { takesMs: 2, lsn: 1 };
  }
}

function columnsOf(vectors: readonly MemberVector[], include: ShardQuery['include']): Omit<ShardVectors, 'lsn'> {
  return {
    ids: vectors.map(({ id }) => id),
    values: include.values ? Float32Array.from(vectors.flatMap(({ values }) => values)) : null,
    metadata: include.metadata ? vectors.map(({ metadata }) => metadata ?? null) : null,
    texts: null,
    versions: vectors.map(({ version }) => version ?? 0),
  };
}
