import { makeDrive } from './make-drive.ts';
import { readDriverConfig } from './driver-config.ts';

// A driver without the command line, for images that have only this. `sluice pools drive` is the same with a check.

// What ends a driver is for its operator to put right: the message says it, no stack does.
process.once('uncaughtException', (error) => {
  console.error(`The driver stops: ${error.message}`);
  process.exit(1);
});

const [path] = process.argv.slice(2);
if (path === undefined) throw new Error('name the file with its configuration: node workers/drivers/index.ts cluster.json');
const stop = new AbortController();
// `disconnect`: the process that started the driver is gone.
for (const signal of ['SIGTERM', 'SIGINT', 'disconnect'] as const) process.once(signal, () => stop.abort());

const read = await readDriverConfig(path);
if (read.kind === 'faults') throw new Error(read.faults.join('\n'));
await (await makeDrive(read.config, console.log)).run(stop.signal);
process.exit(0);
