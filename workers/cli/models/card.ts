import { readFile, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';

import type { CardSources } from '../../../src/inference/build/gate/model-card.ts';
import { modelCard } from '../../../src/inference/build/gate/model-card.ts';
import type { GateVerdict } from '../../../src/inference/build/gate/model-gate.ts';
import { command, UsageError } from '../command/command.ts';

/** `sluice models card DIR`. */
export const card = () =>
  command('card', 'Writes the card of a derived model from what was measured: CARD.md and card.json.')
    .argument('<dir>', 'a folder that quantize, distil or prune wrote; gate adds the quality')
    .action(async (dir: string) => {
      const recipe = await readJson(join(dir, 'recipe.json'));
      if (recipe === undefined) throw new UsageError(`${dir} has no recipe.json, so there is nothing to make a card from.`);
      const [report, verdict] = [await readJson(join(dir, 'report.json')), await readJson(join(dir, 'gate.json'))];
      const sources: CardSources = {
        name: basename(resolve(dir)),
        recipe: recipe as CardSources['recipe'],
        ...(report === undefined ? {} : { report }),
        ...(verdict === undefined ? {} : { verdict: verdict as GateVerdict }),
      };
      await writeFile(join(dir, 'CARD.md'), modelCard(sources));
      await writeFile(join(dir, 'card.json'), `${JSON.stringify(sources, null, 2)}\n`);
      console.log(`${join(dir, 'CARD.md')}, ${join(dir, 'card.json')}`);
    });

async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : JSON.parse(text);
}
