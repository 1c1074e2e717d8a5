import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { ROOT } from '../../../workers/local/paths.ts';
import type { Reached } from '../deployment/shared-deployment.ts';
import type { PrivateSlurm } from './private-slurm.ts';

interface Pool {
  readonly id: string;
  readonly agent_token: string;
}

/** An attempt whose process has begun: which node it is on, and its pid. */
export interface Begun {
  readonly attempt: string;
  readonly node: string;
  readonly pid: number;
}

/** A pool of Sluice whose attempts a real Slurm runs, brought there by a driver in a process of its own. */
export class SlurmPool {
  readonly #slurm: PrivateSlurm;
  readonly #config: string;
  readonly #folder: string;
  readonly #log: FileHandle;
  #driver: ChildProcess | undefined;

  private constructor(slurm: PrivateSlurm, config: string, folder: string, log: FileHandle) {
    this.#slurm = slurm;
    this.#config = config;
    this.#folder = folder;
    this.#log = log;
  }

  static async start(server: Reached, pool: Pool, slurm: PrivateSlurm, slotsPerNode: number): Promise<SlurmPool> {
    const folder = join(slurm.folder, 'test');
    await mkdir(folder);
    const [config, tokenFile] = [join(slurm.folder, 'driver.json'), join(slurm.folder, 'agent-token')];
    await writeFile(tokenFile, pool.agent_token, { mode: 0o600 });
    const runner = ['--import', join(ROOT, 'test/support/slurm/held-input.ts'), join(ROOT, 'workers/agent/run-once.ts')];
    const settings = {
      kind: 'slurm',
      pool: pool.id,
      gateway: server.urls[0],
      agent_token_file: tokenFile,
      agent_token_file_on_nodes: tokenFile,
      slots: slurm.nodes.length * slotsPerNode,
      slots_per_node: slotsPerNode,
      poll_ms: 250,
      url: slurm.url,
      token_file: slurm.tokenFile,
      user: 'root',
      partition: 'low',
      time_limit_minutes: 10,
      directory: slurm.folder,
      runner: ['/usr/bin/env', `SLUICE_TEST_FOLDER=${folder}`, process.execPath, ...runner],
      job: { cpus_per_task: 1, standard_error: join(slurm.folder, 'log/job-%j.err') },
    };
    await writeFile(config, JSON.stringify(settings));
    const started = new SlurmPool(slurm, config, folder, await open(join(slurm.folder, 'log/driver.log'), 'a'));
    started.startDriver();
    return started;
  }

  startDriver(): void {
    this.#driver = spawn(process.execPath, [join(ROOT, 'workers/drivers/index.ts'), this.#config], {
      stdio: ['ignore', this.#log.fd, this.#log.fd, 'ipc'],
    });
  }

  async endDriver(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const driver = this.#driver;
    if (driver === undefined || driver.exitCode !== null) return;
    const exited = new Promise((resolve) => driver.once('exit', resolve));
    driver.kill(signal);
    await exited;
  }

  /** From now on attempts begin, and then wait. */
  async hold(): Promise<void> {
    await writeFile(join(this.#folder, 'hold'), '');
  }

  async letGo(): Promise<void> {
    await rm(join(this.#folder, 'hold'), { force: true });
  }

  /** The processes that took attempts of a job, in order of their fences. */
  async begun(jobId: string): Promise<readonly Begun[]> {
    const stem = jobId.replace('job_', 'att_');
    const names = (await readdir(this.#folder)).filter((name) => name.startsWith(`begun ${stem}_`));
    const found = names.map((name) => {
      const [, attempt = '', node = '', pid] = name.split(' ');
      return { attempt, node, pid: Number(pid) };
    });
    return found.toSorted((a, b) => a.attempt.localeCompare(b.attempt));
  }

  /** The ids of Slurm's own jobs of an attempt that are not over. */
  async slurmJobs(attempt: string): Promise<readonly string[]> {
    const lines = (await this.#slurm.command('squeue', '-h', '-o', '%A %j')).trim().split('\n');
    return lines.filter((line) => line.endsWith(` ${attempt}`)).map((line) => line.split(' ')[0] ?? '');
  }

  async stop(): Promise<void> {
    await this.letGo();
    await this.endDriver('SIGTERM');
    await this.#log.close();
  }
}
