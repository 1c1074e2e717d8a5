import { loadavg } from 'node:os';

import { shardBudget } from '../../src/index/resharding/shard-budget.ts';
import { Seeded } from '../../src/kernel/seeded.ts';
import { installPeers } from './ann/install-peers.ts';
import type { Collection } from './encoders/collections.ts';
import { meanNdcgAt10, scifact } from './encoders/collections.ts';
import { fts5, miniSearch, orama } from './postings/libraries.ts';
import { passages } from './postings/passages.ts';
import { pythonPeers } from './postings/python-peers.ts';
import type { TextContender } from './postings/text-contender.ts';
import { secondsSince, timed } from './postings/text-contender.ts';
import { TextShards } from './postings/text-shards.ts';

const PEERS: readonly TextContender[] = [fts5, miniSearch, orama, ...pythonPeers];
/** Of the default model: with vectors, a shard has fewer rows before it is split. */
const DIMENSIONS = 256;
const SHARD_TEXTS_MAX = shardBudget({ dimensions: 0 });
/** Of a collection that is searched with other memory, and in other shards, too. */
const LARGE_TEXTS = 100_000;
/** More than all lists of its queries take. */
const AMPLE_BYTES = 64 * 1024 * 1024;
/** What filters leave, in percent. */
const SHARES = [1, 10];

interface Row {
  readonly engine: string;
  readonly 'us a query': string;
  readonly 'nDCG@10'?: string;
  readonly 'texts indexed a second'?: string;
}

/**
 * How long a search for the ten best texts takes, from the words of a question to its rows, and how good they are: as a shard searches, and beside
 * other engines with the same stop words. Also what the postings take, and what filters do.
 */
export async function postingsBench({
  data,
  only,
  peers = false,
  quick = false,
}: {
  readonly data?: string | undefined;
  readonly only?: string | undefined;
  readonly peers?: boolean | undefined;
  readonly quick?: boolean | undefined;
}): Promise<void> {
  if (peers) await installPeers();
  const claims = scifact(data);
  if (claims === undefined) console.log('No SciFact: give its folder by --data DIR.');
  const contenders = PEERS.filter(({ name }) => only === undefined || only.split(',').includes(name));
  if (claims !== undefined) await compared(claims, contenders);
  if (!quick) await compared(await passages(), contenders);
}

async function compared(collection: Collection, contenders: readonly TextContender[]): Promise<void> {
  const { name, documents, queries } = collection;
  const rows = ofSluice(collection);
  for (const contender of contenders) {
    const figures = await contender.figures(collection);
    if (typeof figures === 'string') console.log(`${contender.name}: ${figures}`);
    else rows.push(rowOf(contender.name, collection, figures));
  }
  console.log(`${name}: ${documents.length} texts, ${queries.length} questions, load ${loadavg()[0]?.toFixed(1)}`);
  console.table(rows);
}

function ofSluice(collection: Collection): Row[] {
  const { documents } = collection;
  const before = process.cpuUsage();
  const shards = TextShards.filled(documents, SHARD_TEXTS_MAX);
  const builtS = secondsSince(before);
  const rows = searches('Sluice', collection, { shards, builtS });
  print(shards);
  if (documents.length < LARGE_TEXTS) return rows;
  rows.push(...searches('Sluice, all lists in memory', collection, { shards: shards.withMemory(AMPLE_BYTES) }));
  const beside = TextShards.filled(documents, shardBudget({ dimensions: DIMENSIONS }));
  rows.push(...searches(`Sluice, ${beside.count} shards`, collection, { shards: beside }));
  print(beside);
  return rows;
}

function searches(
  name: string,
  collection: Collection,
  { shards, builtS }: { readonly shards: TextShards; readonly builtS?: number },
): Row[] {
  const { queries } = collection;
  const rows = [rowOf(name, collection, { ...timed(queries, (query) => shards.search(query)), builtS })];
  for (const share of SHARES) {
    const rng = new Seeded(share);
    const among = shards.rowsOf(() => rng.next() < share / 100);
    const { usQuery } = timed(queries, (query) => shards.search(query, among));
    rows.push({ engine: `${name}, filter leaves ${share} %`, 'us a query': usQuery.toFixed(0) });
  }
  return rows;
}

function print(shards: TextShards): void {
  const { texts, postings, besideTexts, memory } = shards.sizes;
  const share = (bytes: number): string => `${((100 * bytes) / texts).toFixed(1)} %`;
  const besideVectors = shardBudget({ dimensions: DIMENSIONS });
  console.log(
    `Sluice: ${shards.count} shards (before it is split one holds ${SHARD_TEXTS_MAX} texts, or ${besideVectors} beside vectors of ${DIMENSIONS}); texts ` +
      `${mib(texts)}, postings ${mib(postings)} (${share(postings)}), all but texts ${mib(besideTexts)} (${share(besideTexts)}), in memory ${mib(memory)}`,
  );
}

const rowOf = (
  engine: string,
  { documents, relevance }: Collection,
  {
    usQuery,
    rankings,
    builtS,
  }: { readonly usQuery: number; readonly rankings: readonly (readonly number[])[]; readonly builtS?: number | undefined },
): Row => ({
  engine,
  'us a query': usQuery.toFixed(0),
  'nDCG@10': meanNdcgAt10(rankings, relevance).toFixed(3),
  ...(builtS === undefined ? {} : { 'texts indexed a second': Math.round(documents.length / builtS).toLocaleString('en') }),
});

const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
