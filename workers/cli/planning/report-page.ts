import type { CostReportReply, StackReply, StrategyReply } from '../../../src/contract/planning/cost.ts';
import { escaped } from '../command/html.ts';
import { dearestFirst, NO_TARGET, spanText } from './cost-text.ts';
import { factorText, percent, replayedNote, stackName, strictStacks } from './replayed-text.ts';

interface Bar {
  readonly label: string;
  readonly value: number;
  /** Shown above the bar, at its right end. */
  readonly text: string;
}

// Bars are boxes, not a picture: a picture scales with the page, and its words would be too small on a phone. Printers leave backgrounds out by default.
const STYLE = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; color: #222; background: #fff; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2rem; } h3 { font-size: 1rem; margin-bottom: 0; } small { color: #555; }
.bar { margin-bottom: .6rem; } .bar p { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; margin: 0; }
.bar div { background: #eee; print-color-adjust: exact; -webkit-print-color-adjust: exact; } .bar i { display: block; height: .8rem; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
dl { display: grid; grid-template-columns: 9rem 1fr; gap: .3rem 1rem; } dt { font-weight: 600; } dd { margin: 0; }
@media (max-width: 40rem) { dl { display: block; } dd { margin: 0 0 .5rem; } }
@media print { body { max-width: none; padding: 0; font-size: 10pt; } h1, h2, h3, dt { break-after: avoid; } .bar, dd { break-inside: avoid; } }`;

/** The report as one HTML file, without scripts or external resources. */
export function reportPage(report: CostReportReply): string {
  const { month, is_logged, spent_usd, upstreams, unanswered, shadows, targets, savings, saved_usd, reuse, next, strategies, replayed } =
    report;
  const charged = targets.filter(({ cost_usd }) => Number(cost_usd) > 0).toSorted(dearestFirst);
  const costs = charged.map(({ target, cost_usd, requests }) => ({
    label: target ?? NO_TARGET,
    value: Number(cost_usd),
    text: `${cost_usd} USD, ${requests} requests`,
  }));
  const saved = savings.map(({ name, saved_usd: usd }) => ({
    label: name.replace('_', ' '),
    value: Number(usd),
    text: `${usd} USD`,
  }));
  const total = `<b>${spent_usd} USD</b> were spent: ${upstreams.cost_usd} USD for ${upstreams.requests} answered calls to upstreams, ${unanswered.cost_usd} USD for ${unanswered.requests} unanswered ones, ${shadows.cost_usd} USD for ${shadows.requests} shadows; <b>${saved_usd} USD</b> were saved.`;
  const off = 'The log of requests is off: calls to upstreams are not in the report.';
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Cost of inference, ${escaped(month)}</title>
<style>${STYLE}</style>
<h1>Cost of inference, ${escaped(month)}</h1>
<p>${escaped(spanText(report))}. ${is_logged ? total : off}</p>
<section><h2>What was spent</h2>${costs.length === 0 ? '<p>Nothing at upstreams.</p>' : bars(costs, '#2471a3')}</section>
<section><h2>What was saved</h2>${bars(saved, '#1e8449')}
<dl>${savings.map((line) => term(line.name.replace('_', ' '), `compared with ${line.compared_with}`)).join('')}</dl></section>
${reuse.length === 0 ? '' : `<section><h2>Answers reused for other questions</h2><dl>${reuse.map(reuseText).join('')}</dl></section>\n`}<section><h2>What would save more</h2>${next.length === 0 ? '<p>These calls give no evidence for a saving.</p>' : `<dl>${next.map(adviceText).join('')}</dl>`}</section>
<h2>Evidence for each strategy</h2>
<p>Figures of different strategies do not add up: what one saves, another cannot save again.</p>
${strategies.map(strategyText).join('\n')}
<h2>Stacked on one trace</h2>
<p>${escaped(replayedNote(replayed))}</p>
${strictStacks(replayed).map(stackText).join('\n')}
</html>
`;
}

const reuseText = (line: CostReportReply['reuse'][number]): string =>
  term(
    `${line.route}, ${line.kind}: ${line.state}`,
    `at most ${line.false_hit_bound.toFixed(3)} false (limit ${line.false_hit_max}; ${line.differed} of ${line.checked} checked); ` +
      `${line.reused} reused, ${line.saved_usd} USD saved`,
  );

const adviceText = ({ name, applies_to_usd, saves_usd, basis, how }: CostReportReply['next'][number]): string => {
  const amount = saves_usd === null ? 'an unknown part' : `${saves_usd.low} to ${saves_usd.high} USD`;
  return term(name.replace('_', ' '), `${amount} of ${applies_to_usd} USD, ${basis}: ${how}`);
};

function strategyText({ name, does, published, measured, needs, not_when }: StrategyReply): string {
  const lines = [
    ...published.map(({ figure, quality, source }) => term('published', `${figure}; ${quality}`, source)),
    ...measured.map(({ figure, quality, command, date, load }) =>
      term('measured here', `${figure}; ${quality}`, `${command}, ${date}, load: ${load}`),
    ),
    term('needs', `retraining: ${needs.retraining}; validation: ${needs.validation}; hardware: ${needs.hardware}`),
    term('not when', not_when),
  ];
  return `<section><h3>${escaped(name)}</h3><p>${escaped(does)}</p><dl>${lines.join('')}</dl></section>`;
}

function stackText(stack: StackReply): string {
  const rows = stack.steps.map(({ name, usd_per_million, share, loss }) => ({
    label: name,
    value: usd_per_million,
    text: `${usd_per_million.toFixed(3)} USD a million calls; ${percent(share)} of the saving; ${percent(loss.mean)} of nDCG@10 lost`,
  }));
  const name = stackName(stack);
  return `<section><h3>${escaped(name)}</h3>${bars(rows, '#2471a3')}<dl>${[
    term('times cheaper than the teacher on every call', factorText(stack.total)),
    term(`the same, up to “${stack.best.up_to}”`, factorText(stack.best.factor)),
    term('times cheaper than int8 in batches behind a cache', factorText(stack.of_sensible)),
    term('times cheaper, the requests included', factorText(stack.with_requests)),
  ].join('')}</dl></section>`;
}

const term = (name: string, text: string, source?: string): string =>
  `<dt>${escaped(name)}</dt><dd>${escaped(text)}${source === undefined ? '' : ` <small>[${escaped(source)}]</small>`}</dd>`;

/** Horizontal bars, each below its label. A negative value has its bar in red. */
function bars(rows: readonly Bar[], colour: string): string {
  const most = Math.max(...rows.map(({ value }) => Math.abs(value)));
  return rows
    .map(({ label, value, text }) => {
      const share = most === 0 ? 0 : Math.abs(value) / most;
      const filled = `width: ${(100 * share).toFixed(1)}%; background: ${value < 0 ? '#c0392b' : colour}`;
      return `<div class="bar"><p><span>${escaped(label)}</span><span>${escaped(text)}</span></p><div><i style="${filled}"></i></div></div>`;
    })
    .join('');
}
