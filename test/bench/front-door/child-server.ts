import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { assert } from '../../../src/kernel/assert.ts';

const TICKS_PER_S = 100;
const START_MAX_MS = 30_000;
const POLL_MS = 50;

/** A server program of the system, as a child process. */
export interface ChildServer {
  readonly cpuS: () => Promise<number>;
  readonly stop: () => Promise<void>;
}

/** Starts a program and resolves when it accepts connections on `port`. It can run as another user: PostgreSQL refuses root. */
export async function startServer(
  program: string,
  args: readonly string[],
  port: number,
  user: { readonly uid?: number; readonly gid?: number } = {},
): Promise<ChildServer> {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'], ...user });
  const pid = child.pid;
  assert(pid !== undefined, `${program} starts`);
  await takesConnections(port, child);
  return {
    cpuS: () => cpuOfTree(pid),
    stop: async () => {
      const exited = new Promise((resolve) => child.once('exit', resolve));
      // PostgreSQL disconnects its clients on SIGINT; Redis ends on either signal.
      child.kill('SIGINT');
      await exited;
    },
  };
}

async function takesConnections(port: number, child: ChildProcess): Promise<void> {
  for (let waitedMs = 0; waitedMs < START_MAX_MS; waitedMs += POLL_MS) {
    assert(child.exitCode === null, 'the server runs');
    const connected = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true));
      socket.once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (connected) return;
    await sleep(POLL_MS);
  }
  child.kill('SIGKILL');
  throw new Error(`nothing listens on port ${port}`);
}

/** CPU of a process, of its ended children and of its running ones: a server may have one for each connection. */
async function cpuOfTree(pid: number): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const processes = (await Promise.all(pids.map(statOf))).filter((stat) => stat !== undefined);
  const own = processes.filter((stat) => stat.pid === pid || stat.parent === pid);
  return own.reduce((sum, { ticks, ended }) => sum + ticks + ended, 0) / TICKS_PER_S;
}

async function statOf(pid: string): Promise<{ pid: number; parent: number; ticks: number; ended: number } | undefined> {
  // The process may have ended by now.
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  const fields = text?.slice(text.lastIndexOf(') ') + 2).split(' ');
  if (fields === undefined) return undefined;
  const [parent, ticks, ended] = [Number(fields[1]), Number(fields[11]) + Number(fields[12]), Number(fields[13]) + Number(fields[14])];
  return { pid: Number(pid), parent, ticks, ended };
}
