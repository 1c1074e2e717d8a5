import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';

import type { ProvenanceStatement } from '../../../../src/contract/debt/provenance.ts';
import { provenanceStatement } from '../../../../src/contract/debt/provenance.ts';
import { indexIn, provenanceOf } from '../../../../src/debt/provenance.ts';
import type { Reproducibility } from '../../../../src/debt/reproducibility.ts';
import { reproducibilityOf } from '../../../../src/debt/reproducibility.ts';
import { command, positive, show, UsageError } from '../../command/command.ts';
import { jsonFile } from '../../command/json-file.ts';
import type { RecipeRun } from './rerun.ts';
import { rerunRecipe } from './rerun.ts';
import { provenanceFileOf } from './script-recipe.ts';

interface Flags {
  readonly write?: boolean;
  readonly json?: boolean;
  readonly minutes: number;
}

/** `sluice debt repro RECIPE`. Its exit status is 1 when the index is below 1. */
export const repro = () =>
  command('repro', 'Runs a recipe again in a clean folder without a network, and says how far its outputs are the same.')
    .argument('<recipe>', 'a recipe.json, or a script, inside a git repository; its command runs on this machine')
    .option('--write', 'write the provenance of what was made beside the recipe: provenance.json, or of a script SCRIPT.provenance.json')
    .option('--json', 'print the provenance as JSON')
    .option('--minutes <n>', 'so long the command may take', positive(24 * 60), 60)
    .action(async (recipePath: string, { write = false, json = false, minutes }: Flags) => {
      const statementPath = provenanceFileOf(recipePath);
      const earlier = await readStatement(statementPath);
      if (process.stderr.isTTY)
        console.error(`Running the command of ${recipePath} in a clean clone; it may take ${minutes} minutes at most.`);
      const ran = await rerunRecipe(recipePath, minutes * 60_000);
      const result = reproducibilityOf(ran.rerun, isOtherMachine(ran, earlier));
      const statement = provenanceOf(ran.recipe, ran.rerun, result, ran.circumstances);
      const text = `${JSON.stringify(statement, null, 2)}\n`;
      if (write) await writeFile(statementPath, text);
      if (json) console.log(text);
      else show(describe(result, ran));
      if (result.index < 1) process.exitCode = 1;
    });

/** The statement at a path; undefined where there is no file. */
async function readStatement(path: string): Promise<ProvenanceStatement | undefined> {
  if (!existsSync(path)) return undefined;
  const parsed = provenanceStatement.safeParse(await jsonFile(path));
  if (!parsed.success) throw new UsageError(`${path} is not a statement of provenance; delete it and run the recipe again.`);
  return parsed.data;
}

/** Whether an earlier statement says that another machine made the outputs that the recipe names. */
const isOtherMachine = ({ recipe, circumstances }: RecipeRun, earlier: ProvenanceStatement | undefined): boolean =>
  earlier !== undefined &&
  indexIn(earlier, recipe.outputs) !== undefined &&
  earlier.predicate.runDetails.builder.id !== circumstances.builder;

const LEVELS = {
  R0: 'does not run',
  R1: 'runs',
  R2: 'same metrics',
  R3: 'same bytes',
  R4: 'same bytes on another machine',
} as const;

function describe({ index, level, parts, reasons }: Reproducibility, { rerun, log }: RecipeRun): string {
  return [
    `reproducibility ${index.toFixed(2)}, ${level}: ${LEVELS[level]}`,
    ...Object.entries(parts).map(([name, value]) => `  ${name.padEnd(12)} ${value.toFixed(2)}`),
    ...reasons.map((reason) => `  - ${reason}`),
    ...(rerun.hasRun ? [] : ['', 'The command wrote last:', log.trimEnd()]),
  ].join('\n');
}
