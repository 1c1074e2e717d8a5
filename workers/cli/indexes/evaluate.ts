import { Option } from 'commander';
import type { Command } from 'commander';

import { measureName } from '../../../src/contract/vectors/judged/measure-names.ts';
import { must } from '../../../src/kernel/assert.ts';
import type { JudgedMeasure } from '../../../src/text/judging/judged-settings.ts';
import { judgeFigures } from '../../../src/text/judging/judged-settings.ts';
import { command, show, table } from '../command/command.ts';
import { checkedBy, jsonFile } from '../command/json-file.ts';
import type { Shown } from '../gateway/gateway-command.ts';
import { caller, print, shown } from '../gateway/gateway-command.ts';
import type { JudgedTexts } from './judged-queries.ts';
import { readJudgedTexts } from './judged-queries.ts';
import type { Evaluated } from './sliced-evaluation.ts';
import { evaluatedInSlices, remarksOn } from './sliced-evaluation.ts';

/** The files of judgements that commands take. */
export interface JudgedFiles extends Shown {
  readonly queries: string;
  readonly qrels?: string;
  readonly namespace?: string;
}

interface EvaluateOptions extends JudgedFiles {
  readonly plan?: string;
  readonly against?: string;
  readonly measures: readonly string[];
}

/** Of the resampling: the same judgements have the same intervals. */
export const SEED = 1;

export const withJudgedFiles = (of: Command): Command =>
  shown(of)
    .argument('<index>', 'its name')
    .requiredOption('--queries <file>', 'lines `ID <tab> TEXT`, or JSON lines {"id", "text", "relevant": {ID: GRADE} or [ID]}')
    .option('--qrels <file>', 'judgements as TREC or BEIR writes them: lines `QUERY 0 DOCUMENT GRADE` or `QUERY DOCUMENT GRADE`')
    .option('--namespace <name>', 'of the documents');

/** `sluice indexes evaluate INDEX --queries FILE --qrels FILE [--plan FILE] [--against FILE]`. */
export const evaluate = (): Command =>
  withJudgedFiles(command('evaluate', 'Measures what searches of an index find, by judgements.'))
    .option('--plan <file>', 'the search as JSON, with {{text}} for the text of each query (default: as the index is made)')
    .option('--against <file>', 'another one, which that is compared with, query by query')
    .addOption(
      new Option('--measures <list>', 'such as ndcg@10,recall@100,mrr,map,success@1')
        .argParser((list) => list.split(',').map((name) => checkedBy(measureName, name.trim(), '--measures')))
        .default(['ndcg@10', 'recall@100', 'mrr'], 'ndcg@10,recall@100,mrr'),
    )
    .action(evaluateIndex);

async function evaluateIndex(index: string, options: EvaluateOptions): Promise<void> {
  const { queries, qrels, plan, against, measures, namespace, json } = options;
  const judged = await readJudgedTexts(queries, qrels);
  const compared = against === undefined ? [] : [{ name: against, body: await jsonFile(against) }];
  const plans = [...compared, plan === undefined ? { name: 'the index', body: {} } : { name: plan, body: await jsonFile(plan) }];
  const asked = { plans: plans.map(({ body }) => body), measures, namespace, include_queries: true };
  const found = await evaluatedInSlices(await caller(), index, judged.queries, asked);
  if (found.unjudged.length > 0) process.exitCode = 1;
  const figures = found.queries.length === 0 ? [] : measures.map((name) => ({ name, ...measureOf(found, name, plans.length) }));
  if (json === true) return print(asJson(found, figures));
  const rows = figures.flatMap((measure) =>
    rowsOf(
      measure,
      plans.map(({ name }) => name),
    ),
  );
  const headings = ['measure', 'search', 'mean', '95 %', ...(compared.length === 0 ? [] : ['difference', '95 %', 'p', 'better', 'worse'])];
  show([table(headings, rows), '', `${found.queries.length} queries`, ...filesText(judged), ...remarksOn(found)].join('\n'));
}

/** What one measure says of all calls together. */
function measureOf({ queries }: Evaluated, name: string, plans: number): JudgedMeasure {
  const figureOf = (query: Evaluated['queries'][number], plan: number): number =>
    must(query.plans[plan]?.figures?.[name], 'figures were asked for');
  const figures = Array.from({ length: plans }, (_, plan) => Float64Array.from(queries, (query) => figureOf(query, plan)));
  return judgeFigures(figures, SEED);
}

function rowsOf({ name, means, comparisons }: JudgedMeasure & { readonly name: string }, plans: readonly string[]) {
  return means.map(({ value, low, high }, at) => {
    const own = [name, plans[at] ?? '', value.toFixed(4), rangeText({ low, high })];
    const compared = comparisons[at - 1];
    if (compared === undefined) return comparisons.length === 0 ? own : [...own, '', '', '', '', ''];
    const { difference, pValue, wins, losses } = compared;
    return [...own, signed(difference.value), rangeText(difference), pValue.toFixed(4), String(wins), String(losses)];
  });
}

/** The answer of the API, of all calls. */
const asJson = (found: Evaluated, figures: readonly (JudgedMeasure & { readonly name: string })[]) => ({
  judged: found.queries.length,
  measures: figures.map(({ name, means, comparisons }) => ({
    measure: name,
    plans: means.map(({ value, low, high }) => ({ mean: value, interval_95: { low, high } })),
    comparisons: comparisons.map(({ difference: { value, low, high }, pValue, isSignificant, wins, losses }, at) => ({
      plan: at + 1,
      difference: value,
      interval_95: { low, high },
      p_value: pValue,
      significant: isSignificant,
      wins,
      losses,
    })),
  })),
  unjudged: found.unjudged,
  unknown_relevant: found.unknown,
  queries: found.queries,
  generation: found.generation,
});

/** What of the files was passed over, for people. */
export const filesText = ({ withoutRelevant, withoutText }: JudgedTexts): string[] => [
  ...(withoutRelevant === 0 ? [] : [`${withoutRelevant} queries have nothing relevant and are left out`]),
  ...(withoutText === 0 ? [] : [`${withoutText} judged queries have no text and are left out`]),
];

export const rangeText = ({ low, high }: { readonly low: number; readonly high: number }): string =>
  `${low.toFixed(4)} to ${high.toFixed(4)}`;

export const signed = (value: number): string => (value < 0 ? value.toFixed(4) : `+${value.toFixed(4)}`);
