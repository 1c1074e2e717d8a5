import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { expect, it } from 'vitest';
import * as zod from 'zod';

import { faultText } from '../../../src/contract/fault-text.ts';
import * as lean from '../../../workers/gateway/lean-zod.ts';

const SCRIPT = join(import.meta.dirname, '../../support/worlds/mutated-requests.ts');

async function parsed(...args: string[]): Promise<string[]> {
  const run = promisify(execFile)(process.execPath, ['--disable-warning=ExperimentalWarning', SCRIPT, ...args], { maxBuffer: 2 ** 27 });
  return (await run).stdout.split('\n');
}

it('[G79] schemas of the gateway accept, change and refuse what those of the contract do', async () => {
  const [full, short] = await Promise.all([parsed(), parsed('lean')]);
  expect(full.filter((line) => line.includes('"ok":true')).length).toBeGreaterThan(1_000);
  expect(full.filter((line) => line.includes('"ok":false')).length).toBeGreaterThan(5_000);
  expect(short.find((line, at) => line !== full[at])).toBeUndefined();
  expect(short).toHaveLength(full.length);
});

/** Bounds of each kind, by either module. */
const bounded = (z: typeof zod) => ({
  numbers: [z.number().min(1).max(3), z.int().min(1).max(3), z.coerce.number().int().positive().max(3)],
  texts: [z.string().min(1).max(3), z.string().trim().min(1).max(3), z.string().regex(/^x{1,3}$/)],
  lists: [z.array(z.string()).min(1).max(3)],
});

/** The two have classes of errors of their own. */
const answerOf = ({ success, data, error }: zod.ZodSafeParseResult<unknown>): string => JSON.stringify([success, data, error?.issues]);

it('[G79] bounds of the gateway hold to the last number, character and item', () => {
  const inputs = { numbers: [0, 1, 1.5, 3, 4], texts: ['', ' ', 'x', 'xxx', 'xxxx'], lists: [0, 1, 3, 4].map((n) => Array(n).fill('x')) };
  const [full, short] = [bounded(zod), bounded(lean as unknown as typeof zod)];
  for (const kind of ['numbers', 'texts', 'lists'] as const) {
    const answers = (schemas: readonly zod.ZodType[]) =>
      schemas.flatMap((schema) => inputs[kind].map((input) => answerOf(schema.safeParse(input, { error: faultText }))));
    expect(answers(short[kind])).toEqual(answers(full[kind]));
    expect(answers(full[kind]).filter((answer) => answer.startsWith('[true')).length).toBeGreaterThan(1);
  }
});
