import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { buildAssets } from './assets.ts';
import { ROOT, WORKER_NAMES, wranglerToml } from './paths.ts';
import { QUIET_ENVIRONMENT } from './quiet-environment.ts';
import { loadSecrets } from './secrets.ts';
import { readSettings } from './settings.ts';
import { explainSetupErrors } from './setup-error.ts';

// `wrangler dev` over the same four configurations, with reload; for whoever lives in the code.
explainSetupErrors();
const { port, stateDir } = readSettings(process.env);
const secrets = await loadSecrets(stateDir);
await buildAssets();
const lines = Object.entries(secrets).map(([name, value]) => `${name}=${value}`);
await writeFile(join(ROOT, '.dev.vars'), `${lines.join('\n')}\n`, { mode: 0o600 });
console.log(`admin key: ${secrets.SLUICE_ADMIN_KEY}`);

const configs = WORKER_NAMES.flatMap((worker) => ['-c', wranglerToml(worker)]);
const wrangler = join(ROOT, 'node_modules/wrangler/bin/wrangler.js');
const child = spawn(
  process.execPath,
  [wrangler, 'dev', ...configs, '--port', String(port), '--persist-to', join(stateDir, 'wrangler'), '--inspector-port', '0'],
  { cwd: ROOT, stdio: 'inherit', env: { ...process.env, ...QUIET_ENVIRONMENT } },
);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'disconnect'] as const) process.on(signal, () => child.kill('SIGTERM'));
child.on('exit', (code) => process.exit(code ?? 0));
