import { expect, it } from 'vitest';

import { readMachine } from '../../../workers/agent/agent-capacity.ts';
import { ONE_ATTEMPT_ROOM } from '../../../src/contract/pools/standing-room.ts';
import { agentMachine } from '../../../workers/local/agent-machine.ts';
import { nativeAdvice } from '../../../workers/local/native-runtime.ts';
import { agentRange } from '../../../workers/local/agent-range.ts';

const read = (environment: Record<string, string>) => readMachine(environment, 7, () => []).said;

it('[P20] an agent says what its environment says of its machine, and no more', () => {
  expect(read({ SLUICE_AGENT_NAME: 'one' })).toEqual({ name: 'one', weights_max_mib: 512 });
  expect(read({}).name).toMatch(/^[a-z0-9].*-7$/);
  expect(
    read({
      SLUICE_AGENT_NAME: 'two',
      SLUICE_AGENT_CPU_MILLI: '64000',
      SLUICE_AGENT_MEMORY_MIB: '65536',
      SLUICE_AGENT_ACCELERATOR: 'h100:8',
      SLUICE_AGENT_ATTEMPTS: '4',
      SLUICE_AGENT_DOMAINS: 'rack=r7,zone=a',
      SLUICE_AGENT_ORDINAL: '3',
      SLUICE_AGENT_ADDRESS: '10.0.0.7',
      SLUICE_AGENT_WEIGHTS_MIB: '0',
    }),
  ).toEqual({
    name: 'two',
    capacity: { accelerator: 'h100', accelerators: 8, cpu_milli: 64_000, memory_mib: 65_536 },
    attempts: 4,
    domains: { rack: 'r7', zone: 'a' },
    ordinal: 3,
    address: '10.0.0.7',
    weights_max_mib: 0,
  });
  const small = read({ SLUICE_AGENT_CPU_MILLI: '1000', SLUICE_AGENT_MEMORY_MIB: '300' });
  expect(small.weights_max_mib, 'no more than there is').toBe(300);
});

it('[P20] an agent names the variable that is not as it should be', () => {
  const size = { SLUICE_AGENT_CPU_MILLI: '1000', SLUICE_AGENT_MEMORY_MIB: '1024' };
  expect(() => read({ SLUICE_AGENT_CPU_MILLI: '1000' })).toThrow('SLUICE_AGENT_MEMORY_MIB');
  expect(() => read({ ...size, SLUICE_AGENT_ATTEMPTS: 'many' })).toThrow('SLUICE_AGENT_ATTEMPTS');
  expect(() => read({ ...size, SLUICE_AGENT_ACCELERATOR: '8 of them' })).toThrow('SLUICE_AGENT_ACCELERATOR');
  expect(() => read({ SLUICE_AGENT_ACCELERATOR: 'h100' })).toThrow('SLUICE_AGENT_ACCELERATOR');
  expect(() => read({ SLUICE_AGENT_DOMAINS: 'rack' })).toThrow('SLUICE_AGENT_DOMAINS');
});

it('takes a number of local agents, or a range', () => {
  expect(agentRange('3')).toEqual({ least: 3, most: 3 });
  expect(agentRange('0..4')).toEqual({ least: 0, most: 4 });
  for (const text of ['4..0', '17', 'all', '1..']) expect(() => agentRange(text)).toThrow('--agents');
});

it('[P129] an agent that serves models beside its attempts says so: no other job fits into their places', () => {
  const models = { SLUICE_AGENT_REPLICAS: '16', SLUICE_AGENT_WEIGHTS_MIB: '4096' };
  const { capacity, attempts } = read(models);
  expect([capacity, attempts]).toEqual([{ cpu_milli: 1_800, memory_mib: 5_120 }, 17]);
  expect((capacity?.cpu_milli ?? 0) - ONE_ATTEMPT_ROOM.cpu_milli, 'what is left beside a job of the usual size').toBeLessThan(
    ONE_ATTEMPT_ROOM.cpu_milli,
  );
  const large = read({ ...models, SLUICE_AGENT_CPU_MILLI: '64000', SLUICE_AGENT_MEMORY_MIB: '65536', SLUICE_AGENT_ATTEMPTS: '4' });
  expect([large.capacity, large.attempts]).toEqual([{ cpu_milli: 64_800, memory_mib: 69_632 }, 20]);
});

it('[P129] agents of a machine serve on loopback alone, unless their environment says otherwise', () => {
  const variables = { MODEL_REPLICAS: 'auto', MODEL_MEMORY_MIB: '4096' };
  expect(agentMachine({ SLUICE_AGENT_ALLOW: 'training' }, variables)).toEqual({
    environment: {
      SLUICE_AGENT_ALLOW: 'training,online_inference',
      SLUICE_AGENT_ADDRESS: '127.0.0.1',
      SLUICE_AGENT_REPLICAS: '16',
      SLUICE_AGENT_WEIGHTS_MIB: '4096',
    },
    node: { cpu_milli: 1_800, memory_mib: 5_120 },
  });
  const own = { SLUICE_AGENT_WEIGHTS_MIB: '100', SLUICE_AGENT_REPLICAS: '2', SLUICE_AGENT_ADDRESS: '10.0.0.7' };
  expect(agentMachine(own, variables).environment).toEqual({ ...own, SLUICE_AGENT_ALLOW: 'online_inference' });
  expect(agentMachine({}, { ...variables, MODEL_REPLICAS: 'off' })).toEqual({ environment: {}, node: ONE_ATTEMPT_ROOM });
});

it('what the native runtime would bring is said where it is not installed', () => {
  expect(nativeAdvice(false)).toMatch(/2\.5 times.*npm install --no-save --ignore-scripts onnxruntime-node@/s);
  expect(nativeAdvice(true)).toBe('');
});
