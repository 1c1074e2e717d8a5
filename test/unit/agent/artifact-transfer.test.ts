import { createHash, hash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ArtifactTransfer, Corrupt } from '../../../workers/agent/artifact-transfer.ts';
import type { PoolClient } from '../../../workers/agent/pool-client.ts';

const ATTEMPT = { attempt: 'att_x_1', fence: 1 };
const CONTENT = 'what is stored\n';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-transfer-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const answer = (content: string): Response =>
  new Response(content, { headers: { 'repr-digest': `sha-256=:${createHash('sha256').update(CONTENT).digest('base64')}:` } });

const transferWith = (client: object): ArtifactTransfer =>
  new ArtifactTransfer(client as PoolClient, ATTEMPT, new AbortController().signal, new AbortController().signal);

describe('files of attempts', () => {
  it('[P52] are fetched again when they arrive as something else than is stored', async () => {
    const answers = ['damaged', `${CONTENT} and more`, CONTENT];
    const transfer = transferWith({ input: async () => answer(answers.shift() ?? '') });
    await transfer.fetchInput(0, join(folder, 'input'));
    expect(await readFile(join(folder, 'input'), 'utf8')).toBe(CONTENT);
    expect(answers).toEqual([]);
  });

  it('[P52] are given up when they never arrive as they are stored', async () => {
    let asked = 0;
    const transfer = transferWith({
      input: async () => {
        asked += 1;
        return answer('damaged');
      },
    });
    await expect(transfer.fetchInput(0, join(folder, 'input'))).rejects.toBeInstanceOf(Corrupt);
    expect(asked).toBe(3);
  });

  it('[P52] are announced with their digest, and sent again when the gateway did not store them', async () => {
    await writeFile(join(folder, 'output'), CONTENT);
    const sent: string[] = [];
    const transfer = transferWith({
      output: async (_attempt: object, { index, sha256 }: { index: number; sha256: string }, bytes: Blob) => {
        sent.push(`${index} ${sha256} ${await bytes.text()}`);
        if (sent.length === 1) throw new Error('unavailable');
      },
    });
    const sha256 = hash('sha256', CONTENT);
    expect(await transfer.storeOutput(3, join(folder, 'output'))).toEqual({ index: 3, bytes: CONTENT.length, sha256 });
    expect(sent).toEqual(Array.from({ length: 2 }, () => `3 ${sha256} ${CONTENT}`));
  });
});
