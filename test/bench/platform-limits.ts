import { loadavg } from 'node:os';

import { journeysOf, LARGE, SMALL } from '../support/journeys/journeys.ts';
import type { Measured } from '../support/journeys/journey-world.ts';
import { JourneyWorld } from '../support/journeys/journey-world.ts';
import { mostOf } from '../workerd/platform-use/platform-use.ts';

/**
 * What each main way through the API takes of what Cloudflare limits, as the table of docs/operations.md. `--quick`: with the sizes of the tests.
 */
export async function platformLimitsBench({ quick = false }: { quick?: boolean }): Promise<void> {
  const busiest: string[] = [];
  const world = await JourneyWorld.start();
  try {
    console.log(`load ${loadavg()[0]?.toFixed(1)}\n`);
    console.log(
      '| journey | subrequests | of services | of one object | session calls | waiting | message | value | parameters | alarms | CPU ms |',
    );
    console.log('| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |');
    for (const journey of journeysOf(quick ? SMALL : LARGE)) {
      const measured = await world.measure(journey);
      console.log(rowOf(journey.name, measured));
      busiest.push(`${journey.name}: ${busiestOf(measured)}`);
    }
    console.log(`\nthe most subrequests, by what made them\n${busiest.join('\n')}`);
  } finally {
    const rows = await world.stop();
    console.log(
      `\nlargest rows: ${rows
        .slice(0, 5)
        .map(({ key, table, bytes }) => `${key} ${table} ${bytes}`)
        .join(', ')}`,
    );
  }
}

/** Of the gateway and, where others used more, behind a stroke of them. */
function rowOf(name: string, { gateway, others, alarms, cpuMs }: Measured): string {
  const most = mostOf(gateway, others);
  const both = (use: 'subrequests' | 'sameObject') => `${gateway[use]} / ${others[use]}`;
  const cells = [
    name,
    both('subrequests'),
    most.services,
    both('sameObject'),
    most.sessionCalls,
    most.waiting,
    kilobytes(most.messageBytes),
  ];
  return `| ${[...cells, kilobytes(most.valueBytes), most.parameters, alarms, cpuMs].join(' | ')} |`;
}

/** The invocations with the most subrequests, and of which bindings they are. */
const busiestOf = ({ uses }: Measured): string =>
  [...uses]
    .sort((a, b) => b.most.subrequests - a.most.subrequests)
    .slice(0, 3)
    .map(({ name, calls }) => `${name} ${JSON.stringify(calls)}`)
    .join(', ');

const kilobytes = (bytes: number): string => `${(bytes / 1_000).toFixed(bytes < 10_000 ? 1 : 0)} kB`;
