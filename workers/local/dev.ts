import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { buildAssets } from './bundle.ts';
import { keepFromOthers, writeOwnerOnly } from './owner-only.ts';
import { ROOT, WORKER_NAMES, WORKERS, wranglerToml } from './paths.ts';
import { QUIET_ENVIRONMENT } from './quiet-environment.ts';
import { loadSecrets } from './secrets.ts';
import { readSettings } from './settings.ts';
import { explainSetupErrors } from './setup-error.ts';

const READY_POLL_MS = 250;
/** The default of Node and of Chromium's `chrome://inspect`. */
const INSPECTOR_PORT = process.env['INSPECTOR_PORT'] ?? '9229';

// `wrangler dev` over the same configurations, with reload; for development.
explainSetupErrors();
keepFromOthers();
const { port, stateDir } = readSettings(process.env);
const secrets = await loadSecrets(stateDir);
await buildAssets();
const lines = Object.entries({ ...secrets, PEER_ADDRESS: '127.0.0.1' }).map(([name, value]) => `${name}=${value}`);
await writeOwnerOnly(join(WORKERS.gateway, '.dev.vars'), `${lines.join('\n')}\n`);
console.log(`admin key: ${secrets.SLUICE_ADMIN_KEY}`);

const configs = WORKER_NAMES.flatMap((worker) => ['-c', wranglerToml(worker)]);
const wrangler = join(ROOT, 'node_modules/wrangler/bin/wrangler.js');
const folder = ['--persist-to', join(stateDir, 'wrangler')];
// Below warnings, wrangler lists all bindings as not connected before the Workers that they lead to have started.
const talk = [
  '--log-level',
  process.env['WRANGLER_LOG'] ?? 'warn',
  '--show-interactive-dev-session=false',
  '--inspector-port',
  INSPECTOR_PORT,
];
const child = spawn(process.execPath, [wrangler, 'dev', ...configs, '--port', String(port), ...folder, ...talk], {
  cwd: ROOT,
  stdio: 'inherit',
  env: { ...process.env, ...QUIET_ENVIRONMENT },
});
void sayWhenReady(`http://127.0.0.1:${port}`);

async function sayWhenReady(url: string): Promise<void> {
  while (
    !(await fetch(`${url}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    ))
  )
    await sleep(READY_POLL_MS);
  console.log(
    `\n  Sluice is running, and reloads what changes: ${url}\n\n  WRANGLER_LOG=info shows each request; debuggers attach at ${INSPECTOR_PORT}.        Stop: Ctrl-C\n`,
  );
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'disconnect'] as const) process.on(signal, () => child.kill('SIGTERM'));
child.on('exit', (code) => process.exit(code ?? 0));
