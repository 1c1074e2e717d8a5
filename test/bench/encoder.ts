import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';

import { DATA_TYPE } from '../../src/inference/build/graph/onnx-graph.ts';
import { EncoderEngine } from '../../src/inference/encoder/encoder-engine.ts';
import { graphEncoderSource } from '../../src/inference/encoder/graph-encoder-source.ts';
import { matchEncoder } from '../../src/inference/encoder/graph/match-encoder.ts';
import { readOnnxGraph } from '../../src/inference/onnx/onnx-graph.ts';
import { tokenBatch } from '../../src/inference/token-batch.ts';
import { must } from '../../src/kernel/assert.ts';
import { Seeded } from '../../src/kernel/seeded.ts';
import type { Feeds } from '../../workers/builds/graph-session.ts';
import { startGraph } from '../../workers/builds/graph-session.ts';
import { table } from '../../workers/cli/command/command.ts';
import { ROOT } from '../../workers/local/paths.ts';
import { relaxedEncoderModule, strictEncoderModule } from '../support/models/encoder-modules.ts';
import { installPeers } from './ann/install-peers.ts';
import type { Contender } from './models/interleaved-cpu.ts';
import { interleavedCpuMs } from './models/interleaved-cpu.ts';
import { startNative } from './models/native-session.ts';

/** Where encoders are, each a folder in Hugging Face's layout, if there are any: no test needs them. */
const ENCODERS = process.env['SLUICE_ENCODERS'] ?? join(ROOT, '../shared/models');
const NAMES = ['all-minilm-l6-v2-q', 'bge-small-en-v1.5-q', 'bge-small-zh-v1.5-q', 'e5-small-v2-q', 'multilingual-e5-small-q'];
/** Tokens of a query and of a passage; how often a contender runs them in its turn, as a gateway does that has one runtime; and the turns. */
const TEXTS = [
  { tokens: 20, together: 8, turns: 15 },
  { tokens: 200, together: 2, turns: 11 },
];
const MEBIBYTE = 2 ** 20;

/** CPU of a query and of a passage by the encoder engine, by onnxruntime-web and by native onnxruntime (one thread), and what the engine has in memory. */
export async function encoderEngineBench({
  only,
  quick = false,
}: {
  only?: string | undefined;
  quick?: boolean | undefined;
}): Promise<void> {
  const found = NAMES.filter((name) => existsSync(join(ENCODERS, name, 'model.onnx')) && (only === undefined || name.includes(only)));
  if (found.length === 0) return console.log(`No encoders in ${ENCODERS} (SLUICE_ENCODERS): nothing is measured.`);
  await installPeers();
  const costs: (string | number)[][] = [];
  const sizes: (string | number)[][] = [];
  for (const name of quick ? found.slice(0, 1) : found) {
    const file = new Uint8Array(await readFile(join(ENCODERS, name, 'model.onnx')));
    const relaxed = relaxedEncoderModule === undefined ? undefined : await loadEngine(file, relaxedEncoderModule);
    const strict = await loadEngine(file, strictEncoderModule);
    const { engine, loadMs } = relaxed ?? strict;
    const [weights, all] = [engine.weightBytes / MEBIBYTE, engine.bytes / MEBIBYTE];
    sizes.push(
      [name, file.length / MEBIBYTE, weights, all, all - weights, loadMs].map((x) => (typeof x === 'number' ? Number(x.toFixed(1)) : x)),
    );
    const web = await startGraph(file);
    const native = await startNative(file).catch(() => undefined);
    for (const { tokens, together, turns } of TEXTS) {
      const feeds = feedsOf(web.inputs, tokens, engine.shape.vocabulary);
      const contenders: Contender[] = [
        ...(relaxed === undefined ? [] : [{ name: 'relaxed', run: () => encode(relaxed.engine, feeds.ids) }]),
        { name: 'strict', run: () => encode(strict.engine, feeds.ids) },
        { name: 'web', run: () => web.run(feeds.tensors) },
        ...(native === undefined ? [] : [{ name: 'native', run: () => native(feeds.tensors) }]),
      ];
      const repeated = contenders.map(({ name: of, run }) => ({ name: of, run: () => repeat(together, run) }));
      // Until V8 has optimised the kernels, which it does in another thread.
      await interleavedCpuMs(repeated, 3);
      const cpu = await interleavedCpuMs(repeated, quick ? 5 : turns);
      costs.push([name, tokens, ...shownCosts(new Map([...cpu].map(([of, ms]) => [of, ms / together])))]);
    }
    await web.close();
  }
  console.log(`CPU ms of one text, medians; load ${loadavg()[0]?.toFixed(1)}\n`);
  console.log(
    table(['encoder', 'tokens', 'engine', 'strict SIMD', 'onnxruntime-web', 'native', 'web/engine', 'web/strict', 'engine/native'], costs),
  );
  console.log(`\nMiB in memory, with the longest text of ${TOKENS_MAX} tokens, and CPU ms of loading\n`);
  console.log(table(['encoder', 'file', 'weights', 'all', 'beside weights', 'load ms'], sizes));
}

const TOKENS_MAX = 512;

async function loadEngine(file: Uint8Array<ArrayBuffer>, module: WebAssembly.Module): Promise<{ engine: EncoderEngine; loadMs: number }> {
  const before = process.cpuUsage();
  const graph = readOnnxGraph(file, ['model.onnx']);
  if (!graph.ok) throw new Error(graph.error.message);
  const match = must(matchEncoder(graph.value, 'last_hidden_state'), 'the graph is an encoder');
  const source = await graphEncoderSource(match, { read: () => Promise.reject(new Error('all weights are in the graph')) });
  const engine = await EncoderEngine.load({ source, module, tokensMax: TOKENS_MAX, yieldToOthers: () => Promise.resolve() });
  if (!engine.ok) throw new Error(engine.error.message);
  const { user, system } = process.cpuUsage(before);
  return { engine: engine.value, loadMs: (user + system) / 1000 };
}

async function repeat(count: number, run: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < count; i += 1) await run();
}

const encode = (engine: EncoderEngine, ids: Int32Array): Promise<void> => engine.run(tokenBatch([ids]), () => undefined);

function feedsOf(inputs: readonly string[], tokens: number, vocabulary: number): { readonly ids: Int32Array; readonly tensors: Feeds } {
  const random = new Seeded(tokens);
  const ids = Int32Array.from({ length: tokens }, () => 1_000 + Math.floor(random.next() * (vocabulary - 1_000)));
  const values = { input_ids: ids, attention_mask: ids.map(() => 1), token_type_ids: ids.map(() => 0) };
  const tensors = inputs.map((name) => {
    const bytes = new Uint8Array(BigInt64Array.from(values[name as keyof typeof values], BigInt).buffer);
    return [name, { dataType: DATA_TYPE.int64, dims: [1, tokens], bytes }] as const;
  });
  return { ids, tensors: Object.fromEntries(tensors) };
}

function shownCosts(ms: ReadonlyMap<string, number>): (string | number)[] {
  const of = (name: string) => ms.get(name) ?? Number.NaN;
  const shown = (value: number, digits: number) => (Number.isNaN(value) ? '' : Number(value.toFixed(digits)));
  const engine = ms.get('relaxed') ?? of('strict');
  const times = [engine, of('strict'), of('web'), of('native')].map((value) => shown(value, 2));
  return [...times, ...[of('web') / engine, of('web') / of('strict'), engine / of('native')].map((value) => shown(value, 2))];
}
