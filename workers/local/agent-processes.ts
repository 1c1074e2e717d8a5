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
  /** Where each stores its identity: one that is started again is the same agent. Absent: each process is a new agent. */
  readonly stateDir?: string;
  /** Further variables of their environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Longer than an agent takes to end what it is at. */
const STOP_MS = 2_000;

/** A process that ends this soon after it began is not started again at once. */
const SHORT_LIVED_MS = 5_000;
const PAUSE_MAX_MS = 30_000;

interface Watch {
  readonly everyMs: number;
  readonly answerMs: number;
  readonly silencesMax: number;
}

/** How often an agent is asked whether it is there, how long it has to answer, and after how many silences it is replaced. */
const WATCH = { everyMs: 5_000, answerMs: 5_000, silencesMax: 3 } as const;

/**
 * Keeps so many agent processes of this machine running. One that dies is started again, one that keeps dying ever later; one that its pool has retired,
 * and ends in good order, is not. One that is there and does not answer (`/readyz`) is killed, and so started again; one that answers that it
 * is not ready, since the gateway is away, goes on by itself. [P90]
 */
export class AgentProcesses {
  readonly #place: Place;
  readonly #watch: Watch;
  /** By their numbers, from 1. */
  readonly #running = new Map<number, ChildProcess>();
  #wanted = 0;
  #started = 0;
  #failures = 0;
  #answers = 0;
  #retry: NodeJS.Timeout | undefined;

  constructor(place: Place, watch: Watch = WATCH) {
    this.#place = place;
    this.#watch = watch;
  }

  get count(): number {
    return this.#running.size;
  }

  get pids(): (number | undefined)[] {
    return Array.from(this.#running.values(), ({ pid }) => pid);
  }

  /** Answers to questions whether an agent is there. */
  get answersCount(): number {
    return this.#answers;
  }

  /** Processes that were started so far. */
  get startedCount(): number {
    return this.#started;
  }

  /** More are started at once; fewer come about as the pool retires agents. */
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
      Array.from(this.#running.values(), async (child) => {
        const exited = new Promise((exit) => child.once('exit', exit));
        child.kill('SIGTERM');
        await Promise.race([exited, sleep(STOP_MS)]);
        child.kill('SIGKILL');
      }),
    );
  }

  #start(): void {
    const { url, pool, agentToken, name, stateDir, environment } = this.#place;
    this.#started += 1;
    // An agent with a stored identity takes the lowest free number; other agents never reuse one.
    const number = stateDir === undefined ? this.#started : lowestBeside(this.#running);
    const startedAtMs = performance.now();
    // It waits nearly always: garbage need not gather up to the default of 48 MB.
    const child = spawn(process.execPath, ['--max-semi-space-size=1', join(ROOT, 'workers/agent/index.ts')], {
      env: {
        ...process.env,
        ...environment,
        SLUICE_URL: url,
        SLUICE_POOL: pool,
        SLUICE_AGENT_TOKEN: agentToken,
        // Of this process alone: several cannot share a port.
        SLUICE_AGENT_READY_PORT: '0',
        SLUICE_AGENT_NAME: `${name}-${number}`,
        ...(stateDir === undefined ? {} : { SLUICE_AGENT_STATE_DIR: join(stateDir, `${name}-${number}`) }),
      },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#running.set(number, child);
    const watching = new AbortController();
    child.once('message', (message) => void this.#watchOver(child, (message as { readyPort: number }).readyPort, watching.signal));
    child.once('exit', (code) => {
      watching.abort();
      this.#running.delete(number);
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

  /** Kills the agent once it has been silent too often. */
  async #watchOver(child: ChildProcess, port: number, over: AbortSignal): Promise<void> {
    const { everyMs, answerMs, silencesMax } = this.#watch;
    for (let silences = 0; silences < silencesMax;) {
      await sleep(everyMs, undefined, { signal: over }).catch(() => undefined);
      if (over.aborted) return;
      try {
        const signal = AbortSignal.any([over, AbortSignal.timeout(answerMs)]);
        await (await fetch(`http://127.0.0.1:${port}/readyz`, { signal })).body?.cancel();
        this.#answers += 1;
        silences = 0;
      } catch {
        silences += 1;
      }
    }
    if (over.aborted) return;
    console.warn('an agent does not answer: it is started again');
    child.kill('SIGKILL');
  }
}

function lowestBeside(running: ReadonlyMap<number, unknown>): number {
  let number = 1;
  while (running.has(number)) number += 1;
  return number;
}
