import { makeDrive } from './make-drive.ts';
import { readDriverConfig } from './driver-config.ts';

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

const drive = await makeDrive(await readDriverConfig(path), console.log);
await drive.run(stop.signal);
process.exit(0);
