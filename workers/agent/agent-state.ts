import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';

import { claimFolder } from './folder-claim.ts';

/** Who an agent is to its pool. */
const identity = z.object({ pool: z.string(), agent: z.string(), name: z.string() });

type Identity = z.infer<typeof identity>;

/**
 * A folder in which an agent keeps who it is to its pool, so that the process that follows it is the same agent, with the attempts that it has. One
 * process has the folder at a time: two that are one agent would run the same attempts. [P112]
 */
export class AgentState {
  /** As it was kept; undefined: nothing was, or what was is of another pool. */
  readonly known: Identity | undefined;
  readonly #folder: string;
  readonly #end: () => Promise<void>;

  private constructor(folder: string, end: () => Promise<void>, known: Identity | undefined) {
    this.#folder = folder;
    this.#end = end;
    this.known = known;
  }

  /** Throws when a process that lives has the folder. */
  static async open(folder: string, pool: string): Promise<AgentState> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const end = await claimFolder(folder);
    if (end === undefined) throw new Error(`another agent works with ${folder}: give each agent a SLUICE_AGENT_STATE_DIR of its own`);
    const kept = await readFile(join(folder, FILE), 'utf8').catch(() => '');
    const known = parsed(kept);
    return new AgentState(folder, end, known?.pool === pool ? known : undefined);
  }

  /** Whole or not at all: a process that dies meanwhile leaves what was kept before. */
  async keep(now: Identity): Promise<void> {
    const { known } = this;
    if (known?.agent === now.agent && known.name === now.name) return;
    const next = join(this.#folder, `${FILE}.next`);
    await writeFile(next, `${JSON.stringify(now)}\n`, { mode: 0o600 });
    await rename(next, join(this.#folder, FILE));
  }

  /** Lets another process have the folder. One that dies does so, too. */
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
