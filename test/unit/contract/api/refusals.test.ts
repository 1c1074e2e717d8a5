import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import type { Refusal } from '../../../../src/contract/api/errors.ts';
import { messageOf, paramOf, refusal, refusalAt, wireError, withDetail } from '../../../../src/contract/api/errors.ts';
import { pathBelow } from '../../../../src/contract/api/field-path.ts';
import { API_LIMITS } from '../../../../src/contract/api/api-limits.ts';
import { refuseResource } from '../../../../src/contract/api/outcome.ts';
import { refuseBeyond } from '../../../../src/contract/limits/limit-refusal.ts';
import { qdrantError } from '../../../../src/contract/qdrant/qdrant-error.ts';

const MISFIT = refusal('dimension_mismatch', 'has 3 numbers; the index has 4 dimensions', ['vectors', 3, 'values']);

describe('a refusal in an answer', () => {
  it('[G52] names the field and says what is wrong with it', () => {
    expect([paramOf(MISFIT), messageOf(MISFIT)]).toEqual([
      'vectors[3].values',
      'vectors[3].values: has 3 numbers; the index has 4 dimensions',
    ]);
    expect(wireError(MISFIT, 'r').error).toMatchObject({ param: paramOf(MISFIT), message: messageOf(MISFIT) });
    expect(qdrantError(MISFIT, 'r').body.status).toMatchObject({ param: paramOf(MISFIT), error: `Wrong input: ${messageOf(MISFIT)}` });
  });

  it('[G52] without a field is only the sentence', () => {
    for (const none of [refusal('unavailable', 'later'), refusal('unavailable', 'later', []), refusalAt(MISFIT, [])]) {
      expect([paramOf(none), messageOf(none)]).toEqual([null, none.message]);
    }
  });

  it('[G52] shortens names that the caller chose', () => {
    expect(paramOf(refusal('invalid_value', 'x', ['metadata', 'k'.repeat(1_000)]))).toBe(`metadata.${'k'.repeat(64)}`);
  });

  it('[G52] names the limit, its bound and the value that exceeds it, also as data', () => {
    const { error } = refuseBeyond({ path: 'limit', limit: 'pageMaxCount', value: 1_001, what: 'is 1001', advice: 'ask for pages' });
    const bound = API_LIMITS.pageMaxCount;
    expect(messageOf(error)).toBe(`limit: is 1001; the limit is ${bound} (pageMaxCount): ask for pages`);
    expect(error).toMatchObject({ code: 'limit_exceeded', limit: { name: 'pageMaxCount', bound }, value: 1_001 });
  });

  it('[G54] names the bound of a limit that a model or a schema sets, and no value that is not known', () => {
    const { error } = refuseBeyond({ limit: { bound: 3 }, what: 'has too many items' });
    expect(error).toEqual({ code: 'limit_exceeded', message: 'has too many items; the limit is 3', limit: { bound: 3 } });
  });

  it('[G54] is about a collection for clients of Qdrant only where its resource is an index', () => {
    const { error: alias } = refuseResource('already_exists', { kind: 'alias', name: 'a' }, 'an alias has the name');
    const { error: index } = refuseResource('already_exists', { kind: 'index', name: 'a' }, 'an index has the name');
    const shown = (error: Refusal) => qdrantError(error, 'r').body.status.error;
    expect([shown(alias), shown(index)]).toEqual([
      expect.stringContaining('an alias has the name'),
      expect.stringContaining('Collection `a` already exists!'),
    ]);
  });
});

describe('the path of a refusal', () => {
  it('[G51] can be moved, without changing the message', () => {
    const moved = refusalAt(MISFIT, ['operations', 1, 'upsert', ...(MISFIT.path ?? [])]);
    expect(messageOf(moved)).toBe(`operations[1].upsert.vectors[3].values: ${MISFIT.message}`);
    expect(withDetail(moved, 'it is 7')).toEqual({ ...moved, message: `${MISFIT.message}; it is 7` });
  });

  it('[G51] is found below a part of a request, segment by segment', () => {
    expect(pathBelow(MISFIT.path, ['vectors'])).toEqual([3, 'values']);
    expect(pathBelow(MISFIT.path, ['vectors', 3, 'values'])).toEqual([]);
    // A name that the caller chose is one segment, even if it contains brackets.
    for (const path of [undefined, ['vector'], ['vectors[3]', 'values'], ['text']]) expect(pathBelow(path, ['vectors'])).toBeUndefined();
  });
});

/** Files that read the `message` of something else: a thrown error, an issue of a schema, the failure of a job or of a document. */
const OTHER_MESSAGES = [
  'durable-objects/platform-fault.ts',
  'src/contract/vectors/filter-syntax.ts',
  'src/contract/vectors/geo-area.ts',
  'src/contract/vectors/text-query.ts',
  'src/contract/api/parse.ts',
  'src/contract/qdrant/field-condition.ts',
  'src/contract/qdrant/filter.ts',
  'src/gateway/jobs/batch-status.ts',
  'src/gateway/jobs/tuning-progress.ts',
  'src/gateway/models/standing-replicas.ts',
  'src/gateway/tenancy/quotas/quota-requests.ts',
  'src/inference/onnx/onnx-file.ts',
  'src/inference/onnx/onnx-graph.ts',
  'src/inference/onnx/tensor-numbers.ts',
  'src/inference/served/graph-file.ts',
  'src/inference/served/ort-runner.ts',
  'src/kernel/shared-work.ts',
  'src/pools/clusters/kubernetes.ts',
  'src/scheduler/served/project-job.ts',
  'src/scheduler/served/read-reports.ts',
  'src/upstreams/guardrails/pattern-set.ts',
  'src/upstreams/protocol/upstream-error.ts',
  'src/upstreams/routes/route-plan.ts',
  'workers/gateway/adapters/upstreams/workers-ai.ts',
  'workers/gateway/pipeline/http-error.ts',
  'workers/gateway/pipeline/request-lifecycle.ts',
  'workers/gateway/routes/documents/documents.ts',
];

it('[G51] the message of a refusal is read only where answers and log lines are written', () => {
  const reads = /\.message\b|const \{[^{}]*\bmessage\b[^{}]*\} =|\{[^{}]*\bmessage\b[^{}]*\}: Refusal\b/;
  const files = globSync(['src/**/*.ts', 'durable-objects/**/*.ts', 'workers/gateway/**/*.ts', 'workers/objects/**/*.ts']);
  const readers = files.filter((file) => reads.test(readFileSync(file, 'utf8'))).sort();
  expect(readers).toEqual(['src/contract/api/errors.ts', ...OTHER_MESSAGES].sort());
});

/** Where the sources say `refuse` or `refusal` of a code, and the text behind it. */
function refusalsOf(code: RegExp): { readonly file: string; readonly text: string }[] {
  const files = globSync(['src/**/*.ts', 'durable-objects/**/*.ts', 'workers/**/*.ts']);
  const starts = new RegExp(`\\b(?:refuse|refusal)\\(\\s*'${code.source}'`, 'g');
  return files.flatMap((file) => {
    const source = readFileSync(file, 'utf8');
    return [...source.matchAll(starts)].map(({ index }) => ({ file, text: source.slice(index, index + 400) }));
  });
}

it('[G54] every refusal of what exceeds a limit has the limit as data', () => {
  const found = refusalsOf(/limit_exceeded/);
  // `refuseBeyond` itself is one of them.
  expect(found.map(({ file }) => file)).toContain('src/contract/limits/limit-refusal.ts');
  expect(found.filter(({ text }) => !/\blimit[:,]/.test(text)).map(({ file }) => file)).toEqual([]);
});

/** Modules whose refusals name part of their own input, not a resource: an agent's models, a trace's jobs, purges without a tenant. */
const OWN_NAMES = [
  'src/gateway/caches/purge-cache.ts',
  'src/scheduler/engine/machine/step.ts',
  'workers/agent/answer-line.ts',
  'workers/agent/gateway-models.ts',
  'workers/inference/onnx-models.ts',
];

it('[G54] every refusal of a resource that is not there has its kind and name as data', () => {
  const found = refusalsOf(/(?:alias|file|job|pool|purge|erasure|model)_not_found/);
  expect([...new Set(found.map(({ file }) => file))].sort()).toEqual(OWN_NAMES);
});
