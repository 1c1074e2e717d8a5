import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, open, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { randomBytes } from 'node:crypto';

import { freePort } from '../deployment/free-port.ts';
import { slurmConf } from './slurm-conf.ts';

const PROGRAMS = ['slurmctld', 'slurmd', 'slurmrestd'].map((name) => `/usr/sbin/${name}`);
const JWT_PLUGIN = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu'].map((folder) => `${folder}/slurm-wlm/auth_jwt.so`);

/** By this the programs of Slurm find a daemon of the machine that authenticates them: there is one place for it. */
const AUTHENTICATOR = '/run/slurmctld/sack.socket';

/** Why there can be no private Slurm on this machine; undefined: there can be one. */
export async function slurmIsMissing(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'slurmd starts jobs as their users, for which it has to be root';
  const absent = PROGRAMS.filter((path) => !existsSync(path));
  if (absent.length > 0 || !JWT_PLUGIN.some((path) => existsSync(path))) {
    return 'install slurmctld slurmd slurm-client slurmrestd slurm-wlm-jwt-plugin (Debian)';
  }
  if (await answers(AUTHENTICATOR)) return 'another Slurm runs on this machine';
  return undefined;
}

const answers = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path, () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

export interface SlurmSize {
  readonly nodes: number;
  readonly cpusPerNode: number;
}

/** How long a daemon may take to be there, or to be gone. */
const SETTLES_MS = 60_000;

const run = promisify(execFile);

/**
 * A real Slurm on loopback: a controller, virtual nodes, slurmrestd; its state in a folder of its own, its daemons ended by pid. Jobs run as
 * root, as nothing here needs another user.
 */
export class PrivateSlurm {
  readonly folder: string;
  readonly url: string;
  readonly tokenFile: string;
  readonly nodes: readonly string[];
  readonly #environment: NodeJS.ProcessEnv;

  private constructor(folder: string, restPort: number, nodes: number) {
    this.folder = folder;
    this.url = `http://127.0.0.1:${restPort}`;
    this.tokenFile = join(folder, 'token');
    this.nodes = Array.from({ length: nodes }, (_, node) => `gpu${node}`);
    this.#environment = { ...process.env, SLURM_CONF: join(folder, 'etc/slurm.conf') };
  }

  static async start({ nodes, cpusPerNode }: SlurmSize): Promise<PrivateSlurm> {
    const folder = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sluice-slurm-'));
    const [controllerPort, restPort, ...nodePorts] = await Promise.all(Array.from({ length: nodes + 2 }, freePort));
    const slurm = new PrivateSlurm(folder, restPort ?? 0, nodes);
    try {
      await slurm.#write({ folder, host: hostname().split('.')[0] ?? '', controllerPort: controllerPort ?? 0, nodePorts, cpusPerNode });
      await slurm.startController();
      await Promise.all(slurm.nodes.map((node) => slurm.startNode(node)));
      const token = (await slurm.command('scontrol', 'token', 'username=root', 'lifespan=36000')).trim().replace('SLURM_JWT=', '');
      await writeFile(slurm.tokenFile, token, { mode: 0o600 });
      await slurm.#startRest(restPort ?? 0);
      await until('nodes', async () => [...(await slurm.#nodeStates()).values()].every(isUp));
    } catch (error) {
      await slurm.stop();
      throw error;
    }
    return slurm;
  }

  /** Runs a program of Slurm as its operator would. */
  async command(program: string, ...args: string[]): Promise<string> {
    return (await run(program, args, { env: this.#environment, timeout: SETTLES_MS })).stdout;
  }

  async startController(): Promise<void> {
    await this.command('/usr/sbin/slurmctld');
    await until('slurmctld', async () => (await this.command('scontrol', 'ping')).includes('is UP'));
  }

  async killController(): Promise<void> {
    await this.#end('slurmctld.pid', 'SIGKILL');
  }

  async startNode(node: string): Promise<void> {
    await mkdir(join(this.folder, 'spool', node), { recursive: true });
    await this.command('/usr/sbin/slurmd', '-N', node);
  }

  /** Ends the daemon of a node without warning. The processes of its jobs live on, as they do when only slurmd crashes. */
  async killNode(node: string): Promise<void> {
    await this.#end(`slurmd.${node}.pid`, 'SIGKILL');
  }

  /**
   * Opens the nodes that are closed, as an operator would after a crash: a controller that was killed may start a job twice, or under the id of
   * another, and then drains the node ("Duplicate jobid", "batch job complete failure").
   */
  async openNodes(): Promise<void> {
    await until('open nodes', async () => {
      const states = await this.#nodeStates();
      const closed = [...states].filter(([, state]) => !isUp(state)).map(([node]) => node);
      for (const node of closed) await this.command('scontrol', 'update', `nodename=${node}`, 'state=resume').catch(() => undefined);
      return closed.length === 0;
    });
  }

  /** What an operator would look at first: nodes, jobs, and the ends of the logs. */
  async report(): Promise<string> {
    const shown = await Promise.all(
      [
        ['sinfo', '-N', '-l'],
        ['sinfo', '-R'],
        ['squeue', '-a', '-l'],
        ['sh', '-c', 'tail -n 40 "$0"/log/*.log', this.folder],
      ].map(([program = '', ...args]) => this.command(program, ...args).catch(String)),
    );
    return shown.join('\n');
  }

  async #nodeStates(): Promise<ReadonlyMap<string, string>> {
    const lines = (await this.command('sinfo', '-hN', '-p', 'low', '-o', '%N %T')).trim().split('\n');
    return new Map(lines.map((line) => line.split(' ') as [string, string]));
  }

  /** Ends what it started, the jobs first: no process outlives it. */
  async stop(): Promise<void> {
    await this.command('scancel', '--signal=KILL', '--full', '-u', 'root').catch(() => undefined);
    await this.command('scancel', '-u', 'root').catch(() => undefined);
    await until('the last job', async () => (await this.command('squeue', '-h')).trim() === '').catch(() => undefined);
    const pidFiles = (await readdir(join(this.folder, 'run'))).filter((name) => name.endsWith('.pid'));
    for (const name of pidFiles) await this.#end(name, 'SIGKILL');
    await rm(this.folder, { recursive: true, force: true });
  }

  async #write(conf: Parameters<typeof slurmConf>[0]): Promise<void> {
    for (const name of ['etc', 'run', 'log', 'state', 'spool']) await mkdir(join(this.folder, name));
    const files = {
      'slurm.conf': slurmConf(conf),
      'cgroup.conf': 'CgroupPlugin=disabled\n',
      'plugstack.conf': '',
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(this.folder, 'etc', name), text);
    await writeFile(join(this.folder, 'etc/jwt_hs256.key'), randomBytes(32), { mode: 0o600 });
    await writeFile(join(this.folder, 'etc/slurm.key'), randomBytes(1024), { mode: 0o600 });
    // slurmrestd runs as another user, whatever the umask is here.
    const readable = ['etc', ...Object.keys(files).map((name) => `etc/${name}`)].map((name) => join(this.folder, name));
    await run('chmod', ['a+rX', this.folder, ...readable]);
  }

  async #startRest(port: number): Promise<void> {
    // It refuses to run as root, or as the user of the controller.
    const user = ['--reuid=daemon', '--regid=daemon', '--clear-groups'];
    const rest = ['slurmrestd', '-a', 'rest_auth/jwt', '-s', 'slurmctld', '-t', '8', `127.0.0.1:${port}`];
    const log = await open(join(this.folder, 'log/slurmrestd.log'), 'a');
    const env = { ...this.#environment, SLURM_JWT: 'daemon' };
    const child = spawn('setpriv', [...user, ...rest], { env, stdio: ['ignore', log.fd, log.fd], detached: true });
    child.unref();
    await log.close();
    await writeFile(join(this.folder, 'run/slurmrestd.pid'), String(child.pid));
    await until('slurmrestd', async () => (await fetch(`${this.url}/openapi/v3`)).status > 0);
  }

  async #end(pidFile: string, signal: 'SIGKILL'): Promise<void> {
    const path = join(this.folder, 'run', pidFile);
    const pid = Number(await readFile(path, 'utf8').catch(() => '0'));
    const name = pidFile.split('.')[0] ?? '';
    if (pid === 0 || !(await isAlive(pid, name))) return;
    process.kill(pid, signal);
    await until(`the end of ${name}`, async () => !(await isAlive(pid, name)));
    await rm(path, { force: true });
  }
}

const isUp = (state: string): boolean => /^(?:idle|mixed|allocated)$/.test(state);

/** Whether the process is that program, and no zombie: pids are used again. */
async function isAlive(pid: number, name: string): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return status.startsWith(`Name:\t${name}\n`) && !/^State:\s+Z/m.test(status);
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + SETTLES_MS;
  while (!(await isSo().catch(() => false))) {
    if (performance.now() > endMs) throw new Error(`${what}: not so after ${SETTLES_MS} ms`);
    await sleep(50);
  }
}
