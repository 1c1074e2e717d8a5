import { loadavg } from 'node:os';
import { assert } from '../../src/kernel/assert.ts';
import type { AnnOptions } from './ann/ann-options.ts';
import { gloveSet } from './ann/glove.ts';
import { recallOf } from './ann/recall.ts';
import { truthOf } from './ann/truth.ts';
import type { Truth } from './ann/truth.ts';
import type { VectorSet } from './ann/vector-set.ts';
import { readVectorSet } from './ann/vector-set.ts';
import { vectorAt } from './ann/vectors.ts';
import type { Contender, Search } from './front-door/contender.ts';
import { PART, PARTS, TOP_K } from './front-door/contender.ts';
import { floor } from './front-door/floor.ts';
import { hybridBench } from './front-door/hybrid.ts';
import { pgvector } from './front-door/pgvector.ts';
import { redis } from './front-door/redis.ts';
import type { Case } from './front-door/rounds.ts';
import { inRounds, shownRounds } from './front-door/rounds.ts';
import { sluice } from './front-door/sluice.ts';
import { load } from './load.ts';
import { onRawGateway } from './on-raw-gateway.ts';

const TARGETS = [0.95, 0.99];
/** The settings are chosen with the first half of the queries; speed is measured with the others. */
const CHOSEN_BY = 0.5;

/**
 * The cost of a search from end to end: over HTTP through the gateway, beside the minimum on this workerd and beside other servers over
 * their own protocols, all driven by one lean client in interleaved rounds. Servers that are not installed are named and left out.
 * `hybrid`: searches of texts by their words, and by these with vectors.
 */
export async function frontDoorBench({ data, metric, quick = false, filtered = false, hybrid = false }: AnnOptions): Promise<void> {
  if (hybrid) return hybridBench(data, quick);
  const place = data === undefined ? await gloveSet(true) : { folder: data, name: data, metric: metricOf(metric) };
  const set = await readVectorSet(place);
  const sought: Sought = filtered ? await partOf(set) : { set, truth: await truthOf(set), rowOf: (row) => row };
  await onRawGateway(async (workerd, client) => {
    const contenders: Contender[] = [];
    try {
      for (const start of [
        floor,
        () => sluice(workerd, client, set, filtered),
        () => pgvector(set, filtered),
        () => redis(set, filtered),
      ]) {
        const contender = await start();
        if (contender !== undefined) contenders.push(contender);
      }
      const cases: Case[] = [];
      for (const contender of contenders) cases.push(...(await casesOf(contender, sought)));
      await inRounds(cases, quick);
      const { name, base } = set;
      const of = filtered ? ` of one part in ${PARTS}` : '';
      console.log(`${name}: ${base.count} x ${base.dimensions} by ${set.metric}, ten nearest${of}, load ${loadavg()[0]?.toFixed(1)}`);
      console.table(shownRounds(cases, 'recall'));
    } finally {
      for (const contender of contenders) await contender.stop();
    }
  });
}

function metricOf(name = 'cosine'): VectorSet['metric'] {
  assert(name === 'cosine' || name === 'dot' || name === 'l2', '--metric is one of cosine, dot, l2');
  return name;
}

/** The vectors that searches may find, and which of them each row of the whole set is. */
interface Sought {
  readonly set: VectorSet;
  readonly truth: Truth;
  readonly rowOf: (row: number) => number;
}

/** The rows of one part, which a filter selects. */
async function partOf(set: VectorSet): Promise<Sought> {
  const { base } = set;
  const count = Math.ceil((base.count - PART) / PARTS);
  const values = new Float32Array(count * base.dimensions);
  for (let row = 0; row < count; row += 1) values.set(vectorAt(base, PART + row * PARTS), row * base.dimensions);
  const part: VectorSet = { ...set, hash: `${set.hash}-part`, base: { ...base, values, count } };
  return { set: part, truth: await truthOf(part), rowOf: (row) => (row % PARTS === PART ? (row - PART) / PARTS : -1) };
}

/** The cheapest search that reaches each target; the floor finds nothing and is measured once. */
async function casesOf(contender: Contender, sought: Sought): Promise<Case[]> {
  const cases: Case[] = [];
  for (const target of TARGETS) {
    for (const search of contender.searches) {
      const recall = await recallBy(search, sought);
      if (recall !== undefined && recall < target) continue;
      if (!cases.some(({ wire }) => wire === search)) cases.push(caseOf(contender, search, recall, sought.set));
      break;
    }
  }
  return cases;
}

function caseOf({ name, cpuS }: Contender, search: Search, recall: number | undefined, { queries }: VectorSet): Case {
  const first = Math.floor(queries.count * CHOSEN_BY);
  const requests = Array.from({ length: queries.count - first }, (_, at) => search.request(vectorAt(queries, first + at)));
  return { contender: name, setting: search.setting, quality: recall, wire: search, requests, cpuS, rounds: new Map() };
}

const known = new Map<Search, number>();

async function recallBy(search: Search, { set, truth, rowOf }: Sought): Promise<number | undefined> {
  const { rowsOf } = search;
  if (rowsOf === undefined) return undefined;
  const before = known.get(search);
  if (before !== undefined) return before;
  const count = Math.floor(set.queries.count * CHOSEN_BY);
  const found = new Int32Array(count * TOP_K).fill(-1);
  await load({
    ...search,
    connections: 4,
    requestsMax: count,
    durationS: Infinity,
    request: (number) => search.request(vectorAt(set.queries, number)),
    onAnswer: (number, answer) => found.set(rowsOf(answer).slice(0, TOP_K).map(rowOf), number * TOP_K),
  });
  const recall = recallOf(set, truth, found, TOP_K);
  known.set(search, recall);
  return recall;
}
