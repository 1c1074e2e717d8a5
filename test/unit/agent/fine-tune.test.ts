import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { TUNING_PROGRAM } from '../../../src/contract/jobs/tuning-settings.ts';
import { parseModelCatalogue, readModelFile } from '../../../src/inference/model-manifest.ts';
import { openStaticModel } from '../../../src/inference/static/static-model.ts';
import { tokenBatch } from '../../../src/inference/token-batch.ts';
import { must } from '../../../src/kernel/assert.ts';
import { commandOf } from '../../../workers/agent/command-runner.ts';
import { ROOT } from '../../../workers/local/paths.ts';
import { TRAINING_PAIRS, VALIDATION_PAIRS } from '../../support/fixtures/tuning-pairs.ts';

const BASE = 'glove-sif-100';
const SETTINGS = { model: BASE, epochs: 4, batch_size: 8, seed: 7, tuned_model: 'ft-jargon', owner: 'search', created_s: 1_800_000_000 };

/** The models of a gateway. */
let gateway: Server;
const folders: string[] = [];

beforeAll(async () => {
  gateway = createServer((request, response) => {
    readFile(join(ROOT, 'workers/gateway/public', request.url ?? '')).then(
      (bytes) => response.end(bytes),
      () => response.writeHead(404).end(),
    );
  }).listen(0, '127.0.0.1');
  await once(gateway, 'listening');
});

afterAll(async () => {
  gateway.close();
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-fine-tune-'));
  folders.push(folder);
  for (const [path, content] of Object.entries(files)) await writeFile(join(folder, path), content);
  return folder;
}

/** Runs the program as an agent does. */
async function run(folder: string, settings: object = SETTINGS): Promise<{ code: number | null; log: string }> {
  const [program = '', ...rest] = commandOf([TUNING_PROGRAM, JSON.stringify(settings)]);
  const { port } = gateway.address() as AddressInfo;
  const child = spawn(program, rest, { cwd: folder, env: { PATH: '', SLUICE_URL: `http://127.0.0.1:${port}` } });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes: Buffer) => (log += bytes.toString()));
  }
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, log };
}

const FILES = { 'training.jsonl': TRAINING_PAIRS, 'validation.jsonl': VALIDATION_PAIRS };

async function metricsIn(folder: string): Promise<Record<string, number>[]> {
  const [header = '', ...rows] = (await readFile(join(folder, 'metrics.csv'), 'utf8')).trimEnd().split('\n');
  return rows.map(
    (row) => Object.fromEntries(row.split(',').map((cell, at) => [header.split(',')[at], Number(cell)])) as Record<string, number>,
  );
}

async function openedIn(folder: string) {
  const [manifest] = parseModelCatalogue(JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')));
  const tuned = must(manifest, 'there is one model');
  // Its path is that in a folder of models.
  const read = async () => new Uint8Array(await readFile(join(folder, 'model.onnx')));
  const bytes = await readModelFile({ read }, tuned);
  const opened = bytes.ok ? openStaticModel(tuned, bytes.value) : undefined;
  if (!opened?.ok) throw new Error('the model does not open');
  const embed = (text: string) => [...opened.value.encoder.embed(tokenBatch([opened.value.tokeniser.tokenise(text).ids]))];
  return { tuned, embed };
}

const cosine = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, value, d) => sum + value * b[d]!, 0);

describe('the program that fine-tunes', () => {
  let whole: string;

  beforeAll(async () => {
    whole = await folderWith(FILES);
    const { code, log } = await run(whole);
    expect({ code, log }).toMatchObject({ code: 0 });
  });

  it('[J250] improves what was held out, and leaves a model that the engine opens', async () => {
    const metrics = await metricsIn(whole);
    expect(metrics.map(({ epoch, step }) => [epoch, step])).toEqual([0, 1, 2, 3, 4].map((epoch) => [epoch, epoch * 3]));
    const [before, after] = [metrics[0]!, metrics.at(-1)!];
    expect(after['valid_loss']).toBeLessThan(before['valid_loss']! / 2);
    expect(after['train_loss']).toBeLessThan(before['train_loss']! / 2);
    expect(after['valid_recall_at_1']).toBeGreaterThan(before['valid_recall_at_1']!);
    expect(after['trained_tokens']).toBe(4 * 21 * 4);
    const { tuned, embed } = await openedIn(whole);
    expect(tuned).toMatchObject({ id: 'ft-jargon', version: '1', runner: 'static', ownedBy: 'search', createdS: 1_800_000_000 });
    expect(cosine(embed('river'), embed('tango'))).toBeGreaterThan(cosine(embed('river'), embed('copper')));
  });

  it('[J250] changes no word that the training pairs have not', async () => {
    const { embed, tuned } = await openedIn(whole);
    const catalogue = parseModelCatalogue(
      JSON.parse(await readFile(join(ROOT, 'workers/gateway/public/models', BASE, 'manifest.json'), 'utf8')),
    );
    const base = must(
      catalogue.findLast(({ runner }) => runner === 'static'),
      'there is the base',
    );
    const bytes = new Uint8Array(await readFile(join(ROOT, 'workers/gateway/public/models', base.file.path)));
    const opened = openStaticModel(base, bytes);
    if (!opened.ok) throw new Error('the base does not open');
    const ofBase = (text: string) => [...opened.value.encoder.embed(tokenBatch([opened.value.tokeniser.tokenise(text).ids]))];
    expect(embed('the keeper opens the sluice')).toEqual(ofBase('the keeper opens the sluice'));
    expect(embed('river')).not.toEqual(ofBase('river'));
    expect(tuned.contractHash).not.toBe(base.contractHash);
  });

  it('[J251] ends with the same bytes when it goes on from what was saved on the way', async () => {
    const folder = await folderWith(FILES);
    await run(folder, { ...SETTINGS, epochs: 2 });
    const second = await run(folder);
    expect(second).toMatchObject({ code: 0, log: expect.stringMatching(/^goes on after epoch 2\n/) as string });
    for (const name of ['model.onnx', 'manifest.json', 'metrics.csv']) {
      expect((await readFile(join(folder, name))).equals(await readFile(join(whole, name)))).toBe(true);
    }
  });

  it('[J251] another seed makes another model', async () => {
    const folder = await folderWith(FILES);
    await run(folder, { ...SETTINGS, seed: 8 });
    expect((await readFile(join(folder, 'model.onnx'))).equals(await readFile(join(whole, 'model.onnx')))).toBe(false);
  });

  it.each([
    ['a line that is no pair', { 'training.jsonl': `${TRAINING_PAIRS}{"anchor": "river"}\n` }, {}, 'training.jsonl, line 22: is not'],
    ['a single pair', { 'training.jsonl': '{"anchor": "river", "positive": "tango"}\n' }, {}, 'at least 2 are needed'],
    ['an unknown base', FILES, { model: 'no-such-model' }, 'no model no-such-model that can be fine-tuned'],
    ['a base of another runner', FILES, { model: 'glove-sif-100-onnx' }, 'no model glove-sif-100-onnx that can be fine-tuned'],
  ])('[J250] says in its log that it was given %s, and leaves nothing', async (_, files, settings, message) => {
    const folder = await folderWith(files);
    const { code, log } = await run(folder, { ...SETTINGS, ...settings });
    expect({ code, log }).toEqual({ code: 65, log: expect.stringContaining(message) as string });
    await expect(readFile(join(folder, 'model.onnx'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
