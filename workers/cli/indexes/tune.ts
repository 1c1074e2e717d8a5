import type { Command } from 'commander';

import type { SearchSettingsBody } from '../../../src/contract/indexes/search-settings.ts';
import { measureName, measureOf } from '../../../src/contract/vectors/judged/measure-names.ts';
import { BM25 } from '../../../src/contract/vectors/plans/bm25.ts';
import type { LegOfIndex } from '../../../src/contract/vectors/plans/legs-of-index.ts';
import { legsOfIndex } from '../../../src/contract/vectors/plans/legs-of-index.ts';
import { must } from '../../../src/kernel/assert.ts';
import { FOLDS } from '../../../src/text/judging/cross-validation.ts';
import { measured } from '../../../src/text/judging/measures.ts';
import type { RecordedLeg, TunableSetting, TunedSearch } from '../../../src/text/judging/tuning.ts';
import { tuneSearch } from '../../../src/text/judging/tuning.ts';
import { command, Failure, show, table } from '../command/command.ts';
import { checkedBy } from '../command/json-file.ts';
import { caller, print } from '../gateway/gateway-command.ts';
import type { JudgedFiles } from './evaluate.ts';
import { filesText, rangeText, SEED, signed, withJudgedFiles } from './evaluate.ts';
import { readJudgedTexts } from './judged-queries.ts';
import type { Recorded } from './recorded-searches.ts';
import { recordSearches } from './recorded-searches.ts';
import { remarksOn } from './sliced-evaluation.ts';

interface TuneOptions extends JudgedFiles {
  readonly measure: string;
  readonly dryRun?: boolean;
}

/** What tuning takes of an index. */
interface TunedIndex {
  readonly model: string | null;
  readonly fields: Readonly<Record<string, { readonly kind: string; readonly model?: string | null }>>;
}

/** How texts may be scored; the first is what indexes do unless they are told. Others hardly differ from the nearest of these. */
const TEXT_VARIANTS = [BM25, ...[0.9, 1.6].flatMap((k1) => [0.4, 0.75].map((b) => ({ k1, b })))];

/** What the qualities of legs are stated in. */
const QUALITY = { kind: 'ndcg', k: 10 } as const;

/** `sluice indexes tune INDEX --queries FILE --qrels FILE [--dry-run]`. */
export const tune = (): Command =>
  withJudgedFiles(command('tune', 'Chooses how an index is searched by judgements, and stores it if that is a significant gain.'))
    .option('--measure <name>', 'what is to be better', (name) => checkedBy(measureName, name, '--measure'), 'ndcg@10')
    .option('--dry-run', 'store nothing')
    .action(tuneIndex);

async function tuneIndex(index: string, { queries, qrels, measure, namespace, dryRun, json }: TuneOptions): Promise<void> {
  const files = await readJudgedTexts(queries, qrels);
  const client = await caller();
  const path = `/v1/indexes/${encodeURIComponent(index)}`;
  const { model, fields } = await client.call<TunedIndex>('GET', path);
  const legs = legsOfIndex(model !== null, fields, '{{text}}');
  if (legs.length === 0) throw new Failure(`${index} has neither a model nor a text field: there is nothing to tune`);
  const found = await recordSearches(client, index, files.queries, { legs, variants: TEXT_VARIANTS, namespace });
  if (found.queries.length < FOLDS) throw new Failure(`tuning takes at least ${FOLDS} judged queries; there are ${found.queries.length}`);
  const tuned = tuneSearch(found.queries, measureOf(measure), SEED);
  const settings = tuned.best !== null && tuned.isBetter ? settingsOf(found, legs, tuned, tuned.best, measure) : null;
  const isStored = settings !== null && dryRun !== true;
  if (isStored) await client.call('PUT', `${path}/search_settings`, settings);
  if (json === true) return print({ measure, ...resultOf(found, legs, tuned), settings, stored: isStored });
  show(
    [...tunedText(found, legs, tuned, measure), ...outcomeText(settings, isStored, dryRun), ...filesText(files), ...remarksOn(found)].join(
      '\n',
    ),
  );
}

/** The settings to store, with what says that they are better. */
function settingsOf(
  found: Recorded,
  legs: readonly LegOfIndex[],
  tuned: TunedSearch,
  best: TunableSetting,
  measure: string,
): SearchSettingsBody {
  const { difference, pValue, mean } = tuned.heldOut;
  return {
    legs: legs.map((leg, at) => {
      const known = { weight: must(best.weights[at], 'a weight of each leg'), quality: qualityOf(found, at, best.variant) };
      return leg.kind === 'text' ? { kind: leg.kind, ...known } : { kind: leg.kind, field: leg.field, ...known };
    }),
    fusion: best.fusion,
    ...(legs.some(({ kind }) => kind === 'text') ? TEXT_VARIANTS[best.variant] : {}),
    evidence: {
      queries: found.queries.length,
      judgements: found.queries.reduce((sum, { gains }) => sum + [...gains.values()].filter((gain) => gain > 0).length, 0),
      measure,
      before: tuned.current,
      after: mean,
      interval_95: { low: difference.low, high: difference.high },
      p_value: pValue,
    },
    generation: found.generation,
  };
}

/** The nDCG@10 that a leg reaches alone. */
function qualityOf({ queries }: Recorded, at: number, variant: number): number {
  const sum = queries.reduce((total, { gains, variants }) => total + measured(legAt(variants, variant, at).ids, gains, QUALITY), 0);
  return sum / queries.length;
}

const legAt = (variants: readonly (readonly RecordedLeg[])[], variant: number, at: number): RecordedLeg =>
  must(variants[variant]?.[at], 'every leg was recorded under every variant');

const resultOf = (found: Recorded, legs: readonly LegOfIndex[], { current, chosen, heldOut, best }: TunedSearch) => ({
  queries: found.queries.length,
  generation: found.generation,
  in_use: current,
  held_out: {
    mean: heldOut.mean,
    difference: heldOut.difference.value,
    interval_95: { low: heldOut.difference.low, high: heldOut.difference.high },
    p_value: heldOut.pValue,
  },
  best_on_all: chosen,
  legs: legs.map((leg, at) => ({ leg: legText(leg), ndcg_at_10: qualityOf(found, at, best?.variant ?? 0) })),
  unjudged: found.unjudged,
  unknown_relevant: found.unknown,
});

function tunedText(found: Recorded, legs: readonly LegOfIndex[], tuned: TunedSearch, measure: string): string[] {
  const { current, chosen, heldOut, best } = tuned;
  const { difference, pValue } = heldOut;
  const alone = legs.map((leg, at) => [`${legText(leg)} alone (ndcg@10)`, qualityOf(found, at, best?.variant ?? 0).toFixed(4)]);
  const rows = [
    ['in use', current.toFixed(4)],
    ...alone,
    ['chosen without the query', heldOut.mean.toFixed(4)],
    ['best on all queries', chosen.toFixed(4)],
  ];
  const gain = `gain ${signed(difference.value)} (${rangeText(difference)}, p ${pValue.toFixed(4)}) over ${found.queries.length} queries`;
  return [table(['search', measure], rows), '', gain];
}

function outcomeText(settings: SearchSettingsBody | null, isStored: boolean, isDry = false): string[] {
  if (settings === null) return ['nothing is changed: the gain may be chance'];
  const { legs, fusion, k1, b } = settings;
  const weights = legs.map((leg) => `${legText(leg)} ${leg.weight}`).join(', ');
  const texts = k1 === undefined || b === undefined ? '' : `, k1 ${k1}, b ${b}`;
  return [`${isStored ? 'stored' : isDry ? 'not stored (--dry-run)' : 'not stored'}: ${fusion.kind} of ${weights}${texts}`];
}

/** A leg by its kind, and by its field if it has a name. */
const legText = (leg: { readonly kind: string; readonly field?: string | undefined }): string =>
  leg.field === undefined || leg.field === '' ? leg.kind : `${leg.kind} ${leg.field}`;
