import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

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
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Secrets;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const secrets: Secrets = {
    SLUICE_ADMIN_KEY: `sk_admin_${randomBytes(24).toString('hex')}`,
    SLUICE_KEY_PEPPER: randomBytes(32).toString('hex'),
  };
  await mkdir(stateDir, { recursive: true });
  await writeFile(path, JSON.stringify(secrets), { mode: 0o600 });
  return secrets;
}
