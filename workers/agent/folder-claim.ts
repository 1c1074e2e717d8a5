import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { createServer } from 'node:net';

/**
 * Claims a folder that exists for this process; answers what ends the claim, or undefined where another process has it.
 *
 * The claim is an abstract socket, which the kernel frees when its holder dies, however it dies. Only Linux has them: elsewhere all claims succeed.
 */
export async function claimFolder(folder: string): Promise<(() => Promise<void>) | undefined> {
  if (process.platform !== 'linux') return async () => undefined;
  const claim = createServer().listen(`\0sluice-${createHash('sha256').update(realpathSync(folder)).digest('hex')}`);
  claim.unref();
  return new Promise((resolve) => {
    claim.once('listening', () => resolve(() => new Promise((closed) => claim.close(() => closed()))));
    claim.once('error', () => resolve(undefined));
  });
}
