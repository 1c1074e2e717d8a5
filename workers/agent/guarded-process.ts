import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

/** What each process of the group may use, at most; undefined is no limit. */
export interface ProcessLimits {
  readonly cpuS?: number | undefined;
  /** Of heap and private mappings, stacks of threads included. */
  readonly memoryMib?: number | undefined;
  /** Of any file that it writes. */
  readonly fileMib?: number | undefined;
}

export interface GuardedCommand {
  readonly argv: readonly string[];
  readonly folder: string;
  /** All of its environment: nothing is inherited from the agent. */
  readonly environment: Readonly<Record<string, string>>;
  readonly limits: ProcessLimits;
  /** How long it may run before `extend` is called. */
  readonly leftMs: number;
  /** What it writes to stdout and stderr, in the order in which it arrives. */
  readonly onOutput: (bytes: Buffer) => void;
}

/** How a process ended. A program that is not there exits with 127, one that may not be executed with 126, as in a shell. */
export type ProcessExit =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'killed'; readonly signal: NodeJS.Signals }
  | { readonly kind: 'unstartable'; readonly message: string };

/**
 * The leader of the group runs this before it becomes the command. Its guard, in the background, kills the whole group when the agent says
 * nothing for as long as it last allowed (`$1`, seconds in five characters), and at once when the agent is gone: nothing that a command
 * started outlives its lease, even if the agent was killed or stopped. [P50]
 *
 * The command is `"$@"`: no shell interprets its arguments.
 */
const LEADER = `left=$1; cpu=$2; memory=$3; file=$4; shift 4
(
  exec </dev/null >/dev/null 2>&1
  trap '' TERM INT HUP
  while :; do
    said=$(timeout --foreground "$left" head -c 5 <&3)
    status=$?
    if [ "$status" -eq 0 ] && [ -n "$said" ]; then left=$said
    # Nothing was said for too long, or the agent is gone. From 128 on, the group was asked to stop, and goes on listening.
    elif [ "$status" -lt 128 ]; then break
    fi
  done
  kill -s KILL -- "-$$"
) &
exec 3<&-
ulimit -c 0
[ "$cpu" = - ] || { ulimit -S -t "$cpu"; ulimit -H -t "$((cpu + 1))"; }
[ "$memory" = - ] || ulimit -d "$memory"
[ "$file" = - ] || ulimit -f "$file"
exec "$@"`;

/** Longer than any lease has. */
const LEFT_MS_MAX = 99_000;
/** What `ulimit -d` counts in a mebibyte, and what POSIX has `ulimit -f` count. */
const KIB = 1024;
const BLOCKS = 2048;

/** A program that runs in a process group of its own, and goes with it: when it ends, so does all that it started in its group. */
export class GuardedProcess {
  readonly exited: Promise<ProcessExit>;
  readonly #child: ChildProcess;
  #isOver = false;

  constructor({ argv, folder, environment, limits, leftMs, onOutput }: GuardedCommand) {
    const { cpuS, memoryMib, fileMib } = limits;
    const bounds = [cpuS, memoryMib === undefined ? undefined : memoryMib * KIB, fileMib === undefined ? undefined : fileMib * BLOCKS];
    const parameters = [secondsText(leftMs), ...bounds.map((bound) => String(bound ?? '-')), ...argv];
    // Detached: the leader of a new session, and so of a new process group, whose id is its pid.
    this.#child = spawn('/bin/sh', ['-c', LEADER, 'sluice-guard', ...parameters], {
      cwd: folder,
      env: environment,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream?.on('data', onOutput);
    // It is closed under our hands when the guard goes.
    this.#guard.on('error', () => undefined);
    this.exited = this.#end();
  }

  /** Its process group; undefined when it could not be started. */
  get group(): number | undefined {
    return this.#child.pid;
  }

  /** Lets it run for so long from now on, unless this is called again. */
  extend(leftMs: number): void {
    if (!this.#isOver && leftMs > 0) this.#guard.write(secondsText(leftMs));
  }

  /** Asks the group to stop, and kills it if it has not within `graceMs`. */
  async stop(graceMs: number): Promise<ProcessExit> {
    this.#signal('SIGTERM');
    const grace = new AbortController();
    const overdue = sleep(graceMs, undefined, { signal: grace.signal }).then(
      () => this.kill(),
      () => undefined,
    );
    const exit = await this.exited;
    grace.abort();
    await overdue;
    return exit;
  }

  /** Kills the group. */
  kill(): void {
    this.#signal('SIGKILL');
  }

  get #guard(): Duplex {
    return this.#child.stdio[3] as Duplex;
  }

  async #end(): Promise<ProcessExit> {
    const exit = await exitOf(this.#child);
    // What it started and left behind, and its guard.
    this.#signal('SIGKILL');
    this.#isOver = true;
    // All that was written has arrived.
    if (exit.kind !== 'unstartable' && !isClosed(this.#child)) await once(this.#child, 'close');
    return exit;
  }

  #signal(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined || this.#isOver) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // The group is empty.
    }
  }
}

const isClosed = ({ stdout, stderr }: ChildProcess): boolean => stdout?.destroyed === true && stderr?.destroyed === true;

function exitOf(child: ChildProcess): Promise<ProcessExit> {
  return new Promise((resolve) => {
    child.once('error', ({ message }) => resolve({ kind: 'unstartable', message }));
    child.once('exit', (code, signal) => resolve(signal === null ? { kind: 'exited', code: code ?? 0 } : { kind: 'killed', signal }));
  });
}

/** Seconds in five characters, as the guard reads them. */
const secondsText = (ms: number): string => (Math.min(ms, LEFT_MS_MAX) / 1000).toFixed(2).padStart(5, '0');

/** Whether the signal is how the kernel ends a process that passed a limit. */
export const limitOfSignal = (signal: NodeJS.Signals): 'cpu_s' | 'file_mib' | undefined =>
  signal === 'SIGXCPU' ? 'cpu_s' : signal === 'SIGXFSZ' ? 'file_mib' : undefined;

/** Whether this machine has what the guard and the limits need. */
export const canGuard = (): boolean =>
  process.platform === 'linux' && spawnSync('/bin/sh', ['-c', 'command -v timeout && command -v head'], { stdio: 'ignore' }).status === 0;
