import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import { readSynsets } from '../builds/wordnet-files.ts';
import { AdminClient } from './admin-client.ts';
import { devFileOf } from './paths.ts';
import { explainSetupErrors, SetupError } from './setup-error.ts';

const MODEL = 'bge-static-256';
const INDEX = 'dictionary';
const BATCH = 250;
/** WordNet's lexicographer file of animals. */
const ANIMALS = '05';
const QUESTIONS = [
  'a large feline with black stripes',
  'a flightless bird of the cold south',
  'which bee do people keep for its honey',
  'an extinct giant reptile',
];

interface Dev {
  readonly url: string;
  readonly admin_key: string;
  readonly api_key: string;
}

explainSetupErrors();
const NO_SERVER = 'No running server found: run `npm start` first, in another terminal.';
const dev = JSON.parse(
  await readFile(process.env['SLUICE_DEV_FILE'] ?? devFileOf(process.env), 'utf8').catch(() => {
    throw new SetupError(NO_SERVER);
  }),
) as Dev;
// The file outlives the server that wrote it.
await fetch(`${dev.url}/healthz`).catch(() => {
  throw new SetupError(NO_SERVER);
});

await tour();

async function tour(): Promise<void> {
  const texts = await collection();
  await indexCollection(texts);
  await askQuestions();
  await recommend();
  await showCache();
  await runJob(texts.slice(0, 1000));
  await hitQuota();
  await showUsage();
}

/** Definitions of animals from WordNet, each with the word it defines. */
async function collection(): Promise<{ word: string; gloss: string }[]> {
  const synsets = await readSynsets('data.noun');
  const animals = synsets.filter((synset) => synset.topic === ANIMALS);
  return animals.map(({ lemmas, gloss }) => ({ word: lemmas[0] ?? '', gloss }));
}

async function indexCollection(texts: { word: string; gloss: string }[]): Promise<void> {
  heading(`1. Embed and index ${texts.length} definitions of animals (WordNet)`);
  await call('DELETE', `/v1/indexes/${INDEX}`).catch(() => undefined);
  await call('POST', '/v1/indexes', { name: INDEX, model: MODEL, owner: 'demo-team' });
  const startedMs = performance.now();
  for (let from = 0; from < texts.length; from += BATCH) {
    const batch = texts.slice(from, from + BATCH);
    const vectors = batch.map(({ word, gloss }, row) => ({ id: `${from + row}`, text: gloss, metadata: { word } }));
    await call('POST', `/v1/indexes/${INDEX}/upsert`, { vectors });
    progress(from + batch.length, texts.length);
  }
  const elapsedMs = performance.now() - startedMs;
  console.log(`\n  ${texts.length} texts in ${(elapsedMs / 1000).toFixed(2)} s, searchable as soon as they were acknowledged`);
}

async function askQuestions(): Promise<void> {
  heading('2. Search by meaning');
  for (const question of QUESTIONS) {
    const startedMs = performance.now();
    const { body } = await call<{ matches: { score: number; text: string; metadata: { word: string } }[] }>(
      'POST',
      `/v1/indexes/${INDEX}/query`,
      { text: question, top_k: 3, include_text: true },
    );
    console.log(`  "${question}" (${(performance.now() - startedMs).toFixed(1)} ms)`);
    for (const { score, text, metadata } of body.matches) console.log(`     ${score.toFixed(3)}  ${metadata.word}: ${text.slice(0, 80)}`);
  }
}

/** The same index by the API of another vector database: a collection whose points have the numbers of the definitions. */
async function recommend(): Promise<void> {
  heading("3. Recommend, by Qdrant's API over the same index");
  const likes = await pointsOf('salmon', 'trout');
  const dislikes = await pointsOf('shark');
  console.log(`  like ${wordsOf(likes)}; unlike ${wordsOf(dislikes)}`);
  const seen: Point[] = [];
  for (const visit of ['first', 'second']) {
    const { body } = await call<{ result: { points: Point[] } }>('POST', `/qdrant/collections/${INDEX}/points/query`, {
      query: { recommend: { positive: idsOf(likes), negative: idsOf(dislikes) } },
      filter: { must_not: [{ has_id: idsOf(seen) }] },
      limit: 5,
      with_payload: true,
    });
    console.log(`  ${visit.padEnd(6)} visit, ${seen.length} seen: ${wordsOf(body.result.points)}`);
    seen.push(...body.result.points);
  }
}

interface Point {
  readonly id: number;
  readonly payload: { readonly word: string };
}

async function pointsOf(...words: string[]): Promise<Point[]> {
  const filter = { must: [{ key: 'word', match: { any: words } }] };
  const { body } = await call<{ result: { points: Point[] } }>('POST', `/qdrant/collections/${INDEX}/points/scroll`, { filter });
  return body.result.points;
}

function idsOf(points: readonly Point[]): number[] {
  return points.map(({ id }) => id);
}

function wordsOf(points: readonly Point[]): string {
  return points.map(({ payload }) => payload.word).join(', ');
}

async function showCache(): Promise<void> {
  heading('4. The embedding cache, and a purge that holds from the next read');
  const input = `a text that was never sent before: ${performance.timeOrigin}`;
  const ask = async (note: string): Promise<void> => {
    const { headers } = await call('POST', '/v1/embeddings', { model: MODEL, input });
    console.log(`  ${note.padEnd(18)} cache-status: ${headers.get('cache-status')}`);
  };
  await ask('first request');
  await ask('second request');
  const { body } = await call<{ purge_id: string }>('POST', '/v1/cache/purge', { everything: true });
  console.log(`  purged everything  receipt: ${body.purge_id}`);
  await ask('next request');
}

async function runJob(texts: { word: string; gloss: string }[]): Promise<void> {
  heading(`5. A job on the pool: embed a file of ${texts.length} lines`);
  const form = new FormData();
  form.set('purpose', 'batch');
  form.set('file', new Blob(texts.map(({ word, gloss }) => `${JSON.stringify({ id: word, text: gloss })}\n`)), 'animals.jsonl');
  const { body: file } = await call<{ id: string }>('POST', '/v1/files', form);
  let { body: job } = await call<JobReply>('POST', '/v1/jobs', {
    kind: 'batch_embedding',
    model: MODEL,
    input_file: file.id,
    owner: 'demo-team',
  });
  while (job.finished_at === null) {
    progress(doneOf(job), job.progress.total ?? texts.length, job.state);
    await sleep(100);
    job = (await call<JobReply>('GET', `/v1/jobs/${job.id}`)).body;
  }
  progress(doneOf(job), job.progress.total ?? texts.length, job.state);
  console.log(`\n  ${job.id} ${job.state}, cost $${job.cost_usd}`);
  const output = await fetch(`${dev.url}/v1/files/${job.output_file}/content`, { headers: { authorization: `Bearer ${dev.api_key}` } });
  console.log(`  first line of its output: ${(await output.text()).split('\n')[0]?.slice(0, 100)}...`);
}

interface JobReply {
  readonly id: string;
  readonly state: string;
  readonly finished_at: number | null;
  readonly progress: { readonly completed: number; readonly failed: number; readonly total: number | null };
  readonly output_file: string | null;
  readonly cost_usd: string | null;
}

function doneOf({ progress: { completed, failed } }: JobReply): number {
  return completed + failed;
}

async function hitQuota(): Promise<void> {
  heading('6. A tenant with a quota of 3 requests an hour');
  const admin = new AdminClient(dev.url, dev.admin_key);
  const { id: organisation } = await admin.create<{ id: string }>('/v1/organisations', { name: 'frugal', owner: 'demo-team' });
  const { id: tenant } = await admin.create<{ id: string }>('/v1/tenants', { organisation, name: 'frugal', owner: 'demo-team' });
  await admin.put('/v1/quotas', { tenant, rules: [{ resource: 'requests', window: 'hour', limit: 3 }] });
  const { key } = await admin.create<{ key: string }>('/v1/keys', { tenant, name: 'frugal', owner: 'demo-team' });
  for (let request = 1; request <= 4; request += 1) {
    const response = await fetch(`${dev.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
    const remaining = response.headers.get('x-ratelimit-remaining-requests');
    const wait = response.headers.get('retry-after');
    console.log(`  request ${request}: ${response.status}, ${wait === null ? `${remaining} left` : `try again in ${wait} s`}`);
    await response.body?.cancel();
  }
}

async function showUsage(): Promise<void> {
  heading('7. What it cost');
  const { body } = await call<{ data: { meter: string; quantity: number; amount_usd: string }[]; total_usd: string }>('GET', '/v1/usage');
  for (const { meter, quantity, amount_usd } of body.data)
    console.log(`  ${meter.padEnd(24)} ${String(quantity).padStart(10)}   $${amount_usd}`);
  console.log(`  ${'total'.padEnd(24)} ${''.padStart(10)}   $${body.total_usd}\n`);
}

// The caller names the shape of the answer it asked for.
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- a typed cast in one place
async function call<T>(method: string, path: string, body?: object): Promise<{ body: T; headers: Headers }> {
  const isForm = body instanceof FormData;
  const response = await fetch(`${dev.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${dev.api_key}`, ...(body === undefined || isForm ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`);
  return { body: (await response.json()) as T, headers: response.headers };
}

function heading(text: string): void {
  console.log(`\n\x1b[1m${text}\x1b[0m`);
}

function progress(done: number, total: number, note = ''): void {
  const width = 40;
  const filled = Math.round((done / Math.max(1, total)) * width);
  process.stdout.write(`\r  [${'#'.repeat(filled)}${'.'.repeat(width - filled)}] ${done}/${total} ${note.padEnd(10)}`);
}
