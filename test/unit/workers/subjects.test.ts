import { expect, it, vi } from 'vitest';

import type { Endpoint } from '../../../src/contract/api/endpoint.ts';
import { ENDPOINTS } from '../../../src/contract/endpoints.ts';
import { KSERVE_NOT_OFFERED } from '../../../src/contract/models/kserve-not-offered.ts';
import { QDRANT_NOT_OFFERED } from '../../../src/contract/qdrant/not-offered.ts';
import type { Subject } from '../../../src/contract/subjects.ts';
import { subjectOf, SUBJECTS } from '../../../src/contract/subjects.ts';
import { mountsOf, surfaceOf } from '../../../src/contract/api/surface.ts';

/** What the runtime's classes give those that extend them. */
class Base {
  readonly env = {};
}

vi.mock('cloudflare:workers', () => ({ DurableObject: Base, WorkerEntrypoint: Base, waitUntil: () => {} }));

const { SUBJECT_APPS } = await import('../../../workers/gateway/subjects.ts');
const { opsEndpoints } = await import('../../../src/contract/api/ops.ts');

const endpoints = Object.values<Endpoint>(ENDPOINTS);
const served = new Map(
  await Promise.all(
    (Object.keys(SUBJECTS) as Subject[]).map(async (subject) => [subject, (await SUBJECT_APPS[subject]()).routes] as const),
  ),
);

it('[G62] every endpoint is served by the subject of its path, wherever it is mounted, and by no other', () => {
  const core = new Set<Endpoint>(Object.values(opsEndpoints));
  for (const endpoint of endpoints.filter((one) => !core.has(one))) {
    const servers = [...served].flatMap(([subject, routes]) => (routes.some((route) => route.endpoint === endpoint) ? [subject] : []));
    expect(servers.length, `${endpoint.method} ${endpoint.path}`).toBe(1);
    // Probes at the root are Sluice's own.
    const mounts = mountsOf(endpoint.path).filter((path) => !['/healthz', '/readyz'].includes(path));
    for (const path of mounts) expect(subjectOf(path), path).toBe(servers[0]);
  }
  const routes = [...served.values()].flat();
  expect(routes.length).toBe(endpoints.length - core.size);
  expect(new Set(routes.map(({ endpoint }) => endpoint)).size).toBe(routes.length);
});

it('[G62] probes, files and paths that only begin like a prefix belong to no subject', () => {
  for (const path of [
    '/healthz',
    '/readyz',
    '/metrics',
    '/docs/',
    '/openapi.json',
    '/sdk/edge.js',
    '/v1',
    '/v1/',
    '/v1/jobsx',
    '/v2x',
    '/v3/jobs',
  ])
    expect(subjectOf(path), path).toBeUndefined();
  expect(
    ['/v1/jobs', '/v1/jobs/', '/v1/jobs:plan', '/v1/jobs/a/b', '/v2/', '/v2/models/m', '/v2/embed', '/v2/embedx', '/'].map(subjectOf),
  ).toEqual(['jobs', 'jobs', 'jobs', 'jobs', 'models', 'models', 'embeddings', 'models', 'qdrant']);
});

it('[Q53] paths of Qdrant that are not offered are refused by its subject', () => {
  const paths = [...QDRANT_NOT_OFFERED.keys()].flatMap(mountsOf).filter((path) => surfaceOf(path) === 'qdrant');
  expect(paths.length).toBeGreaterThan(20);
  for (const path of paths) expect(subjectOf(path), path).toBe('qdrant');
});

it('[M111] paths of Triton that are not offered hide no route, and are refused by its subject', () => {
  const paths = new Set(endpoints.map(({ path }) => path));
  for (const path of KSERVE_NOT_OFFERED.keys()) {
    expect(paths.has(path), path).toBe(false);
    expect([subjectOf(path), surfaceOf(path)], path).toEqual(['models', 'kserve']);
  }
});

it('[G62] no prefix belongs to two subjects', () => {
  const prefixes = Object.values(SUBJECTS).flatMap<string>((subject) => [...subject.prefixes]);
  expect(new Set(prefixes).size).toBe(prefixes.length);
  for (const prefix of prefixes) expect(subjectOf(prefix), prefix).toBeDefined();
});
