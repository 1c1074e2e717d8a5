import { QdrantClient } from '@qdrant/js-client-rest';
import { expect } from 'vitest';

import type { Reached } from './shared-deployment.ts';
import type { TestTenant } from './tenant.ts';

export type PointId = string | number;

interface QdrantFailure {
  readonly name: string;
  readonly status?: number;
  readonly data?: { readonly status: { readonly error: string; readonly code: string; readonly applied?: number } };
}

/** A Qdrant client of the tenant. It takes the port from the URL, but the path only as `prefix`. */
export const qdrantClient = (server: Reached, { client }: TestTenant, apiKey = client.apiKey, prefix = '/qdrant'): QdrantClient =>
  new QdrantClient({ url: server.urls[0] ?? '', prefix, apiKey, checkCompatibility: false });

let serial = 0;

/** Creates a collection of the points `1`, `2`, ... `count`, on a line. */
export async function lineOf(qdrant: QdrantClient, count: number): Promise<string> {
  const name = `Line_${(serial += 1)}`;
  await qdrant.createCollection(name, { vectors: { size: 2, distance: 'Euclid' } });
  const points = Array.from({ length: count }, (_, i) => i + 1).map((n) => ({
    id: n,
    vector: [n, 1],
    payload: { n, kind: n % 2 === 0 ? 'even' : 'odd', tags: [`t${n % 3}`, 'all'], deep: { list: [{ at: n }, { at: -n }] } },
  }));
  await qdrant.upsert(name, { wait: true, points });
  return name;
}

export const idsOf = (points: readonly { readonly id: PointId }[]): PointId[] => points.map(({ id }) => id);

/** The error that the client throws. */
export async function failure(work: Promise<unknown>): Promise<QdrantFailure> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(Error);
  return error as QdrantFailure;
}

/** The status, code and message with which the server refused. */
export async function refusal(work: Promise<unknown>): Promise<[number | undefined, string | undefined, string | undefined]> {
  const { status, data } = await failure(work);
  return [status, data?.status.code, data?.status.error];
}
