import { join } from 'node:path';

import { beforeAll, describe, expect, it } from 'vitest';

import type { ApiClient } from '../support/deployment/api-client.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import { isWithoutPython, ranPython } from '../support/python/python-client.ts';

const MODEL = 'glove-sif-100';

const server = sharedDeployment();
let client: ApiClient;

beforeAll(async () => {
  ({ client } = await createTenant(server));
});

const ran = async (script: string): Promise<unknown> =>
  JSON.parse(await ranPython('python', [join(import.meta.dirname, script), client.url, client.apiKey, MODEL]));

describe.skipIf(isWithoutPython('tritonclient and cohere'))('packages of Python, unmodified', () => {
  it('[M110] [M111] [G101] tritonclient sends texts and reads vectors, in every form that it has', async () => {
    expect(await ran('triton-tensors.py')).toEqual({
      shape: [2, 100],
      norm: 1,
      same: [true, true, true, true],
      ready: [true, true, true, false],
      inputs: [{ name: 'text', datatype: 'BYTES', shape: [-1] }],
      listed: true,
      refused: ['404', '400', '501'],
    });
  });

  it('[M112] [G103] cohere ranks and embeds by both of its clients, and raises the errors that it has', async () => {
    expect(await ran('cohere-texts.py')).toEqual({
      ranked: [1],
      older: [1, 0],
      dimensions: [100, 13],
      same: true,
      refused: [
        ['NotFoundError', 'model_not_found'],
        ['BadRequestError', 'invalid_value'],
        ['UnauthorizedError', 'invalid_api_key'],
      ],
    });
  });
});
