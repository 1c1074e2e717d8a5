#!/usr/bin/env node
// `npx sluice`: the command line on the project's own Node, whatever Node this is.
process.argv.splice(2, 0, 'workers/cli/sluice.ts');
await import('../local/start.mjs');
