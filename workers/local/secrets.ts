import { randomBytes } from 'node:crypto';
import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';

import { TENANCY_LIMITS } from '../../src/contract/tenancy/tenancy-limits.ts';
import { closeFile, makeOwnerOnly, writeOwnerOnly } from './owner-only.ts';
import { SetupError } from './setup-error.ts';

/** The deployment's own secrets. In production they are set with `wrangler secret put`. */
export interface Secrets {
  /** Lets its holder create organisations, tenants, keys and pools. */
  readonly SLUICE_ADMIN_KEY: string;
  /** Keys the digests of stored API keys: a stolen database verifies nothing without it. */
  readonly SLUICE_KEY_PEPPER: string;
}

/** The secrets of a state folder: made on the first start, readable by the user alone, kept for the next. */
export async function loadSecrets(stateDir: string): Promise<Secrets> {
  const path = join(stateDir, 'secrets.json');
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  if (text !== undefined) {
    await closeFile(path);
    return parseSecrets(text, path);
  }
  const secrets: Secrets = {
    SLUICE_ADMIN_KEY: `sk_admin_${randomBytes(24).toString('hex')}`,
    SLUICE_KEY_PEPPER: randomBytes(32).toString('hex'),
  };
  await makeOwnerOnly(stateDir);
  // Named last: a start that is cut off leaves no half-written secrets behind.
  await writeOwnerOnly(`${path}.new`, JSON.stringify(secrets));
  await rename(`${path}.new`, path);
  return secrets;
}

function parseSecrets(text: string, path: string): Secrets {
  const { adminSecretCharsMin: charsMin } = TENANCY_LIMITS;
  const { SLUICE_ADMIN_KEY: adminKey, SLUICE_KEY_PEPPER: pepper } = fieldsOf(text);
  if (isSecret(adminKey) && isSecret(pepper)) return { SLUICE_ADMIN_KEY: adminKey, SLUICE_KEY_PEPPER: pepper };
  throw new SetupError(
    `${path} must hold SLUICE_ADMIN_KEY and SLUICE_KEY_PEPPER as JSON, each of at least ${charsMin} characters. ` +
      'Restore it: without the pepper that made them, the keys of this state folder open nothing.',
  );
}

const isSecret = (value: unknown): value is string => typeof value === 'string' && value.length >= TENANCY_LIMITS.adminSecretCharsMin;

function fieldsOf(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text)) as Record<string, unknown>;
  } catch {
    return {};
  }
}
