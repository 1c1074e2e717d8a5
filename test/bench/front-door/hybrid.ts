import { loadavg } from 'node:os';

import { must } from '../../../src/kernel/assert.ts';
import { readCommitted } from '../../../workers/cli/models/committed-models.ts';
import { embedTexts } from '../../../workers/cli/models/measured-quality.ts';
import type { Collection } from '../encoders/collections.ts';
import { meanNdcgAt10, scifact } from '../encoders/collections.ts';
import { load } from '../load.ts';
import { onRawGateway } from '../on-raw-gateway.ts';
import { postgresHybrid } from './postgres-hybrid.ts';
import type { Case } from './rounds.ts';
import { inRounds, shownRounds } from './rounds.ts';
import { sluiceHybrid } from './sluice-hybrid.ts';
import type { AskedTexts, HybridContender, HybridSearch, SearchedTexts } from './searched-texts.ts';

const MODEL = 'bge-static-256@1';

/**
 * Searches of texts by their words, and by these with vectors, over HTTP through the gateway and beside PostgreSQL: both hold the same
 * vectors, made by a committed model. Each side's nDCG@10 is of all questions.
 */
export async function hybridBench(data: string | undefined, quick: boolean): Promise<void> {
  const collection = scifact(data);
  if (collection === undefined) return console.log('No collection: give its folder by --data DIR.');
  const texts = await withVectors(collection);
  await onRawGateway(async (workerd, client) => {
    const contenders: HybridContender[] = [];
    try {
      for (const start of [() => sluiceHybrid(workerd, client, texts), () => postgresHybrid(texts)]) {
        const contender = await start();
        if (contender !== undefined) contenders.push(contender);
      }
      const cases: Case[] = [];
      for (const contender of contenders) for (const search of contender.searches) cases.push(await caseOf(contender, search, texts));
      await inRounds(cases, quick);
      const { documents, queries } = collection;
      console.log(
        `${collection.name}: ${documents.length} texts with vectors of ${MODEL}, ${queries.length} questions, the ten best, load ${loadavg()[0]?.toFixed(1)}`,
      );
      console.table(shownRounds(cases, 'nDCG@10'));
    } finally {
      for (const contender of contenders) await contender.stop();
    }
  });
}

async function withVectors(collection: Collection): Promise<SearchedTexts> {
  const committed = must(
    (await readCommitted()).find(({ name }) => name === MODEL),
    'the model is committed',
  );
  const { dimensions } = committed.model.encoder.manifest;
  const made = (texts: readonly string[]): AskedTexts => ({ texts, vectors: embedTexts(committed.model, texts), dimensions });
  return { collection, documents: made(collection.documents), queries: made(collection.queries) };
}

async function caseOf(
  { name, cpuS }: HybridContender,
  search: HybridSearch,
  { collection: { relevance }, queries }: SearchedTexts,
): Promise<Case> {
  const { setting, wire } = search;
  const { texts, vectors, dimensions } = queries;
  const requests = texts.map((text, at) => search.request(text, vectors.subarray(at * dimensions, (at + 1) * dimensions)));
  const found: number[][] = [];
  await load({
    ...wire,
    connections: 4,
    requestsMax: requests.length,
    durationS: Infinity,
    request: (number) => must(requests[number], 'a request of each question'),
    onAnswer: (number, answer) => (found[number] = search.rowsOf(answer)),
  });
  return { contender: name, setting, quality: meanNdcgAt10(found, relevance), wire, requests, cpuS, rounds: new Map() };
}
