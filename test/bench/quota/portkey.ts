import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { freePort } from '../../support/deployment/free-port.ts';
import { PEERS_FOLDER } from '../ann/peer.ts';

const TICKS_PER_S = 100;

export interface PortkeyServer {
  readonly port: number;
  readonly cpuS: () => Promise<number>;
  stop(): void;
}

/**
 * Portkey's gateway sets headers of the answers that `fetch` gives it, which newer versions of Node refuse: it then answers 500 to each stream. With
 * this, its answers are copies whose headers can be set.
 */
const SETTABLE_HEADERS = `
  const send = globalThis.fetch;
  globalThis.fetch = async (...args) => {
    const { body, status, headers } = await send(...args);
    return new Response(body, { status, headers });
  };
`;

/** Portkey's gateway with its default settings, in a Node process of its own, without keys, quotas or a ledger; calls the mock upstream. */
export async function servePortkey(): Promise<PortkeyServer> {
  const port = await freePort();
  const entry = join(PEERS_FOLDER, 'node_modules/@portkey-ai/gateway/build/start-server.js');
  const before = `data:text/javascript,${encodeURIComponent(SETTABLE_HEADERS)}`;
  const child = spawn(process.execPath, ['--import', before, entry, `--port=${port}`, '--headless'], {
    stdio: 'ignore',
    env: { ...process.env, TRUSTED_CUSTOM_HOSTS: '127.0.0.1' },
  });
  for (let attempt = 0; attempt < 200; attempt++) {
    if (
      await fetch(`http://127.0.0.1:${port}/`).then(
        () => true,
        () => false,
      )
    )
      break;
    await sleep(50);
  }
  return {
    port,
    cpuS: async () => {
      const fields = (await readFile(`/proc/${child.pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
      return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
    },
    stop: () => void child.kill('SIGTERM'),
  };
}
