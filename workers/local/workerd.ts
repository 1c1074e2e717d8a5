import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

/** The program, of the version that Miniflare was made for. */
const { default: WORKERD } = createRequire(createRequire(import.meta.url).resolve('miniflare'))('workerd') as { default: string };
const RESTART_MS = 50;
/** Where the child finds its configuration: the first descriptor after those of input, output, errors and control. */
const CONFIG_PATH = '/dev/fd/4';
/** Behind each of its own errors: places in its code without names. */
const ADDRESSES = /^stack: /;

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A configuration as a file in the folder that it is given, which it embeds files relative to. */
export type ConfigText = (folder: string) => string;

/** A running workerd. */
export class Workerd {
  readonly #config: number;
  readonly #more: readonly string[];
  #child: ChildProcess;
  #isStopping = false;

  private constructor(config: number, more: readonly string[], child: ChildProcess) {
    this.#config = config;
    this.#more = more;
    this.#child = child;
  }

  /** Resolves when it listens. `more`: options of its command line besides those that every one has. */
  static async start(configText: ConfigText, more: readonly string[] = []): Promise<Workerd> {
    const config = await compiled(configText);
    const child = spawnWorkerd(config, more);
    if (await isListening(child)) return new Workerd(config, more, child);
    closeSync(config);
    throw new Error(`workerd ended as it started, with ${child.exitCode ?? child.signalCode}`);
  }

  /** One that is started again, on the same configuration, whenever it ends by itself. */
  static async startLasting(configText: ConfigText, more: readonly string[] = []): Promise<Workerd> {
    const workerd = await Workerd.start(configText, more);
    void workerd.#keepAlive();
    return workerd;
  }

  /** Changes when it is started again. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** At once, as a crash would: acknowledged writes are on the disk. */
  async stop(): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    const child = this.#child;
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    }
    closeSync(this.#config);
  }

  async #keepAlive(): Promise<void> {
    for (;;) {
      if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit');
      if (this.#isStopping) return;
      this.#child = spawnWorkerd(this.#config, this.#more);
      // One that cannot start must not keep the machine busy.
      if (!(await isListening(this.#child))) await sleep(RESTART_MS);
    }
  }
}

/**
 * A descriptor of the configuration in binary form, whose file is removed already: it holds secrets. workerd maps such a file into its memory;
 * of a text it keeps several copies, with 14 MB of ONNX runtime in each.
 */
async function compiled(configText: ConfigText): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-config-'));
  try {
    const [text, binary] = [join(folder, 'config.capnp'), join(folder, 'config.bin')];
    await writeFile(text, configText(folder), { mode: 0o600 });
    const written = openSync(binary, 'wx', 0o600);
    const compiler = spawn(WORKERD, ['compile', '--config-only', text], { stdio: ['ignore', written, 'inherit'] });
    const [code] = (await once(compiler, 'exit')) as [number | null];
    closeSync(written);
    if (code !== 0) throw new Error('workerd does not take its configuration');
    return openSync(binary, 'r');
  } finally {
    await rm(folder, { recursive: true });
  }
}

function spawnWorkerd(config: number, more: readonly string[]): ChildProcess {
  const child = spawn(WORKERD, ['serve', '--binary', '--experimental', '--control-fd=3', ...more, CONFIG_PATH], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', config],
    env: { ...process.env, TZ: 'UTC' },
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  child.stdout?.pipe(process.stdout, { end: false });
  createInterface(child.stderr as Readable).on('line', (line) => {
    if (!ADDRESSES.test(line)) process.stderr.write(`${line}\n`);
  });
  return child;
}

/** Waits until it listens, and answers whether it does; it may end before. All sockets are bound when the first is reported. */
async function isListening(child: ChildProcess): Promise<boolean> {
  const lines = createInterface(child.stdio[3] as Readable);
  for await (const line of lines) {
    if ((JSON.parse(line) as { event: string }).event === 'listen') return true;
  }
  return false;
}
