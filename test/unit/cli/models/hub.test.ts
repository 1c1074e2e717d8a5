import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { chooseFiles } from '../../../../workers/cli/models/hub/choose-files.ts';
import { HubCache } from '../../../../workers/cli/models/hub/hub-cache.ts';
import { HubClient } from '../../../../workers/cli/models/hub/hub-client.ts';
import { readHubReference } from '../../../../workers/cli/models/hub/hub-reference.ts';
import { hubSource } from '../../../../workers/cli/models/hub/hub-source.ts';
import { TransferProgress } from '../../../../workers/cli/models/hub/transfer-progress.ts';
import { ModelHub } from '../../../support/fakes/model-hub.ts';

const GRAPH = 'onnx/model_quantized.onnx';
const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) % 256);
const text = (content: string): Uint8Array => new TextEncoder().encode(content);

let hub: ModelHub;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-hub-'));
  hub = await new ModelHub('org/model').start();
  for (const path of ['config.json', 'tokenizer.json', 'modules.json', '1_Pooling/config.json', 'README.md', 'pytorch_model.bin'])
    hub.put(path, text(`{"of": "${path}"}`));
  for (const path of ['onnx/model.onnx', GRAPH, 'onnx/model_fp16.onnx']) hub.put(path, bytes(path.length * 10_000));
});

afterEach(async () => {
  await hub.stop();
  await rm(folder, { recursive: true });
});

const lines: string[] = [];
const progress = (isTTY = false) => new TransferProgress({ isTTY, write: (line) => lines.push(String(line)) > 0 });
const environment = (more: Readonly<Record<string, string>> = {}) => ({ HF_ENDPOINT: hub.endpoint, SLUICE_HUB_CACHE: folder, ...more });
const source = (reference = 'hf:org/model', more: Readonly<Record<string, string>> = {}, variant?: string) =>
  hubSource(reference, variant, progress(), environment(more));

/** The cache with a client that does not wait between attempts. */
function cache() {
  const pauses: number[] = [];
  const client = new HubClient({ endpoint: new URL(hub.endpoint) });
  return { pauses, cache: new HubCache({ folder, client, pause: async (ms) => pauses.push(ms) }) };
}

async function download(path: string, of = cache().cache): Promise<Uint8Array> {
  const { commit, files } = await of.revision(readHubReference('hf:org/model'));
  const file = files.find((each) => each.path === path)!;
  return readFile(await of.file('org/model', commit, file, (done) => hub.cutAt(done)));
}

const partialFiles = async () => (await readdir(join(folder, 'org--model/blobs'))).filter((name) => name.endsWith('.incomplete'));

describe('a model of a hub', () => {
  it('[M93] is what serving needs of it, with the quantised graph, its licence and its commit', async () => {
    const found = await source();
    const paths = found.files.map(({ path }) => path);
    expect(new Set(paths)).toEqual(new Set(['1_Pooling/config.json', 'config.json', 'modules.json', GRAPH, 'tokenizer.json']));
    expect(found).toMatchObject({ name: 'model', stated: { licence: 'apache-2.0', parents: [`hf:org/model@${hub.commit}`] } });
    const graph = found.files.find(({ path }) => path === GRAPH)!;
    expect(Buffer.compare(await readFile(graph.from), bytes(GRAPH.length * 10_000))).toBe(0);
    expect(hub.askedFor('README.md', 'hub')).toEqual([]);
    expect(lines.join('')).toContain(`download ${paths.indexOf(GRAPH) + 1}/5 ${GRAPH}`);
  });

  it('[M93] is served by the variant that is asked for, with its external data', () => {
    const paths = [
      'config.json',
      'onnx/config.json',
      'onnx/model.onnx',
      'onnx/model.onnx_data',
      'onnx/model_int8.onnx',
      'onnx/model_q4.onnx',
      'model.onnx',
    ];
    const graphOf = (variant?: string) => chooseFiles(paths, variant).filter((path) => path !== 'config.json');
    expect(graphOf()).toEqual(['onnx/model_int8.onnx']);
    expect(graphOf('fp32')).toEqual(['onnx/model.onnx', 'onnx/model.onnx_data']);
    expect(graphOf('q4')).toEqual(['onnx/model_q4.onnx']);
    expect(graphOf('model.onnx')).toEqual(['model.onnx']);
    expect(() => graphOf('bf16')).toThrow('no variant bf16: one of fp32, int8, q4');
    expect(() => chooseFiles(['config.json'], undefined)).toThrow('no ONNX file');
    expect(() => chooseFiles(['a.onnx', 'b.onnx'], undefined)).toThrow('--variant: a.onnx, b.onnx');
  });

  it('[M93] is refused by a reference that could name anything else', () => {
    expect(readHubReference('hf:gpt2@refs/pr/1')).toEqual({ repository: 'gpt2', revision: 'refs/pr/1' });
    for (const wrong of ['hf:', 'hf:a/b/c', 'hf:../etc', 'hf:org/..', 'hf:org/model@../main', 'hf:org/model@', 'hf:org/mo del'])
      expect(() => readHubReference(wrong), wrong).toThrow('is no model of a hub');
  });

  it('[M92] has its token sent to the hub, and not to the storage that it redirects to', async () => {
    hub.token = 'hf_secret';
    await expect(source()).rejects.toThrow(/HF_TOKEN.*Access to the model is restricted/);
    await source('hf:org/model', { HF_TOKEN: 'hf_secret' });
    expect(hub.askedFor(GRAPH, 'hub').at(-1)?.authorization).toBe('Bearer hf_secret');
    const stored = hub.asked.filter(({ of }) => of === 'storage');
    expect(stored.map(({ authorization }) => authorization)).toEqual([undefined]);
  });

  it('[M92] is found by the name it had, at a tag, and not at a revision that is none', async () => {
    const moved = await source('hf:renamed/model@v1');
    expect(moved.stated['parents']).toEqual([`hf:renamed/model@${hub.commit}`]);
    await expect(source('hf:org/model@absent')).rejects.toThrow('RevisionNotFound');
    await expect(source('hf:org/other')).rejects.toThrow('RepoNotFound');
    await expect(source('hf:circle/model')).rejects.toThrow('redirects more than 5 times');
  });
});

describe('a download', () => {
  it('[M91] that was cut goes on where it ended', async () => {
    hub.cuts.push(1_000, 70_000);
    const { cache: cut, pauses } = cache();
    expect(Buffer.compare(await download(GRAPH, cut), bytes(GRAPH.length * 10_000))).toBe(0);
    const ranges = hub.asked.filter(({ of }) => of === 'storage').map(({ range }) => range);
    expect(ranges).toEqual([undefined, 'bytes=1000-', 'bytes=71000-']);
    expect(pauses).toHaveLength(2);
  });

  it('[M91] that ended with its process is continued by the next, also where the storage has no ranges', async () => {
    for (const isWithoutRanges of [false, true]) {
      hub.put(GRAPH, bytes(200_000 + Number(isWithoutRanges)));
      hub.cuts.push(...Array.from({ length: 5 }, () => 100));
      await expect(download(GRAPH)).rejects.toThrow(/500 of 20000\d bytes are here; the same command goes on/);
      hub.isWithoutRanges = isWithoutRanges;
      expect((await download(GRAPH)).length).toBe(200_000 + Number(isWithoutRanges));
      expect(hub.asked.at(-1)).toMatchObject({ of: 'storage', range: 'bytes=500-' });
      hub.isWithoutRanges = false;
    }
  });

  it('[M91] of what the hub does not list is refused, and nothing of it is kept', async () => {
    for (const path of ['config.json', GRAPH]) {
      const right = bytes(5_000).fill(path.length, 0, 9);
      const wrong = right.slice();
      wrong[4_999]! ^= 1;
      hub.put(path, wrong, right);
      await expect(download(path)).rejects.toThrow(`${path}: what the hub sent is not what it lists`);
      expect(await partialFiles()).toEqual([]);
      hub.put(path, bytes(6_000), right);
      await expect(download(path)).rejects.toThrow('more than the 5000 bytes');
      expect(await partialFiles()).toEqual([]);
      hub.put(path, right);
      expect((await download(path)).length).toBe(5_000);
      expect(await partialFiles()).toEqual([]);
    }
  });

  it('[M91] of what the hub announces otherwise than it lists is refused before it is fetched', async () => {
    hub.announced = 'a'.repeat(64);
    await expect(download(GRAPH)).rejects.toThrow(`and serves ${hub.announced}`);
    expect(hub.asked.filter(({ of }) => of === 'storage')).toEqual([]);
  });

  it('[M91] over a part that is wrong begins anew', async () => {
    hub.cuts.push(...Array.from({ length: 5 }, () => 100));
    await expect(download(GRAPH)).rejects.toThrow('500 of');
    const [partial = ''] = await partialFiles();
    await writeFile(join(folder, 'org--model/blobs', partial), bytes(700).fill(7));
    expect(Buffer.compare(await download(GRAPH), bytes(GRAPH.length * 10_000))).toBe(0);
  });

  it('[M91] is tried again while the hub is busy', async () => {
    const { cache: busy, pauses } = cache();
    await busy.revision(readHubReference('hf:org/model'));
    const { commit, files } = await busy.revision(readHubReference(`hf:org/model@${hub.commit}`));
    hub.failures.push(503, 429);
    await busy.file(
      'org/model',
      commit,
      files.find(({ path }) => path === 'config.json')!,
      () => undefined,
    );
    expect(pauses).toEqual([1_000, 2_000]);
  });

  it('[M91] of a file without content is a file without content', async () => {
    hub.put('config.json', new Uint8Array());
    expect((await download('config.json')).length).toBe(0);
  });
});

describe('the cache', () => {
  it('[M92] answers what the hub said last while it does not answer, and asks once for a commit', async () => {
    const first = await source();
    const asked = hub.asked.length;
    expect(await source(`hf:org/model@${hub.commit}`)).toEqual(first);
    expect(hub.asked).toHaveLength(asked);
    expect(await source()).toEqual(first);
    expect(hub.asked, 'main may have moved').toHaveLength(asked + 1);
    hub.failures.push(503);
    expect(await source()).toEqual(first);
    expect(await source('hf:org/model', { HF_HUB_OFFLINE: '1' })).toEqual(first);
    expect(hub.asked).toHaveLength(asked + 2);
    expect(await source('hf:org/model', { HF_ENDPOINT: 'http://127.0.0.1:1' })).toEqual(first);
    await expect(source('hf:org/other', { HF_HUB_OFFLINE: '1' })).rejects.toThrow('hf:org/other@main is not in the cache');
    await expect(source('hf:org/model', { HF_HUB_OFFLINE: '1' }, 'fp16')).rejects.toThrow('onnx/model_fp16.onnx is not in the cache');
  });

  it('[M91] hands out no file that changed on the disk', async () => {
    const { files } = await source();
    const graph = files.find(({ path }) => path === GRAPH)!;
    const { size } = await stat(graph.from);
    await writeFile(graph.from, bytes(size).fill(0));
    await expect(source('hf:org/model', { HF_HUB_OFFLINE: '1' })).rejects.toThrow(`${GRAPH} is not in the cache`);
    await source();
    expect(Buffer.compare(await readFile(graph.from), bytes(GRAPH.length * 10_000))).toBe(0);
  });
});

it('progress is a line of a terminal that says how far a file has come', () => {
  lines.length = 0;
  const step = progress(true).begin('download', 1, 3, GRAPH, 4_000_000);
  for (const done of [1_000_000, 1_000_001, 4_000_000]) step(done);
  expect(lines.map((line) => line.replace('\r\u001B[K', ''))).toEqual([
    `download 2/3 ${GRAPH}`,
    `download 2/3 ${GRAPH} 25 % (1.0 of 4.0 MB)`,
    `download 2/3 ${GRAPH} 100 % (4.0 of 4.0 MB)`,
  ]);
});
