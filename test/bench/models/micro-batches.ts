import { writeOnnxGraph } from '../../../workers/builds/onnx-graph-file.ts';
import { table } from '../../../workers/cli/command/command.ts';
import type { ApiClient } from '../../support/deployment/api-client.ts';
import { deploy } from '../../support/deployment/deployment.ts';
import { createTenant } from '../../support/deployment/tenant.ts';
import { bertShapedGraph, MINILM_SHAPE } from '../../support/fixtures/bert-shaped-graph.ts';
import type { Folder } from '../../support/models/model-folder.ts';
import { bertFolder, VOCABULARY } from '../../support/models/model-folder.ts';
import { processCpuS } from '../raw-workerd.ts';

/** Half of MiniLM's layers, and a small vocabulary: an isolate has room for it as float32. */
const SHAPE = { ...MINILM_SHAPE, layers: 3, vocabulary: 64, positions: 64 };
const WORDS = Object.keys(VOCABULARY).filter((word) => /^[a-z]{2,}$/.test(word));
/** With so little time left a request shares no run (M25), and has enough for its own. */
const ALONE = { 'x-sluice-deadline-ms': '950' };

/** CPU of workerd for a text, by how many callers embed one text each at a time: with the micro-batcher, and without. */
export async function batcherBench(quick: boolean): Promise<void> {
  const server = await deploy();
  try {
    const { client } = await createTenant(server, { scopes: ['inference', 'files', 'models:write'] });
    await register(client, encoderFolder());
    const rows: (string | number)[][] = [];
    for (const words of [10, 24]) {
      for (const callers of [1, 4, 16]) {
        const ask = async (headers: Record<string, string>) => {
          const before = await processCpuS(server.workerdPid() ?? 0);
          const each = Math.ceil((quick ? 48 : 160) / callers);
          await Promise.all(Array.from({ length: callers }, () => embedMany(client, words, each, headers)));
          return ((await processCpuS(server.workerdPid() ?? 0)) - before) * (1_000 / (callers * each));
        };
        await ask({});
        const [alone, together] = [await ask(ALONE), await ask({})];
        rows.push([words + 2, callers, alone.toFixed(1), together.toFixed(1), `${(100 * (1 - together / alone)).toFixed(0)} %`]);
      }
    }
    console.log(table(['tokens', 'callers', 'CPU ms a text, alone', 'with the batcher', 'saved'], rows));
  } finally {
    await server.stop();
  }
}

let asked = 0;

/** Texts that no cache has. */
async function embedMany(client: ApiClient, words: number, count: number, headers: Record<string, string>): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    const serial = (asked += 1);
    const digit = (at: number) => WORDS[Math.floor(serial / WORDS.length ** at) % WORDS.length] ?? '';
    const input = Array.from({ length: words }, (_, at) => (at < 4 ? digit(at) : 'river')).join(' ');
    const { status, body } = await client.call('POST', '/v1/embeddings', { model: 'encoder', input }, headers);
    if (status !== 200) throw new Error(JSON.stringify(body));
  }
}

function encoderFolder(): Folder {
  const pooling = new TextEncoder().encode(JSON.stringify({ word_embedding_dimension: SHAPE.hidden, pooling_mode_mean_tokens: true }));
  const graph = writeOnnxGraph(bertShapedGraph(SHAPE));
  return new Map([...bertFolder().files, ['onnx/model.onnx', graph], ['1_Pooling/config.json', pooling]]);
}

async function register(client: ApiClient, folder: Folder): Promise<void> {
  const files: { path: string; file: string }[] = [];
  for (const [path, bytes] of folder) {
    const form = new FormData();
    form.set('purpose', 'model');
    form.set('file', new Blob([bytes]), path.replaceAll('/', '_'));
    files.push({ path, file: (await client.call('POST', '/v1/files', form)).body.id });
  }
  const made = await client.post('/v1/models', { name: 'encoder', files, dimensions: SHAPE.hidden });
  const promoted = await client.post('/v1/models/encoder/promote', { version: 1 });
  if (promoted.status !== 200) throw new Error(JSON.stringify(made.body));
}
