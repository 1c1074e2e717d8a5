import { assert } from '../../../src/kernel/assert.ts';
import type { Wire } from '../load.ts';
import { load } from '../load.ts';

const CONNECTIONS = [1, 4, 16];
const WARM_UP = { requestsMax: 200, durationS: 5 };

/** Requests of one kind to one server, and what came of them. */
export interface Case {
  readonly contender: string;
  readonly setting: string;
  /** How good its answers are; undefined: it finds nothing. */
  readonly quality: number | undefined;
  readonly wire: Wire;
  readonly requests: readonly Buffer[];
  /** CPU seconds of the server so far. */
  readonly cpuS: () => Promise<number>;
  /** By how many connections. */
  readonly rounds: Map<number, Round[]>;
}

interface Round {
  readonly perS: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMs: number;
}

/** Measures all cases in turn, several times, so that what else the machine does meets them alike. */
export async function inRounds(cases: readonly Case[], quick: boolean): Promise<void> {
  for (let round = 0; round < (quick ? 2 : 5); round += 1) {
    for (const connections of CONNECTIONS) for (const one of cases) await measure(one, connections, quick ? 1 : 3);
  }
}

async function measure({ contender, wire, requests, cpuS, rounds }: Case, connections: number, durationS: number): Promise<void> {
  const request = (number: number): Buffer => requests[number % requests.length] ?? Buffer.alloc(0);
  await load({ ...wire, ...WARM_UP, connections, request });
  const beforeS = await cpuS();
  const result = await load({ ...wire, connections, requestsMax: Infinity, durationS, request });
  assert(result.failures === 0, `${contender} answers every query`);
  const cpuMs = (((await cpuS()) - beforeS) / result.requests) * 1_000;
  const row = { perS: result.requests / result.elapsedS, p50Ms: result.p50Ms, p99Ms: result.p99Ms, cpuMs };
  rounds.set(connections, [...(rounds.get(connections) ?? []), row]);
}

/** The medians of the rounds, a row each. `quality`: what that is called. */
export function shownRounds(cases: readonly Case[], quality: string): object[] {
  const rows = cases.flatMap(({ contender, setting, quality: reached, rounds }) =>
    [...rounds].map(([connections, all]) => ({
      contender,
      setting,
      [quality]: reached?.toFixed(3) ?? '',
      connections,
      'per s': Math.round(median(all.map(({ perS }) => perS))),
      'p50 ms': Number(median(all.map(({ p50Ms }) => p50Ms)).toFixed(2)),
      'p99 ms': Number(median(all.map(({ p99Ms }) => p99Ms)).toFixed(2)),
      'CPU ms': Number(median(all.map(({ cpuMs }) => cpuMs)).toFixed(3)),
    })),
  );
  return rows.sort((a, b) => a.connections - b.connections);
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1] ?? 0;
}
