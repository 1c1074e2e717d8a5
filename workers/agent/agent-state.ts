import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';

import { claimFolder } from './folder-claim.ts';

/** The identity of an agent in its pool. */
const identity = z.object({ pool: z.string(), agent: z.string(), name: z.string() });

type Identity = z.infer<typeof identity>;

/**
 * A folder in which an agent stores its identity, so that the next process is the same agent and continues its attempts. Only one process uses
 * the folder at a time: two with one identity would run the same attempts. [P112]
 */
export class AgentState {
  /** The stored identity; undefined: there is none, or it is of another pool. */
  readonly known: Identity | undefined;
  readonly #folder: string;
  readonly #end: () => Promise<void>;

  private constructor(folder: string, end: () => Promise<void>, known: Identity | undefined) {
    this.#folder = folder;
    this.#end = end;
    this.known = known;
  }

  /** Throws if a living process uses the folder. */
  static async open(folder: string, pool: string): Promise<AgentState> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const end = await claimFolder(folder);
    if (end === undefined) throw new Error(`another agent works with ${folder}: give each agent a SLUICE_AGENT_STATE_DIR of its own`);
    const kept = await readFile(join(folder, FILE), 'utf8').catch(() => '');
    const known = parsed(kept);
    return new AgentState(folder, end, known?.pool === pool ? known : undefined);
  }

  /** Stores the identity atomically: if the process dies meanwhile, the previous one remains. */
  async keep(now: Identity): Promise<void> {
    const { known } = this;
    if (known?.agent === now.agent && known.name === now.name) return;
    const next = join(this.#folder, `${FILE}.next`);
    await writeFile(next, `${JSON.stringify(now)}\n`, { mode: 0o600 });
    await rename(next, join(this.#folder, FILE));
  }

  /** Releases the folder for another process, as the end of this process does. */
  close(): Promise<void> {
    return this.#end();
  }
}

const FILE = 'agent.json';

function parsed(text: string): Identity | undefined {
  try {
    return identity.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
