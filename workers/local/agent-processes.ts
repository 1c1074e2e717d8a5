import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { ROOT } from './paths.ts';

/** Where agents work, and as what. */
interface Place {
  readonly url: string;
  readonly pool: string;
  readonly agentToken: string;
  /** Names begin with it: `<name>-<n>`. */
  readonly name: string;
  /** Further variables of their environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Longer than an agent takes to end what it is at. */
const STOP_MS = 2_000;

/** A process that ends this soon after it began is not started again at once. */
const SHORT_LIVED_MS = 5_000;
const PAUSE_MAX_MS = 30_000;

/**
 * Keeps so many agent processes of this machine running. One that dies is started again, one that keeps dying ever later; one that was told to go,
 * and ends in good order, is not.
 */
export class AgentProcesses {
  readonly #place: Place;
  readonly #running = new Set<ChildProcess>();
  #wanted = 0;
  #started = 0;
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;

  constructor(place: Place) {
    this.#place = place;
  }

  get count(): number {
    return this.#running.size;
  }

  /** Processes that were started so far. */
  get startedCount(): number {
    return this.#started;
  }

  /** More are started at once; fewer come about as agents are told to go by their pool. */
  want(count: number): void {
    this.#wanted = count;
    if (this.#retry !== undefined) return;
    while (this.#running.size < count) this.#start();
  }

  /** An agent gives its attempts back, for which it needs the gateway. */
  async stop(): Promise<void> {
    this.#wanted = 0;
    clearTimeout(this.#retry);
    await Promise.all(
      Array.from(this.#running, async (child) => {
        const exited = new Promise((exit) => child.once('exit', exit));
        child.kill('SIGTERM');
        await Promise.race([exited, sleep(STOP_MS)]);
        child.kill('SIGKILL');
      }),
    );
  }

  #start(): void {
    const { url, pool, agentToken, name, environment } = this.#place;
    const startedAtMs = performance.now();
    // It waits nearly always: garbage need not gather up to the default of 48 MB.
    const child = spawn(process.execPath, ['--max-semi-space-size=1', join(ROOT, 'workers/agent/index.ts')], {
      env: {
        ...process.env,
        ...environment,
        SLUICE_URL: url,
        SLUICE_POOL: pool,
        SLUICE_AGENT_TOKEN: agentToken,
        SLUICE_AGENT_NAME: `${name}-${(this.#started += 1)}`,
      },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#running.add(child);
    child.once('exit', (code) => {
      this.#running.delete(child);
      if (code === 0) this.#wanted = Math.min(this.#wanted, this.#running.size);
      this.#failures = code !== 0 && performance.now() - startedAtMs < SHORT_LIVED_MS ? this.#failures + 1 : 0;
      if (this.#running.size < this.#wanted) this.#again();
    });
  }

  #again(): void {
    if (this.#retry !== undefined) return;
    const pauseMs = this.#failures === 0 ? 0 : Math.min(PAUSE_MAX_MS, 250 * 2 ** this.#failures);
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.want(this.#wanted);
    }, pauseMs);
  }
}
