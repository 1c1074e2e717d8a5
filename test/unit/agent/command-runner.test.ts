import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Assignment } from '../../../src/contract/pools/agent-protocol.ts';
import { commandRunner } from '../../../workers/agent/command-runner.ts';
import type { MachineDevices } from '../../../workers/agent/machine-devices.ts';
import { NO_DEVICES } from '../../../workers/agent/machine-devices.ts';
import { GroupView } from '../../../workers/agent/job-runner.ts';
import type { AttemptScope, RunEnd, StopReason } from '../../../workers/agent/job-runner.ts';

type Program = Extract<Assignment, { kind: 'command' }>;

const WHOLE: Program = {
  attempt: 'att_x_1',
  fence: 1,
  kind: 'command',
  argv: [],
  environment: {},
  inputs: [],
  outputs: [],
  checkpoint: null,
  limits: {},
  grace_ms: 20_000,
  checkpoint_interval_ms: 20,
};

/** Whether any process of the group is left. */
async function isAlive(group: number): Promise<boolean> {
  // Those that have died and that their parent has not heard of yet have the state Z.
  const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const states = await Promise.all(processes.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')));
  return states.some((state) => {
    const [kind, , ofGroup] = state.slice(state.lastIndexOf(')') + 2).split(' ');
    return Number(ofGroup) === group && kind !== 'Z' && kind !== 'X';
  });
}

/** A killed process is gone as soon as the kernel gets to it. */
const expectGone = (group: number) => expect.poll(() => isAlive(group)).toBe(false);

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** One attempt at a program, and what its gateway was sent. */
class Trial {
  readonly stop = new AbortController();
  readonly outputs: string[] = [];
  readonly checkpoints: string[] = [];
  saved: string | undefined;
  readonly inputs: readonly string[];
  text = '';
  leftMs = 60_000;
  devices: MachineDevices = NO_DEVICES;
  readonly #extended: (() => void)[] = [];
  #wake: () => void = () => undefined;

  constructor(inputs: readonly string[] = [], saved?: string) {
    this.inputs = inputs;
    this.saved = saved;
  }

  /** Runs a shell script, or the program that `changes` names. */
  async run(script: string, changes: Partial<Program> = {}): Promise<RunEnd> {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-command-'));
    folders.push(folder);
    const scope: AttemptScope<'command'> = {
      assignment: { ...WHOLE, argv: ['/bin/sh', '-c', script], ...changes },
      folder,
      artifacts: {
        fetchInput: (index, path) => writeFile(path, this.inputs[index] ?? ''),
        storeOutput: async (index, path) => {
          this.outputs[index] = await readFile(path, 'utf8');
          return { index, bytes: 0, sha256: '' };
        },
        fetchCheckpoint: async (path) => {
          if (this.saved === undefined) return false;
          await writeFile(path, this.saved);
          return true;
        },
        storeCheckpoint: async (path) => {
          await copyFile(path, `${path}.kept`);
          this.checkpoints.push(await readFile(`${path}.kept`, 'utf8'));
          this.#wake();
        },
      },
      log: { write: (bytes: Buffer) => this.#wrote(bytes) } as never,
      lease: { leftMs: () => this.leftMs, onExtended: (listener) => this.#extended.push(listener) },
      signal: this.stop.signal,
      group: new GroupView({ version: 0, rank: 0, worldSize: 1 }, async () => undefined),
      meet: async (address) => [address],
      onProgress: () => undefined,
      onServing: () => undefined,
      build: undefined as never,
      model: undefined as never,
    };
    return commandRunner(this.devices)(scope);
  }

  abort(reason: StopReason): void {
    this.stop.abort(reason);
  }

  /** Once the program has written or saved something that the condition holds for. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  #wrote(bytes: Buffer): void {
    this.text += bytes.toString();
    this.#wake();
  }
}

describe('a command', () => {
  it('[J281] has the devices of its attempt in its environment, whatever the job says of them', async () => {
    const trial = new Trial();
    trial.devices = { accelerator: 'h100', ids: ['GPU-a', 'GPU-b'] };
    const end = await trial.run('echo "$CUDA_VISIBLE_DEVICES $SLUICE_DEVICES"', {
      devices: [1],
      environment: { CUDA_VISIBLE_DEVICES: '0,1' },
    });
    expect([end.kind, trial.text]).toEqual(['done', 'GPU-b 1\n']);
  });

  it('[P51] gets its files, its arguments as they are, and its environment; leaves its outputs and its log', async () => {
    const trial = new Trial(['one\n', 'two\n']);
    const end = await trial.run('', {
      argv: [
        '/bin/sh',
        '-c',
        'mkdir out; cat a.txt in/b.txt > "out/$NAME"; printf "%s" "$1" > second; echo said; echo err >&2',
        'sh',
        '$(id) `id`',
      ],
      environment: { NAME: 'joined file' },
      inputs: [{ path: 'a.txt' }, { path: 'in/b.txt' }],
      outputs: ['out/joined file', 'second'],
    });
    expect(end).toMatchObject({ kind: 'done', progress: { completed: 1, failed: 0, total: 1 }, outputs: [{ index: 0 }, { index: 1 }] });
    expect(trial.outputs).toEqual(['one\ntwo\n', '$(id) `id`']);
    expect(trial.text.split('\n').toSorted()).toEqual(['', 'err', 'said']);
  });

  it('[P58] sees nothing of the environment of the agent', async () => {
    process.env['SLUICE_AGENT_TOKEN'] = 'pt_secret';
    const trial = new Trial();
    await trial.run('env');
    delete process.env['SLUICE_AGENT_TOKEN'];
    const names = trial.text
      .trim()
      .split('\n')
      .map((line) => line.split('=')[0]);
    expect(new Set(names)).toEqual(new Set(['HOME', 'LANG', 'PATH', 'PWD', 'SLUICE_ATTEMPT', 'SLUICE_FENCE', 'TMPDIR']));
  });

  it.each([
    ['exit 3', { reason: 'command_failed', exitCode: 3 }],
    ['exec /no/such/program', { reason: 'command_failed', exitCode: 127 }],
    ['kill -s ABRT $$', { reason: 'command_failed', message: 'the program was ended by SIGABRT' }],
    ['true', { reason: 'output_missing' }],
  ])('[J136] that does `%s` fails with its reason', async (script, failure) => {
    expect(await new Trial().run(script, { outputs: ['out'] })).toMatchObject({ kind: 'failed', ...failure });
  });

  it('[J136] that cannot be started at all fails with its reason', async () => {
    expect(await new Trial().run('', { argv: ['/no/such/program'] })).toMatchObject({ reason: 'command_failed', exitCode: 127 });
  });

  it('[J137] is ended by the limit of a core or of a file, and cannot have more memory', async () => {
    const busy = await new Trial().run('while :; do :; done', { limits: { cpu_s: 1 } });
    expect(busy).toMatchObject({ reason: 'resource_exceeded', message: expect.stringContaining('cpu_s') });
    const large = await new Trial().run('', { argv: ['dd', 'if=/dev/zero', 'of=big', 'bs=1M', 'count=3'], limits: { file_mib: 1 } });
    expect(large).toMatchObject({ reason: 'resource_exceeded', message: expect.stringContaining('file_mib') });
    const trial = new Trial();
    const hungry = { argv: ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=64M', 'count=1'], limits: { memory_mib: 32 } };
    expect(await trial.run('', hungry)).toMatchObject({ reason: 'command_failed', exitCode: 1 });
    expect(await trial.run('', { ...hungry, limits: { memory_mib: 128 } })).toMatchObject({ kind: 'done' });
  });

  it('[P53] has no output that a link leads to', async () => {
    const links = ['ln -s /etc/hostname out', 'mkdir real; ln -s /etc real/etc', 'ln -s . up; ln -s /etc/hostname up/out'];
    const outputs = ['out', 'real/etc/hostname', 'up/out'];
    for (const [at, script] of links.entries()) {
      const trial = new Trial();
      expect(await trial.run(script, { outputs: [outputs[at] ?? ''] })).toMatchObject({ reason: 'output_missing' });
      expect(trial.outputs).toEqual([]);
    }
  });

  it.each(['released', 'cancelled'] as const)('[P13] [J138] saves when it is %s, and ends as a whole group', async (reason) => {
    const trial = new Trial();
    const run = trial.run('trap "sleep 0.5; echo saved > state; exit 0" TERM; sleep 1000 & echo $$; while :; do sleep 0.05; done', {
      checkpoint: 'state',
    });
    await trial.until(() => trial.text.includes('\n'));
    const group = Number(trial.text);
    trial.abort(reason);
    await expect(run).rejects.toBe(reason);
    expect(trial.checkpoints).toEqual(['saved\n']);
    await expectGone(group);
  });

  it('[P50] that does not stop within its grace is killed', async () => {
    const trial = new Trial();
    const run = trial.run('trap "" TERM; echo $$; while :; do sleep 0.05; done', { grace_ms: 50 });
    await trial.until(() => trial.text.includes('\n'));
    trial.abort('released');
    await expect(run).rejects.toBe('released');
    await expectGone(Number(trial.text));
  });

  it('[P50] of an attempt that is lost is killed at once, and saves nothing', async () => {
    const trial = new Trial();
    const run = trial.run('trap "" TERM; echo one > state; echo $$; while :; do sleep 0.05; done', {
      checkpoint: 'state',
      checkpoint_interval_ms: 1_000_000,
    });
    await trial.until(() => trial.text.includes('\n'));
    trial.abort('lost');
    await expect(run).rejects.toBe('lost');
    expect(trial.checkpoints).toEqual([]);
    await expectGone(Number(trial.text));
  });

  it('[P50] is killed by its guard when its lease ends and the agent does nothing', async () => {
    const trial = new Trial();
    trial.leftMs = 300;
    const end = await trial.run('trap "" TERM; sleep 1000 & while :; do sleep 0.05; done');
    expect(end).toMatchObject({ reason: 'command_failed', message: 'the program was ended by SIGKILL' });
  });

  it('[P50] leaves nothing behind when it ends by itself', async () => {
    const trial = new Trial();
    expect(await trial.run('sleep 1000 & echo $$')).toMatchObject({ kind: 'done' });
    await expectGone(Number(trial.text));
  });

  it('[J138] begins with what was saved last, and saves at its interval', async () => {
    const trial = new Trial([], 'epoch 3');
    const run = trial.run('cat state; echo; echo "epoch 4" > next; mv next state; read _ < /dev/zero', { checkpoint: 'state' });
    await trial.until(() => trial.checkpoints.length > 0);
    trial.abort('cancelled');
    await expect(run).rejects.toBe('cancelled');
    expect([trial.text, trial.checkpoints]).toEqual(['epoch 3\n', ['epoch 4\n']]);
  });

  it('[P51] removes nothing but runs in its own folder', async () => {
    const trial = new Trial();
    await trial.run('pwd; ls -A; ls -A "$HOME" "$TMPDIR"');
    const [folder, ...rest] = trial.text.trim().split('\n');
    expect(existsSync(folder ?? '')).toBe(true);
    expect(rest.filter((line) => line !== '' && !line.endsWith(':'))).toEqual([]);
  });
});
