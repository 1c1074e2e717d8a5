import { readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { loadavg } from 'node:os';

import { EncoderLayout } from '../../src/inference/encoder/encoder-layout.ts';
import { shapeOf, wordsOf } from '../../src/inference/encoder/graph-encoder-source.ts';
import { matchEncoder } from '../../src/inference/encoder/graph/match-encoder.ts';
import { readOnnxGraph } from '../../src/inference/onnx/onnx-graph.ts';
import { must } from '../../src/kernel/assert.ts';
import { table } from '../../workers/cli/command/command.ts';
import { bundle } from '../../workers/local/bundle.ts';
import type { Server } from '../../workers/local/serve.ts';
import { serve } from '../../workers/local/serve.ts';
import type { ApiClient } from '../support/deployment/api-client.ts';
import { emptyState } from '../support/deployment/deployment.ts';
import { freePort } from '../support/deployment/free-port.ts';
import { killWorkerd, revived } from '../support/deployment/kill-workerd.ts';
import { registerModel, promoteModel } from '../support/deployment/register-model.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import type { BertEncoder } from '../support/models/real-encoders.ts';
import { encoderFolder, ENCODERS_FOLDER, foundEncoders } from '../support/models/real-encoders.ts';
import { InspectedIsolate } from './encoders/inspected-isolate.ts';

/** What one call of the inference Worker takes: longer batches are several of them, one after the other. */
const BATCH_TOKENS = 32_768;
const QUICK_BATCH_TOKENS = 2_048;
const MEBIBYTE = 2 ** 20;

/** What encoders take of the isolate that serves them and of its process, by part, as they load and under the longest batch; and which makes room for which. */
export async function encoderMemoryBench({
  only,
  quick = false,
}: {
  readonly only?: string | undefined;
  readonly quick?: boolean | undefined;
}): Promise<void> {
  const found = foundEncoders().filter((name) => only === undefined || name.includes(only));
  if (found.length === 0) return console.log(`No encoders in ${ENCODERS_FOLDER} (SLUICE_ENCODERS): nothing is measured.`);
  await bundle();
  const [stateDir, port, inspector] = [await emptyState(), await freePort(), await freePort()];
  const server = await serve({
    ports: [port],
    stateDir,
    variables: { LOG_LEVEL: 'warn' },
    more: [`--inspector-addr=127.0.0.1:${inspector}`],
  });
  try {
    const quota = { requests: { minute: 1_000_000 }, tokens: { minute: 1_000_000_000 } };
    const { client } = await createTenant(server, { scopes: ['inference', 'files', 'models:write'], quota });
    const served: Served[] = [];
    for (const name of found) {
      const one = await registered(client, name);
      if (one !== undefined) served.push(one);
    }
    const rows: (string | number)[][] = [];
    for (const one of served) rows.push(await measured({ server, client, inspector }, one, quick ? QUICK_BATCH_TOKENS : BATCH_TOKENS));
    console.log(`MiB; load ${loadavg()[0]?.toFixed(1)}\n\n${table(COLUMNS, rows)}`);
    await fillRoom({ server, client, inspector }, served);
  } finally {
    await server.stop();
    await rm(stateDir, { recursive: true, force: true });
  }
}

const COLUMNS = [
  'encoder',
  'file',
  'weights',
  'activations',
  'tokenizer and objects',
  'isolate before',
  'isolate, loaded',
  'most while it loads',
  'most under the longest batch',
  'process before',
  'its peak while it loads',
  'its peak under the longest batch',
];

interface Measuring {
  readonly server: Server;
  readonly client: ApiClient;
  readonly inspector: number;
}

interface Served {
  readonly name: BertEncoder;
  readonly model: string;
  readonly fileBytes: number;
  readonly tokensMax: number;
  readonly layout: EncoderLayout;
}

/** Undefined: isolates have no room for it, which is said before it serves. */
async function registered(client: ApiClient, name: BertEncoder): Promise<Served | undefined> {
  const folder = await encoderFolder(name);
  const model = name.replaceAll('.', '-');
  const version = await registerModel(client, model, folder);
  await promoteModel(client, model, version);
  const { checks, tokens_max: tokensMax } = (await client.get(`/v1/models/${model}/versions/${version}`)).body;
  if (checks.measured.runs_on !== 'edge') {
    const { status, body } = await client.post('/v1/embeddings', { model, input: 'one step too large' });
    console.log(`${name}: runs on ${checks.measured.runs_on}; a call is answered ${status}, ${body.error?.code}: ${body.error?.message}`);
    return undefined;
  }
  const file = must(folder.get('model.onnx'), 'a folder has a graph');
  const graph = readOnnxGraph(file, ['model.onnx']);
  const encoder = graph.ok ? matchEncoder(graph.value, 'last_hidden_state') : undefined;
  const match = must(encoder, 'what the engine computes is an encoder');
  const layout = new EncoderLayout({ shape: shapeOf(match), words: wordsOf(match) }, tokensMax);
  return { name, model, fileBytes: file.length, tokensMax, layout };
}

async function measured(
  { server, client, inspector }: Measuring,
  { name, model, fileBytes, tokensMax, layout }: Served,
  tokens: number,
): Promise<(string | number)[]> {
  const embed = async (input: string | readonly string[]): Promise<void> => {
    const { status, body } = await client.post('/v1/embeddings', { model, input });
    if (status !== 200) throw new Error(JSON.stringify(body));
  };
  const texts = Math.floor(tokens / tokensMax);
  const longest = (from: number) => Array.from({ length: texts }, (_, i) => longestText(from + i, tokensMax));
  await restart({ server, client });
  const processBefore = memoryOf(server).now;
  forgetPeak(server);
  await embed('a lock keeper');
  const loadPeak = memoryOf(server).peak;
  forgetPeak(server);
  await embed(longest(0));
  const longestPeak = memoryOf(server).peak;
  // Again, since what looks into the isolate takes memory of the process.
  await restart({ server, client });
  const isolate = await InspectedIsolate.open(inspector, 'sluice-inference');
  const before = await isolate.live();
  const { bytes, weightBytes } = layout;
  // The gateway has vectors of texts that came before.
  const loadMost = bytes + (await isolate.mostDuring(() => embed('a weir')));
  const objects = (await isolate.live()) - before;
  const longestMost = bytes + (await isolate.mostDuring(() => embed(longest(texts))));
  isolate.close();
  const parts = [fileBytes, weightBytes, bytes - weightBytes, objects, before, before + objects + bytes, loadMost, longestMost];
  return [name, ...[...parts, processBefore, loadPeak, longestPeak].map((value) => (value / MEBIBYTE).toFixed(1))];
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

/** A text of as many tokens as a model takes, each a letter, but for the two that models put around it; another one for each number. */
const longestText = (n: number, tokensMax: number): string =>
  `${LETTERS[n % 26]} ${LETTERS[Math.floor(n / 26)]} ${'a '.repeat(tokensMax - 4)}`.trim();

/** A workerd that has just started, whose gateway has served a call. */
async function restart({ server, client }: Pick<Measuring, 'server' | 'client'>): Promise<void> {
  killWorkerd(server);
  await revived(client);
  await client.post('/v1/embeddings', { model: 'glove-sif-100', input: 'warm' });
}

/** More encoders than there is room for, one after the other, and the first again. */
async function fillRoom({ server, client }: Measuring, served: readonly Served[]): Promise<void> {
  await restart({ server, client });
  const began = memoryOf(server).now;
  const vectors = new Map<string, string>();
  const rows: (string | number)[][] = [];
  for (const [i, { name, model, layout }] of [...served, ...served.slice(0, 1)].entries()) {
    const beganMs = performance.now();
    // Another text for each call, but for the one that is made again, and would be answered from the cache.
    const { body } = await client.post('/v1/embeddings', { model, input: 'a keeper' }, { 'cache-control': 'no-store' });
    const tookMs = Math.round(performance.now() - beganMs);
    const vector = JSON.stringify(body.data[0].embedding);
    const isSame = i < served.length ? '' : String(vectors.get(model) === vector);
    vectors.set(model, vector);
    const grown = (memoryOf(server).now - began) / MEBIBYTE;
    rows.push([name, (layout.bytes / MEBIBYTE).toFixed(1), grown.toFixed(1), tookMs, isSame]);
  }
  console.log(`\n${table(['asked, in turn', 'its own memory', 'grown of the process', 'ms', 'the same vector'], rows)}`);
}

/** Bytes that the process of the Workers holds, and the most since `forgetPeak`. */
function memoryOf(server: Server): { now: number; peak: number } {
  const status = readFileSync(`/proc/${server.workerdPid()}/status`, 'utf8');
  const bytes = (name: string) => 1_024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]);
  return { now: bytes('VmRSS'), peak: bytes('VmHWM') };
}

/** As proc(5) says: the peak is what is held now. */
const forgetPeak = (server: Server): void => writeFileSync(`/proc/${server.workerdPid()}/clear_refs`, '5');
