import { run } from './command/command.ts';
import { programFor } from './program.ts';

const words = process.argv.slice(2);
// `sluice help sim load` is `sluice sim load --help`.
const asked = words[0] === 'help' ? [...words.slice(1), '--help'] : words;
process.exitCode = await run(await programFor(asked), asked);
