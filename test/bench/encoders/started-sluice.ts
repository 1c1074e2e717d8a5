import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as waited } from 'node:timers/promises';

import { ROOT } from '../../../workers/local/paths.ts';
import { ApiClient } from '../../support/deployment/api-client.ts';
import { freePort } from '../../support/deployment/free-port.ts';

const READY_POLL_MS = 200;
const READY_WITHIN_MS = 300_000;
/** Of the kernel's clock, in which it counts the CPU time of processes. */
const TICKS_OF_SECOND = 100;

/** What `npm start` starts: gateway, objects, inference and a local agent, on a free port and with a state of its own. */
export class StartedSluice {
  readonly client: ApiClient;
  readonly stateDir: string;
  readonly #child: ChildProcess;

  private constructor(client: ApiClient, stateDir: string, child: ChildProcess) {
    this.client = client;
    this.stateDir = stateDir;
    this.#child = child;
  }

  static async start(): Promise<StartedSluice> {
    const stateDir = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sluice-encoders-'));
    const port = await freePort();
    const env = { ...process.env, PORT: String(port), SLUICE_STATE_DIR: stateDir, LOG_LEVEL: 'error' };
    const child = spawn(process.execPath, [join(ROOT, 'workers/local/main.ts')], {
      cwd: ROOT,
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const file = join(stateDir, 'dev.json');
    const endMs = Date.now() + READY_WITHIN_MS;
    while (!existsSync(file) && child.exitCode === null && Date.now() < endMs) await waited(READY_POLL_MS);
    if (!existsSync(file)) throw new Error('the deployment did not write dev.json');
    const { url, api_key: key } = JSON.parse(readFileSync(file, 'utf8')) as { url: string; api_key: string };
    return new StartedSluice(new ApiClient(url, key), stateDir, child);
  }

  /** Runs a command of the CLI against it, and answers what that printed; rejects where it fails. */
  async cli(...args: readonly string[]): Promise<string> {
    const env = { ...process.env, SLUICE_STATE_DIR: this.stateDir };
    const run = spawn(process.execPath, [join(ROOT, 'workers/cli/sluice.ts'), ...args], {
      cwd: ROOT,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    for (const stream of [run.stdout, run.stderr]) stream.on('data', (piece: Buffer) => (said += piece.toString()));
    const [code] = (await once(run, 'close')) as [number | null];
    if (code !== 0) throw new Error(said.trim());
    return said;
  }

  /** Seconds of CPU that all of its processes have taken. */
  cpuS(): number {
    return this.#processes().reduce((sum, { ticks }) => sum + ticks, 0) / TICKS_OF_SECOND;
  }

  /** The most memory that the process of the Workers has held, in MB. */
  peakMb(): number {
    const workerd = this.#processes().find(({ command }) => command.includes('workerd'));
    const line = workerd === undefined ? undefined : /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${workerd.pid}/status`, 'utf8'));
    return Number(line?.[1] ?? 0) / 1_000;
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    if (this.#child.exitCode === null) await once(this.#child, 'exit');
    await rm(this.stateDir, { recursive: true, force: true });
  }

  /** The process that was started, and all below it. */
  #processes(): readonly { pid: number; command: string; ticks: number }[] {
    const all = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => statOf(Number(name)) ?? []);
    const found = all.filter(({ pid }) => pid === this.#child.pid);
    for (const one of found) found.push(...all.filter(({ parent }) => parent === one.pid));
    return found;
  }
}

/** Undefined: it has ended meanwhile. */
function statOf(pid: number): { pid: number; parent: number; command: string; ticks: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const command = text.slice(text.indexOf('(') + 1, text.lastIndexOf(')'));
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    // proc(5): the parent, and the time in user and kernel mode, of its ended children, too.
    return { pid, parent: Number(fields[1]), command, ticks: Number(fields[11]) + Number(fields[12]) };
  } catch {
    return undefined;
  }
}
