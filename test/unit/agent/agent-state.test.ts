import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { runAgent } from '../../../workers/agent/agent.ts';
import { AgentState } from '../../../workers/agent/agent-state.ts';
import type { PoolClient } from '../../../workers/agent/pool-client.ts';

const ONE = { pool: 'pool_aaaaaaaaaa', agent: 'agt_0123456789abcdef', name: 'machine-1' };

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'sluice-agent-state-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('[P112] an agent that keeps who it is', () => {
  it('is known to the process that follows, of the same pool alone, and to its owner only', async () => {
    const first = await AgentState.open(join(folder, 'new'), ONE.pool);
    expect(first.known).toBeUndefined();
    await first.keep(ONE);
    await first.close();
    const second = await AgentState.open(join(folder, 'new'), ONE.pool);
    expect(second.known).toEqual(ONE);
    await second.keep({ ...ONE, agent: 'agt_1_0123456789abcdef' });
    await second.close();
    const third = await AgentState.open(join(folder, 'new'), ONE.pool);
    expect(third.known?.agent).toBe('agt_1_0123456789abcdef');
    await third.close();
    const other = await AgentState.open(join(folder, 'new'), 'pool_bbbbbbbbbb');
    expect(other.known).toBeUndefined();
    await other.close();
    expect(statSync(join(folder, 'new', 'agent.json')).mode & 0o077).toBe(0);
  });

  it('is a new one where what was kept is damaged', async () => {
    for (const text of ['', '{', '{"agent":1}', 'null']) {
      writeFileSync(join(folder, 'agent.json'), text);
      const state = await AgentState.open(folder, ONE.pool);
      expect(state.known, text).toBeUndefined();
      await state.keep(ONE);
      await state.close();
      expect(JSON.parse(readFileSync(join(folder, 'agent.json'), 'utf8'))).toEqual(ONE);
    }
  });

  it('has its folder for one process, and for the next when that has died', async () => {
    const state = await AgentState.open(folder, ONE.pool);
    await expect(AgentState.open(folder, ONE.pool)).rejects.toThrow('another agent works with');
    await state.close();
    const script = join(folder, 'claim.mjs');
    const module = new URL('../../../workers/agent/agent-state.ts', import.meta.url).href;
    writeFileSync(
      script,
      `import { AgentState } from '${module}'; await AgentState.open(process.argv[2], 'p'); process.send('has it'); setInterval(() => {}, 1000);`,
    );
    const child = fork(script, [folder]);
    await once(child, 'message');
    await expect(AgentState.open(folder, ONE.pool)).rejects.toThrow('SLUICE_AGENT_STATE_DIR');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const next = await AgentState.open(folder, ONE.pool);
    await next.close();
  });

  it('keeps it once it has registered, before it asks for work', async () => {
    const stop = new AbortController();
    const said: string[] = [];
    const client = {
      register: async () => ({ agent: ONE.agent, lease_ms: 1, heartbeat_ms: 1 }),
      lease: async (_agent: string, waitMs: number) => {
        if (waitMs > 0) said.push('asks');
        stop.abort();
        return { assignment: null, unload: [] };
      },
    } as unknown as PoolClient;
    await runAgent({
      client,
      models: { held: () => [], unload: async () => {} },
      runners: {},
      secrets: [],
      machine: { name: ONE.name },
      stopped: stop.signal,
      keep: async (agent) => void said.push(agent),
    });
    expect(said).toEqual([ONE.agent, 'asks']);
  });
});
