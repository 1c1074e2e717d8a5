import { createServer } from 'node:net';

import { collect, runProgram, PROGRAM_PROGRESS } from './command-runner.ts';
import type { AttemptScope, JobRunner, RunEnd } from './job-runner.ts';

/**
 * Runs one process of a gang: it learns its rank, how many there are and where rank 0 listens, once all have started. What rank 0 saves is
 * where all begin in the next attempt; its outputs are the job's.
 */
export class TrainingRunner implements JobRunner<'training'> {
  /** Where agents of the same pool reach this machine. */
  readonly #host: string;

  constructor(host: string) {
    this.#host = host;
  }

  async run(scope: AttemptScope<'training'>): Promise<RunEnd> {
    const { assignment, onProgress, meet } = scope;
    onProgress(PROGRAM_PROGRESS);
    const { rank, world_size: worldSize } = assignment;
    const peers = await meet(`${this.#host}:${rank === 0 ? await freePort() : 0}`);
    const [master, port] = cut(peers[0] ?? '');
    const ended = await runProgram(scope, rank === 0 ? 'saves' : 'begins', {
      MASTER_ADDR: master,
      MASTER_PORT: port,
      RANK: String(rank),
      WORLD_SIZE: String(worldSize),
      LOCAL_RANK: '0',
      LOCAL_WORLD_SIZE: '1',
      SLUICE_RANK: String(rank),
      SLUICE_WORLD_SIZE: String(worldSize),
      SLUICE_PEERS: peers.map((peer) => cut(peer)[0]).join(','),
    });
    if (ended.kind === 'failed') return ended;
    const done = { kind: 'done', progress: { ...PROGRAM_PROGRESS, completed: 1 }, tokens: 0, outputs: [] } as const;
    if (rank > 0) return done;
    const outputs = await collect(scope, assignment.outputs);
    return 'kind' in outputs ? outputs : { ...done, outputs };
  }
}

/** Host and port of an address. */
const cut = (address: string): [string, string] => {
  const at = address.lastIndexOf(':');
  return [address.slice(0, at), address.slice(at + 1)];
};

/** A port that nothing listens on now. Should something by the time rank 0 does, the attempt fails, and the next one has another. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
