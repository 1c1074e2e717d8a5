import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { loadSecrets } from '../../../workers/local/secrets.ts';
import { SetupError } from '../../../workers/local/setup-error.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-secrets-'));
});

afterEach(() => rm(folder, { recursive: true }));

describe('the secrets of a state folder', () => {
  it('are created once, long enough, and readable only by the user', async () => {
    const made = await loadSecrets(join(folder, 'new'));
    expect(Object.values(made).every((secret) => secret.length >= 32)).toBe(true);
    expect(await loadSecrets(join(folder, 'new'))).toEqual(made);
    expect(await readdir(join(folder, 'new'))).toEqual(['secrets.json']);
    expect((await stat(join(folder, 'new/secrets.json'))).mode & 0o777).toBe(0o600);
  });

  it('[G33] and their folder are made unreadable for other users', async () => {
    const path = join(folder, 'new/secrets.json');
    await loadSecrets(join(folder, 'new'));
    await chmod(path, 0o644);
    await loadSecrets(join(folder, 'new'));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, 'new'))).mode & 0o777).toBe(0o700);
  });

  it.each([
    ['nothing', ''],
    ['truncated JSON', '{"SLUICE_ADMIN_KEY": "sk_admin_0123'],
    ['no pepper', JSON.stringify({ SLUICE_ADMIN_KEY: 'a'.repeat(40) })],
    ['a short key', JSON.stringify({ SLUICE_ADMIN_KEY: 'too-short', SLUICE_KEY_PEPPER: 'b'.repeat(40) })],
  ])('are never replaced: a file that holds %s is named in the error, without its content', async (_, text) => {
    const path = join(folder, 'secrets.json');
    await writeFile(path, text);
    const refused = await loadSecrets(folder).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(SetupError);
    const { message } = refused as SetupError;
    expect(message).toContain(path);
    expect(message).toContain('at least 32 characters');
    expect(message).not.toMatch(/too-short|0123|aaaa|bbbb/);
  });
});
