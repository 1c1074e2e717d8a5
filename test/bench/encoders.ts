import { existsSync, readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as waited } from 'node:timers/promises';

import { ROOT } from '../../workers/local/paths.ts';
import type { ApiAnswer, ApiClient } from '../support/deployment/api-client.ts';
import type { Collection } from './encoders/collections.ts';
import { COLLECTIONS, meanNdcgAt10, sampled, scifact, xquad } from './encoders/collections.ts';
import { StartedSluice } from './encoders/started-sluice.ts';

/** Where encoders are, each a folder in Hugging Face's layout with reference vectors in `golden.json`, if there are any. */
const ENCODERS = process.env['SLUICE_ENCODERS'] ?? join(ROOT, '../shared/models');
const TEXTS_OF_CALL = 64;
/** Of SciFact and XQuAD in a quick run; all documents that answer a question are among those that stay. */
const QUICK_SIZE = { documents: 600, queries: 100 };

interface Encoder {
  readonly name: string;
  readonly isSparse?: boolean;
  readonly collections: () => readonly (Collection | undefined)[];
}

const ENCODER_SET: readonly Encoder[] = [
  { name: 'all-minilm-l6-v2-q', collections: () => [scifact()] },
  { name: 'bge-small-en-v1.5-q', collections: () => [scifact()] },
  { name: 'e5-small-v2-q', collections: () => [scifact()] },
  { name: 'bge-small-zh-v1.5-q', collections: () => [xquad('zh')] },
  { name: 'multilingual-e5-small-q', collections: () => [scifact(), xquad('de'), xquad('zh')] },
  { name: 'splade-tiny', isSparse: true, collections: () => [scifact()] },
];

interface Golden {
  readonly texts: readonly {
    readonly kind?: string;
    readonly text: string;
    readonly ids: readonly number[];
    readonly vector?: readonly number[];
    readonly indices?: readonly number[];
    readonly values?: readonly number[];
  }[];
}

interface SparseVector {
  readonly indices: readonly number[];
  readonly values: readonly number[];
}

/** Real encoders as their users meet them: `npm start`, `sluice models add`, and calls over HTTP; beside their reference vectors, and in an index. */
export async function encodersBench({ quick = false, only }: { readonly quick?: boolean; readonly only?: string }): Promise<void> {
  const found = ENCODER_SET.filter(({ name }) => (only === undefined || name === only) && existsSync(join(ENCODERS, name, 'model.onnx')));
  if (found.length === 0) return console.log(`No encoders in ${ENCODERS} (SLUICE_ENCODERS): nothing is measured.`);
  if (!existsSync(COLLECTIONS)) console.log(`No collections in ${COLLECTIONS} (SLUICE_COLLECTIONS): no index is searched.`);
  const rows: Record<string, unknown>[] = [];
  for (const encoder of found) {
    // Each in a process of its own, so that memory and CPU are its own.
    const sluice = await StartedSluice.start();
    try {
      rows.push(...(await measured(sluice, encoder, quick)));
    } catch (error) {
      rows.push({ encoder: encoder.name, fails: error instanceof Error ? error.message.slice(0, 200) : error });
    } finally {
      await sluice.stop();
    }
    console.table(rows.slice(-4));
  }
  console.log(`load ${loadavg()[0]?.toFixed(1)}`);
  console.table(rows);
}

async function measured(sluice: StartedSluice, encoder: Encoder, quick: boolean): Promise<Record<string, unknown>[]> {
  const { name } = encoder;
  const model = name.replace(/[^a-z0-9-]/g, '-');
  const beganMs = Date.now();
  await sluice.cli('models', 'add', join(ENCODERS, name), '--name', model);
  const addedS = (Date.now() - beganMs) / 1_000;
  const golden = await besideGolden(sluice.client, encoder, model);
  const rows: Record<string, unknown>[] = [{ encoder: name, addedS, ...golden, peakMb: sluice.peakMb() }];
  for (const whole of encoder.collections()) {
    if (whole === undefined) continue;
    const collection = quick ? sampled(whole, QUICK_SIZE) : whole;
    const searched = encoder.isSparse === true ? await bySparse(sluice, model, collection) : await byIndex(sluice, model, collection);
    rows.push({ encoder: name, collection: collection.name, documents: collection.documents.length, ...searched, peakMb: sluice.peakMb() });
  }
  return rows;
}

/** Token counts and cosines of the texts that have reference vectors, one text a call. */
async function besideGolden(client: ApiClient, { name, isSparse = false }: Encoder, model: string): Promise<object> {
  const { texts } = JSON.parse(readFileSync(join(ENCODERS, name, 'golden.json'), 'utf8')) as Golden;
  const cosines: number[] = [];
  let otherCounts = 0;
  let ran = '';
  for (const { kind, text, ids, vector, indices, values } of texts) {
    if (text === '') continue;
    const inputType = kind === 'query' || kind === 'passage' ? { input_type: kind } : {};
    const { status, body, headers } = await client.post('/v1/embeddings', { model, input: text, truncate: 'end', ...inputType });
    if (status !== 200) throw new Error(JSON.stringify(body));
    ran = headers.get('x-sluice-route') ?? ran;
    if (body.usage.prompt_tokens !== ids.length) otherCounts += 1;
    const answer: readonly number[] | SparseVector = body.data[0].embedding;
    const reference = isSparse ? { indices: indices ?? [], values: values ?? [] } : dense(vector ?? []);
    cosines.push(cosineOf(mapOf(isSparse ? (answer as SparseVector) : dense(answer as number[])), mapOf(reference)));
  }
  const sorted = cosines.toSorted((a, b) => a - b);
  return { texts: cosines.length, otherCounts, lowestCosine: sorted[0], medianCosine: sorted[sorted.length >> 1], ran };
}

async function byIndex(sluice: StartedSluice, model: string, { name, documents, queries, relevance }: Collection): Promise<object> {
  const { client } = sluice;
  const index = name.toLowerCase().replaceAll(' ', '-');
  await accepted(client, '/v1/indexes', { name: index, model, recall: 0.95 });
  const cpuS = sluice.cpuS();
  const beganMs = Date.now();
  for (let at = 0; at < documents.length; at += TEXTS_OF_CALL) {
    const vectors = documents.slice(at, at + TEXTS_OF_CALL).map((text, i) => ({ id: String(at + i), text }));
    await accepted(client, `/v1/indexes/${index}/upsert`, { vectors, truncate: 'end' });
  }
  const tookS = (Date.now() - beganMs) / 1_000;
  const importCpuS = sluice.cpuS() - cpuS;
  const ndcgOf = async (more: object): Promise<number> => {
    const rankings: number[][] = [];
    for (const text of queries) {
      const { matches } = await accepted(client, `/v1/indexes/${index}/query`, { text, top_k: 10, ...more });
      rankings.push(matches.map(({ id }: { id: string }) => Number(id)));
    }
    return meanNdcgAt10(rankings, relevance);
  };
  const beforeS = sluice.cpuS();
  const ndcg = await ndcgOf({});
  const queryCpuMs = (1_000 * (sluice.cpuS() - beforeS)) / queries.length;
  const exact = await ndcgOf({ exact: true });
  return { ndcg, exact, passagesS: documents.length / tookS, cpuMsPassage: (1_000 * importCpuS) / documents.length, queryCpuMs };
}

/** Sparse vectors over HTTP, ranked here by their products: the fields of an index take none yet. */
async function bySparse(sluice: StartedSluice, model: string, { documents, queries, relevance }: Collection): Promise<object> {
  const embedded = async (texts: readonly string[]): Promise<Map<number, number>[]> => {
    const all: Map<number, number>[] = [];
    for (let at = 0; at < texts.length; at += TEXTS_OF_CALL) {
      const input = texts.slice(at, at + TEXTS_OF_CALL);
      const { data } = await accepted(sluice.client, '/v1/embeddings', { model, input, output: 'sparse', truncate: 'end' });
      all.push(...data.map(({ embedding }: { embedding: SparseVector }) => mapOf(embedding)));
    }
    return all;
  };
  const [kept, asked] = [await embedded(documents), await embedded(queries)];
  const rankings = asked.map((query) =>
    kept
      .map((document, position) => ({ position, score: productOf(query, document) }))
      .toSorted((a, b) => b.score - a.score)
      .slice(0, 10)
      .map(({ position }) => position),
  );
  return { ndcg: meanNdcgAt10(rankings, relevance) };
}

/** The body of an answer. What asks to be repeated is, as clients do. */
async function accepted(client: ApiClient, path: string, request: object): Promise<ApiAnswer['body']> {
  for (;;) {
    const { status, body, headers } = await client.post(path, request);
    if (status < 300) return body;
    if (status !== 429 && status !== 503) throw new Error(JSON.stringify(body));
    await waited(1_000 * Number(headers.get('retry-after') ?? 1));
  }
}

const dense = (values: readonly number[]): SparseVector => ({ indices: values.map((_, i) => i), values });
const mapOf = ({ indices, values }: SparseVector): Map<number, number> => new Map(indices.map((index, i) => [index, values[i] ?? 0]));

function productOf(a: ReadonlyMap<number, number>, b: ReadonlyMap<number, number>): number {
  let sum = 0;
  for (const [index, value] of a) sum += value * (b.get(index) ?? 0);
  return sum;
}

const cosineOf = (a: ReadonlyMap<number, number>, b: ReadonlyMap<number, number>): number =>
  productOf(a, b) / Math.sqrt(productOf(a, a) * productOf(b, b));
