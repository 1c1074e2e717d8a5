import * as z from 'zod';
import { expect, it } from 'vitest';
import { indexNotFound } from '../../../../src/index/index-lifecycle.ts';
import { ENDPOINTS } from '../../../../src/contract/endpoints.ts';
import type { Endpoint } from '../../../../src/contract/api/endpoint.ts';
import type { ErrorCode, Refusal } from '../../../../src/contract/api/errors.ts';
import { ERRORS, paramOf, refusal } from '../../../../src/contract/api/errors.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { parse } from '../../../../src/contract/api/parse.ts';
import { QDRANT_TAG, callQuery } from '../../../../src/contract/qdrant/envelope.ts';
import { QDRANT_NOT_OFFERED } from '../../../../src/contract/qdrant/not-offered.ts';
import { qdrantError } from '../../../../src/contract/qdrant/qdrant-error.ts';
import type { Surface } from '../../../../src/contract/api/surface.ts';
import { anthropicError, cohereError, jinaError, mountsOf, surfaceOf, teiError } from '../../../../src/contract/api/surface.ts';
import { assert } from '../../../../src/kernel/assert.ts';

/** Of the paths that several APIs have in common: whose clients read the most of an error. */
const OWN_SHAPES: Readonly<Record<string, Surface>> = {
  '/v1/messages': 'anthropic',
  '/v1/embeddings': 'jina',
  '/v1/rerank': 'jina',
};
const BY_TAG: Readonly<Record<string, Surface>> = { KServe: 'kserve', Cohere: 'cohere', TEI: 'tei' };

const NATIVE_TOO = new Set(['/', '/healthz', '/readyz']);

it("[Q5] Qdrant's paths lead to its surface under the prefix and at the root, and no other path does", () => {
  for (const { path, tag } of Object.values<Endpoint>(ENDPOINTS)) {
    for (const mount of mountsOf(path)) {
      const own = (path.startsWith('/v1/messages/') ? OWN_SHAPES['/v1/messages'] : OWN_SHAPES[path]) ?? BY_TAG[tag] ?? 'sluice';
      expect(surfaceOf(mount), mount).toBe(tag === QDRANT_TAG && !NATIVE_TOO.has(mount) ? 'qdrant' : own);
    }
  }
  expect(mountsOf('/qdrant/collections/:collection')).toEqual(['/qdrant/collections/:collection', '/collections/:collection']);
  expect(mountsOf('/v1/indexes')).toEqual(['/v1/indexes']);
  expect(
    ['/collections', '/collections/a/b/c', '/aliases', '/telemetry', '/qdrant/x', '/collectionsx', '/v1/aliases', '/'].map((path) =>
      surfaceOf(path),
    ),
  ).toEqual(['qdrant', 'qdrant', 'qdrant', 'qdrant', 'qdrant', 'sluice', 'sluice', 'sluice']);
  // A name that another API has for a path, and one that every object has.
  expect(
    ['/collections/messages', '/collections/embed', '/v2', '/v2/chat', '/constructor', '/v1/__proto__'].map((path) => surfaceOf(path)),
  ).toEqual(['qdrant', 'qdrant', 'kserve', 'cohere', 'sluice', 'sluice']);
});

it('[G103] refusals have what clients of Cohere, Jina and TEI read, and code, field and request id', () => {
  const error = refusal('invalid_value', 'is empty', 'input');
  const ours = { code: 'invalid_value', param: 'input', request_id: 'req_1' };
  expect(cohereError(error, 'req_1')).toEqual({ message: 'input: is empty', ...ours });
  expect(jinaError(error, 'req_1')).toMatchObject({
    detail: 'input: is empty',
    error: { message: 'input: is empty', code: 'invalid_value', param: 'input' },
    request_id: 'req_1',
  });
  expect(teiError(error, 'req_1')).toEqual({ error: 'input: is empty', error_type: 'validation', ...ours });
  const types = (['rate_limit_exceeded', 'unavailable', 'model_not_found'] as const).map(
    (code) => teiError(refusal(code, 'x'), 'r').error_type,
  );
  expect(types).toEqual(['overloaded', 'backend', 'validation']);
});

it('[Q53] operations of Qdrant that are not offered belong to its surface and hide no route', () => {
  const served = new Set(Object.values<Endpoint>(ENDPOINTS).map(({ path }) => path));
  for (const path of QDRANT_NOT_OFFERED.keys()) {
    expect(served.has(path), path).toBe(false);
    for (const mount of mountsOf(path)) expect(surfaceOf(mount), mount).toBe(mount === '/metrics' ? 'sluice' : 'qdrant');
  }
  // As in Qdrant, unknown parameters are ignored.
  expect(parse(callQuery, { wait: 'true', nonesuch: '1' }, 'query')).toEqual({ ok: true, value: { wait: 'true' } });
});

const refused = (outcome: Outcome<unknown>): Refusal => {
  assert(!outcome.ok, 'the value is refused');
  return outcome.error;
};

it('[Q3] a value out of bounds is 422, one of another type 400, worded as in Qdrant', () => {
  const body = z.object({ limit: z.int().min(1), ids: z.array(z.int()).max(2) });
  const cases: readonly [Refusal, number, string][] = [
    [refused(parse(body, { limit: 0, ids: [] })), 422, 'Validation error in JSON body: [limit: is 0; the least is 1]'],
    [refused(parse(body, { limit: 1, ids: [1, 2, 3] })), 422, 'Validation error in JSON body: [ids: has 3 items; the limit is 2]'],
    [refused(parse(body, { limit: 'x', ids: [] })), 400, 'Format error in JSON body: limit: '],
    [refused(parse(body, [])), 400, 'Format error in JSON body: '],
    [refused(parse(callQuery, { timeout: '0' }, 'query')), 422, 'Validation error in query parameters: [timeout: '],
    [refused(parse(callQuery, { wait: 'perhaps' }, 'query')), 400, 'Deserialize error in query parameters: wait: '],
    [refusal('malformed_json', 'it ends early'), 400, 'Format error in JSON body: it ends early'],
    [refusal('dimension_mismatch', 'three numbers'), 400, 'Wrong input: three numbers'],
    [refused(indexNotFound('a "b"\n$1')), 404, 'Not found: Collection `a "b"\n$1` doesn\'t exist!'],
    [
      { ...refusal('already_exists', 'x', 'name'), resource: { kind: 'index', name: 'a' } },
      409,
      'Wrong input: Collection `a` already exists!',
    ],
    [{ ...refusal('vector_not_found', 'x', 'id'), resource: { kind: 'vector', name: '7' } }, 404, 'Not found: No point with id 7 found'],
    [refusal('scope_denied', 'no'), 403, 'no'],
    [refusal('deadline_exceeded', 'no time'), 408, 'Timeout error: no time'],
    [refusal('not_offered', 'no'), 501, 'no'],
  ];
  for (const [error, status, message] of cases) {
    const answer = qdrantError(error, 'req_1');
    expect([answer.status, answer.body.status.error]).toEqual([status, expect.stringContaining(message)]);
    expect(answer.body).toMatchObject({ status: { code: error.code, param: paramOf(error) }, time: 0, request_id: 'req_1' });
  }
});

it('[G125] [G127] the header of Anthropic decides where the path leaves it open, and nowhere else', () => {
  const anthropic = new Headers({ 'anthropic-version': '2023-06-01' });
  const surfaces = (paths: readonly string[], headers?: Headers) => paths.map((path) => surfaceOf(path, headers));
  const shared = ['/v1/models', '/v1/models/a%2Fb', '/v1/files', '/v1/files/f/content', '/v1/skills', '/v1/batches'];
  expect(surfaces(shared, anthropic)).toEqual(shared.map(() => 'anthropic'));
  expect(surfaces(shared, new Headers())).toEqual(shared.map(() => 'sluice'));
  const own = ['/v1/chat/completions', '/v1/completions', '/v1/responses', '/v1/responses/r', '/v1/moderations', '/v1/upstreams/rerank'];
  expect(surfaces(own, anthropic)).toEqual(own.map(() => 'sluice'));
  expect(surfaces(['/v1/messages', '/v1/messages/batches', '/v1/messages/count_tokens/x'])).toEqual(Array(3).fill('anthropic'));
  expect(surfaces(['/v1/embeddings', '/v2/rerank', '/collections/a', '/rerank'], anthropic)).toEqual(['jina', 'cohere', 'qdrant', 'tei']);
});

/** `ErrorType` of Anthropic's clients, and what its documentation has for 413. */
const ANTHROPIC_TYPES = new Set(
  ['invalid_request', 'authentication', 'billing', 'permission', 'not_found', 'rate_limit', 'timeout', 'api', 'overloaded', 'conflict']
    .map((name) => `${name}_error`)
    .concat('request_too_large'),
);

it("[G125] each code of the catalogue has one of Anthropic's types in Anthropic's shape, and keeps its code", () => {
  for (const code of Object.keys(ERRORS) as ErrorCode[]) {
    const { type, error, request_id } = anthropicError(refusal(code, 'no', 'input'), 'req_1');
    expect([type, error.code, error.param, request_id], code).toEqual(['error', code, 'input', 'req_1']);
    expect(ANTHROPIC_TYPES.has(error.type), `${code}: ${error.type}`).toBe(true);
  }
});
