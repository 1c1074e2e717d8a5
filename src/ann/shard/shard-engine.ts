import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import { CorruptList } from '../lists/integrity.ts';
import type { SearchCost } from '../search-cost.ts';
import { addCosts, NO_COST } from '../search-cost.ts';
import type { Selection } from '../filter/selection.ts';
import type { Explanation } from '../shard-protocol.ts';
import type { MaintainedShard } from '../maintenance/maintained-shard.ts';
import { Maintenance } from '../maintenance/maintenance.ts';
import { OutsideBuilds } from '../maintenance/outside-build.ts';
import type { PlacedVector, ReadVectors, Row, VectorMatch, VectorPlace, VectorQuery } from '../stored-vector.ts';
import type { ShardHeader } from '../shard-header.ts';
import type { VectorStore } from '../store/vector-store.ts';
import type { EngineResources } from './engine-resources.ts';
import { Memtable } from '../engine/memtable.ts';
import { RecentColumns } from '../engine/recent-columns.ts';
import { RecentVectors } from '../engine/recent-vectors.ts';
import { Rescoring } from '../rescoring.ts';
import { ShardLists } from '../engine/shard-lists.ts';

export interface ExplainedMatches {
  readonly matches: VectorMatch[];
  readonly explanation: Omit<Explanation, 'filter'>;
}

/**
 * What a shard searches with: every vector is either in the memtable, which is exact, or in a posting list. It follows the store,
 * from which all of it can be loaded again.
 */
export class ShardEngine {
  /** What queries answered of rows beside their values. */
  readonly columns: RecentColumns;
  readonly #resources: EngineResources;
  readonly #name: string;
  readonly #store: VectorStore;
  readonly #memtable: Memtable;
  readonly #lists: ShardLists;
  #recent: RecentVectors | undefined;
  #maintenance: Maintenance | undefined;

  constructor(resources: EngineResources, name: string, store: VectorStore) {
    this.#resources = resources;
    this.#name = name;
    this.#store = store;
    this.#memtable = new Memtable(resources.memory, resources.scanner, `${name}/memtable`, store);
    this.#lists = new ShardLists(resources, `${name}/lists`, store);
    this.columns = new RecentColumns(resources.memory, `${name}/columns`);
  }

  /** Bytes resident. */
  get bytes(): number {
    return this.#memtable.bytes + this.#lists.bytes + (this.#recent?.bytes ?? 0) + this.columns.bytes;
  }

  /** Whether background work was asked for since everything was let go of. */
  get isMaintained(): boolean {
    return this.#maintenance !== undefined;
  }

  /** The closest vectors of a namespace, or of the selected ones; exactly so if asked to or without lists. */
  search(query: VectorQuery, among: Selection | undefined, header: ShardHeader): ExplainedMatches {
    return this.#healing(() => this.#search(query, among, header));
  }

  /** The closest of a few rows: reads and scores each. */
  searchRows(query: VectorQuery, rows: Iterable<Row>, header: ShardHeader): ExplainedMatches {
    const rescoring = new Rescoring(header.metric, query, this.#reading(header));
    rescoring.push(Array.from(rows, (row) => ({ row, closest: Infinity })));
    return { matches: rescoring.matches(), explanation: { engine: 'rows', ...readingCost(rescoring, header), shardsAsked: 1 } };
  }

  /** Follows a write. */
  put(vectors: readonly PlacedVector[], header: ShardHeader, nowMs: number): void {
    this.#memtable.put(vectors, header);
    this.#lists.add(vectors);
    this.#maintenanceOf(header).wrote(vectors.length, nowMs);
  }

  /** Follows a deletion. */
  remove(places: readonly VectorPlace[]): void {
    this.#memtable.remove(places.map(({ row }) => row));
    this.#lists.remove(places);
  }

  /** Lets go of all memory. */
  drop(): void {
    this.#maintenance?.stop();
    this.#maintenance = undefined;
    this.#memtable.drop();
    this.#lists.drop();
    this.#recent?.drop();
    this.columns.drop();
  }

  /** Whether there may be background work. */
  isMaintenanceDue(header: ShardHeader): boolean {
    return this.#healing(() => this.#maintenanceOf(header).isDue(header));
  }

  /** How long after a write background work begins. */
  maintenanceDelayMs(nowMs: number): number {
    return this.#maintenance?.delayMs(nowMs) ?? INDEX_LIMITS.shardSweepDelayMs;
  }

  /** Does a slice of background work; returns when to continue, in milliseconds since the Unix epoch, or undefined when none is due. */
  maintain(nowMs: number, header: ShardHeader): number | undefined {
    return this.#healing(() => this.#maintenanceOf(header).step(nowMs));
  }

  /** Trainings of its lists that are done elsewhere. */
  builds(header: ShardHeader): OutsideBuilds {
    return new OutsideBuilds(this.#maintained(header), () => this.#maintenance?.stop());
  }

  #search(query: VectorQuery, among: Selection | undefined, header: ShardHeader): ExplainedMatches {
    const rescoring = new Rescoring(header.metric, query, this.#reading(header));
    const hasLists = this.#lists.listSets().length > 0;
    if (hasLists && among === undefined && this.#lists.liveCount(query.namespace) <= INDEX_LIMITS.filterExactMaxCount) {
      return this.searchRows(query, this.#store.vectorRows(query.namespace), header);
    }
    const listed = this.#lists.search(query, among, query.exact === true);
    rescoring.push(listed.candidates);
    const memtable = this.#memtable.load(header);
    rescoring.push(memtable.candidates({ ...query, among }));
    const scanning = { ...NO_COST, codesScanned: memtable.count, bytesTouched: memtable.bytes };
    const cost = [scanning, readingCost(rescoring, header)].reduce(addCosts, listed.cost);
    return { matches: rescoring.matches(), explanation: { engine: hasLists ? 'lists' : 'flat', ...cost, shardsAsked: 1 } };
  }

  #reading(header: ShardHeader): ReadVectors {
    this.#recent ??= new RecentVectors(this.#resources.memory, `${this.#name}/recent`, header.dimensions);
    return this.#recent.reading(this.#store.read(header));
  }

  #maintenanceOf(identity: ShardHeader): Maintenance {
    this.#maintenance ??= new Maintenance(this.#maintained(identity), this.#resources, this.#name);
    return this.#maintenance;
  }

  #maintained(identity: ShardHeader): MaintainedShard {
    const { sizes, pace } = this.#resources;
    return { identity, sizes, pace, store: this.#store, lists: this.#lists, memtable: this.#memtable };
  }

  /** Lists that are not what was written are dropped: the vectors themselves are the source of truth, and are listed again. */
  #healing<T>(work: () => T): T {
    try {
      return work();
    } catch (defect) {
      if (!(defect instanceof CorruptList)) throw defect;
      this.drop();
      this.#store.lists.reset();
      return work();
    }
  }
}

const readingCost = ({ rowCount }: Rescoring, { dimensions }: ShardHeader): SearchCost => ({
  ...NO_COST,
  rowsRead: rowCount,
  bytesTouched: 4 * dimensions * rowCount,
});
