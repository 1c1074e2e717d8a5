import { describe, expect, it } from 'vitest';
import type * as z from 'zod';

import { fileEndpoints } from '../../../../src/contract/files/files.ts';
import { generationEndpoints } from '../../../../src/contract/indexes/generations.ts';
import { indexEndpoints } from '../../../../src/contract/indexes/indexes.ts';
import { FILE_LIMITS } from '../../../../src/contract/files/file-limits.ts';
import { QUEUE_LIMITS } from '../../../../src/contract/queues/queue-limits.ts';
import { completionEndpoints } from '../../../../src/contract/completions/completions.ts';
import { reservationEndpoints } from '../../../../src/contract/queues/reservations.ts';

/** The fields that are refused, with their messages; none of a body that is taken. */
const faultsOf = (schema: z.ZodType, body: object): string[] =>
  (schema.safeParse(body).error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);

it('[U189] a moderation without a model is by the one that OpenAI takes then', () => {
  const { schema } = completionEndpoints.createModeration.body;
  expect(schema.parse({ input: 'x' })).toEqual({ input: 'x', model: 'omni-moderation-latest' });
  expect(schema.parse({ input: 'x', model: 'lab/small' })).toEqual({ input: 'x', model: 'lab/small' });
});

const FOUNDED = ': give either `dimensions` or `model`, or `fields` alone for an index without vectors';

describe('bodies whose fields depend on each other', () => {
  const { schema: index } = indexEndpoints.createIndex.body;
  it.each([
    [{ name: 'a', dimensions: 3 }, []],
    [{ name: 'a', model: 'm', query_model: 'q' }, []],
    [{ name: 'a' }, [FOUNDED]],
    [{ name: 'a', fields: {} }, [FOUNDED]],
    [{ name: 'a', fields: { body: { kind: 'text' } } }, []],
    [{ name: 'a', dimensions: 3, model: 'm' }, [': give either `dimensions` or `model`']],
    [{ name: 'a', dimensions: 3, query_model: 'q' }, ['query_model: goes with `model` only']],
  ])('an index %j', (body, faults) => {
    expect(faultsOf(index, { owner: 'o', ...body })).toEqual(faults);
  });

  const { schema: generation } = generationEndpoints.createGeneration.body;
  it.each([
    [{ model: 'm', truncate: 'end' }, []],
    [{ fields: { terms: { kind: 'sparse', model: 's' } }, truncate: 'end' }, []],
    [{ metric: 'l2', truncate: 'end' }, ['truncate: goes with `model` or `fields` only: nothing else encodes texts']],
    [{ query_model: 'q' }, ['query_model: goes with `model` only']],
  ])('a generation %j', (body, faults) => {
    expect(faultsOf(generation, body)).toEqual(faults);
  });

  const { schema: upload } = fileEndpoints.uploadFile.body;
  const part = { name: 'a.jsonl', size: 3 };
  const [anchor, seconds] = ['expires_after[anchor]', 'expires_after[seconds]'];
  it.each([
    [{ file: part }, []],
    [{ file: part, [anchor]: 'created_at', [seconds]: String(FILE_LIMITS.fileLifeSMin) }, []],
    [{ file: part, [anchor]: 'created_at' }, [`${seconds}: comes with ${anchor}, and only with it`]],
    [{ file: part, [seconds]: String(FILE_LIMITS.fileLifeSMin) }, [`${seconds}: comes with ${anchor}, and only with it`]],
    [{ file: 'its content' }, ['file: must be a file part']],
    [{ file: null }, ['file: must be a file part']],
    [{ file: { name: 'a.jsonl' } }, ['file: must be a file part']],
  ])('a form of a file %j', (form, faults) => {
    expect(faultsOf(upload, { owner: 'o', purpose: 'batch', ...form })).toEqual(faults);
  });

  const { schema: reservation } = reservationEndpoints.createReservation.body;
  const pool = `pool_${'0'.repeat(10)}`;
  const node = (digit: string) => `agt_${digit.repeat(16)}`;
  const max = QUEUE_LIMITS.reservationNodesMaxCount;
  it.each([
    [{ count: 4, accelerator: 'h100' }, []],
    [{ count: max, pool }, []],
    [{ nodes: [node('1'), node('2')] }, []],
    [{}, ['count: is needed without nodes']],
    [{ nodes: [node('1')], count: 1 }, ['count: is that of the nodes: leave it out']],
    [{ nodes: [node('1'), node('1')] }, ['nodes: names a node twice']],
    [{ nodes: [node('1')], accelerator: 'h100' }, ['accelerator: is that of the nodes: leave it out']],
    [{ count: 1, pool, accelerator: 'h100' }, ['accelerator: is that of the nodes: leave it out']],
    [{ count: max + 1, pool }, [`count: of nodes is ${max} at most (reservationNodesMaxCount)`]],
  ])('a reservation %j', (body, faults) => {
    expect(faultsOf(reservation, { end: 1_900_000_000, ...body })).toEqual(faults);
  });
});
