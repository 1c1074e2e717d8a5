import { expect, it } from 'vitest';

import { parseJsonText } from '../../../../src/contract/api/json-text.ts';
import { parseApiKey } from '../../../../src/tenancy/keys/api-key.ts';
import { checkBaseUrl } from '../../../../src/upstreams/upstream-host.ts';
import { ServedPaths } from '../../../../workers/gateway/pipeline/served-paths.ts';
import { ENDPOINTS } from '../../../../src/contract/endpoints.ts';
import { faultOf } from '../../../support/fixtures/fault-of.ts';
import { findManifest } from '../../../../src/gateway/embeddings/embedding-models.ts';

it.each([
  ["{'model': 'm'}", 'json.dumps(body)'],
  ["[{'id': 1}]", 'json.dumps(body)'],
  ['{"values": [0.5, NaN]}', 'NaN or Infinity'],
  ['model=m&input=a+text', "requests' json=body"],
  ['', 'the body is empty: send JSON'],
])('[G149] the body %j is refused with what to do', (text, advice) => {
  expect(faultOf(parseJsonText(text))).toMatchObject({ code: 'malformed_json', message: expect.stringContaining(advice) as string });
});

it('[G149] other bodies that are no JSON get no advice', () => {
  expect(faultOf(parseJsonText('{"a": "x = y", }'))?.message).toBe('the body is not valid UTF-8 encoded JSON');
});

it.each([
  ['sk-proj-abc', 'is one of a model provider'],
  ['"sk_abc"', 'not like its value'],
  ['$SLUICE_API_KEY', 'not like its value'],
  ['None', 'not like its value'],
  ['hello', 'use one that this gateway has issued'],
])('[G149] the key %s is refused with what is wrong with it', (key, advice) => {
  expect(faultOf(parseApiKey(key))).toMatchObject({ code: 'invalid_api_key', message: expect.stringContaining(advice) as string });
});

it('[G149] a GET where a POST belongs may have been led from http to https', () => {
  const refuses = new ServedPaths([ENDPOINTS.createEmbeddings]).otherMethods()[0]?.[1];
  expect(refuses?.('GET').refusal.message).toContain('A redirect from http:// makes it a GET');
  expect(refuses?.('PUT').refusal.message).toBe('PUT is not allowed here: use POST');
});

it.each(['/chat/completions', '/chat/completions/', '/embeddings', '/messages', '/responses', '/models'])(
  '[G147] a base_url that ends with %s is refused with the one that was meant',
  (call) => {
    const checked = checkBaseUrl(`https://api.example.com/v1${call}`, { allowed: [], local: [] });
    expect(checked).toMatchObject({
      ok: false,
      error: { code: 'invalid_value', path: ['base_url'], didYouMean: 'https://api.example.com/v1' },
    });
  },
);

it('[G147] the name of a model is refused with the closest', () => {
  const manifests = [{ id: 'glove-sif-100', version: '2' }] as unknown as Parameters<typeof findManifest>[0];
  for (const name of ['glove-sif', 'glove-sif-10', 'Glove_SIF_100'])
    expect(findManifest(manifests, name)).toMatchObject({ ok: false, error: { code: 'model_not_found', didYouMean: 'glove-sif-100' } });
});
