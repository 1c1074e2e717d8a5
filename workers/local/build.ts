import { buildAll } from './bundle.ts';

for (const output of await buildAll()) console.log(output);
