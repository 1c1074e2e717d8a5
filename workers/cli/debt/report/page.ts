import type { DebtFactFile } from '../../../../src/contract/debt/debt-facts.ts';
import type { DebtFinding } from '../../../../src/contract/debt/debt-items.ts';
import type { Assessment } from '../../../../src/debt/rules/assess.ts';
import type { OwnerPlan } from '../../../../src/debt/plan.ts';
import { HORIZON_WEEKS } from '../../../../src/debt/price.ts';
import { SIGNAL_RATIO_MAX } from '../../../../src/debt/rules/rating.ts';
import type { ComponentOwnership } from '../../../../src/debt/teams/ownership.ts';
import type { TeamLoad } from '../../../../src/debt/teams/team-load.ts';
import { escaped } from '../../command/html.ts';
import { besideText, countsByRule, dateOf, missingText, percent, range, time } from '../debt-text.ts';
import type { ShapePoint } from '../shape-trend.ts';
import type { TrendPoint } from './plots.ts';
import { itemScatter, shapePlot, trendPlot } from './plots.ts';
import type { MappedFile } from './treemap.ts';
import { fileTreemap } from './treemap.ts';

export interface DebtReport {
  readonly facts: DebtFactFile;
  readonly assessment: Assessment;
  /** Candidates that were items before. */
  readonly doubted: readonly DebtFinding[];
  readonly files: readonly MappedFile[];
  /** Two years of the code by quarters, the oldest first. */
  readonly shape: readonly ShapePoint[];
  readonly ownership: readonly ComponentOwnership[];
  /** The oldest first; empty: it was not asked for. */
  readonly trend: readonly TrendPoint[];
  readonly plans: readonly OwnerPlan[];
  readonly loads: readonly TeamLoad[];
}

/** So many are read at once; the others are a click away. */
const ITEMS_MAX = 10;
const DOUBTED_MAX = 30;
export const CANDIDATES_MAX = 10;
const AUTHORS_MAX = 5;
const PALETTE = ['#2471a3', '#1e8449', '#b9770e', '#6c3483', '#a93226'];

const STYLE = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 0 auto; padding: 1rem; color: #222; background: #fff; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
svg { width: 100%; height: auto; } .plot { overflow-x: auto; } .plot svg { min-width: 40rem; } small, .note { color: #555; } code { overflow-wrap: anywhere; }
.figures { display: flex; flex-wrap: wrap; gap: 1rem 2rem; margin: 0; } .figures dt { color: #555; } .figures dd { margin: 0; font-size: 1.3rem; font-weight: 600; }
ol { padding-left: 1.5rem; } li { margin-bottom: .7rem; overflow-wrap: anywhere; } .blocks { color: #c0392b; font-weight: 600; }
.wide { overflow-x: auto; } table { border-collapse: collapse; } td, th { padding: .15rem .7rem .15rem 0; text-align: left; vertical-align: top; } .n { text-align: right; }
h3, .known p { margin: .5rem 0 0; } .known p { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; } .known div { display: flex; height: .8rem; background: #ccc; } .known div, .known i { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
@media print { body { max-width: none; padding: 0; font-size: 10pt; } h1, h2, h3, .note { break-after: avoid; } .whole, li, tr, .known { break-inside: avoid; } .plot svg { min-width: 0; } }`;

/** A repository's debt as one HTML file, without scripts or external resources: for a screen, a phone and paper. */
export function debtPage({ facts, assessment, doubted, files, shape, ownership, trend, plans, loads }: DebtReport): string {
  const { findings, candidates, signals, total } = assessment;
  const unknown = signals.filter(({ isKnown }) => !isKnown).map(({ signal }) => signal);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Technical debt of ${escaped(facts.repository)}</title>
<style>${STYLE}</style>
<h1>Technical debt of ${escaped(facts.repository)}</h1>
<p>Commit <code>${escaped(facts.git_commit?.slice(0, 12) ?? 'none')}</code>, ${dateOf(facts.collected_at)}</p>
<dl class="figures">
${figure('rating', total.rating)}${figure('debt ratio', percent(total.ratio))}${figure('items', `${findings.length}`)}${figure('candidates', `${candidates.length}`)}
${figure('to pay all', range(total.principal))}${figure('costs a week', range(total.interest))}
</dl>
${unknown.length === 0 ? '' : `<p class="blocks">Not known, and so rated as ${percent(SIGNAL_RATIO_MAX)} of each component: ${escaped(unknown.join(', '))}.</p>`}
${notes(facts, shape)}${shape.length < 2 ? '' : `<section class="whole"><h2>Two years</h2><p class="note">Of the product's code by quarters: functions of a complexity above the target, and lines, each from 0 to its greatest value.</p><div class="plot">${shapePlot(shape)}</div></section>`}
<section><h2>What to pay first</h2>
<p class="note">By what paying is worth in ${HORIZON_WEEKS} weeks. Ranges are from the 10th to the 90th percentile.</p>
${findings.length === 0 ? '<p>Nothing is sure enough to be an item.</p>' : ''}<ol>${findings.slice(0, ITEMS_MAX).map(itemText).join('')}</ol>${restOf(findings)}</section>
${candidatesText(candidates)}
${doubted.length === 0 ? '' : `<section><h2>No items any more</h2><p class="note">Their rules still find them, but are too unsure of them: they are candidates, and count nowhere.</p><ul>${doubted.slice(0, DOUBTED_MAX).map(itemText).join('')}</ul></section>`}
<section class="whole"><h2>Where it is</h2><p class="note">Files as large as they have lines, as red as they are changed often and hard to read. A dark edge: the file has items.</p><div class="plot">${fileTreemap(files)}</div></section>
<section class="whole"><h2>Principal and interest</h2>
<p class="note">Above the dashed line an item pays off within ${HORIZON_WEEKS} weeks. Red items block; grey ones cost less than they take: leave them.</p>
<div class="plot">${itemScatter(findings)}</div></section>
${trend.length < 2 ? '' : `<section class="whole"><h2>Over time</h2><p class="note">Each line from 0 to its greatest value.</p><div class="plot">${trendPlot(trend)}</div></section>`}
<section><h2>Components</h2><div class="wide"><table>
<tr><th>component</th><th>rating</th><th class="n">ratio</th><th class="n">items</th><th class="n">to pay</th><th class="n">a week</th><th>owner</th></tr>
${assessment.components.map(componentRow).join('')}</table></div></section>
${ownership.length === 0 ? '' : `<section><h2>Knowledge of components</h2><p class="note">Shares of changed lines, each halved every year. Bus factor: the fewest authors whose leaving takes more than half of the knowledge.</p>${ownershipMap(ownership)}</section>`}
${loads.length === 0 ? '' : `<section><h2>Teams</h2><div class="wide">${loadTable(loads)}</div></section>`}
${plans.length === 0 ? '' : `<section><h2>Plan</h2>${plans.map(planText).join('')}</section>`}
</html>
`;
}

const perThousand = ({ excess, lines }: ShapePoint): string => (lines === 0 ? '0' : ((excess / lines) * 1_000).toFixed(1));

/** How far the code went in two years, in words. */
export function shapeText(shape: readonly ShapePoint[]): readonly string[] {
  const [first, last] = [shape[0], shape.at(-1)];
  if (first === undefined || last === undefined || first === last) return [];
  return [
    `since ${dateOf(first.atS)} the product went from ${first.lines} to ${last.lines} lines, from ${first.complexFunctions} to ${last.complexFunctions} functions that are too complex, and from ${perThousand(first)} to ${perThousand(last)} points of excess complexity for each 1,000 lines`,
  ];
}

/** The items after the first ones, folded. */
const restOf = (findings: readonly DebtFinding[]): string =>
  findings.length <= ITEMS_MAX
    ? ''
    : `<details><summary>${findings.length - ITEMS_MAX} more</summary><ol start="${ITEMS_MAX + 1}">${findings.slice(ITEMS_MAX).map(itemText).join('')}</ol></details>`;

const notes = (facts: DebtFactFile, shape: readonly ShapePoint[]): string =>
  [...shapeText(shape), ...besideText(facts.facts), ...missingText(facts.facts)]
    .map((text) => `<p>${escaped(text.slice(0, 1).toUpperCase() + text.slice(1))}.</p>\n`)
    .join('');

function candidatesText(candidates: readonly DebtFinding[]): string {
  if (candidates.length === 0) return '';
  const shown = candidates
    .slice(0, CANDIDATES_MAX)
    .map(
      (one) =>
        `<li><code>${escaped(`${one.subject} ${one.symbol}`.trim())}</code><br>${escaped(one.title)}<br><small>${one.rule}; no item: ${escaped(one.doubt ?? 'too unsure')}</small></li>`,
    );
  return `<section><h2>What may be debt</h2><p class="note">Too unsure to be items, and counted nowhere: ${escaped(countsByRule(candidates))}.</p><ul>${shown.join('')}</ul></section>`;
}

const figure = (name: string, value: string): string => `<div><dt>${name}</dt><dd>${escaped(value)}</dd></div>`;

function itemText(one: DebtFinding): string {
  const where = `${one.subject} ${one.symbol}`.trim();
  const blocks = one.is_blocking ? ' <span class="blocks">blocks</span>' : '';
  return `<li><code>${escaped(where)}</code>${blocks}<br>${escaped(one.title)}. <b>${escaped(one.remedy)}</b><br>
<small>${one.rule}; takes ${range(one.principal_minutes)}, costs ${range(one.interest_minutes_per_week)} a week; ${escaped(one.component)}, ${escaped(one.owner ?? 'no owner')}</small></li>`;
}

const componentRow = ({ name, rating, ratio, items, principal, interest, owner }: Assessment['total']): string =>
  `<tr><td>${escaped(name)}</td><td>${rating}</td><td class="n">${percent(ratio)}</td><td class="n">${items}</td><td class="n">${time(principal.p50)}</td><td class="n">${time(interest.p50)}</td><td>${escaped(owner ?? '-')}</td></tr>`;

/** A bar for each component: what its best authors know of it, the others together in grey. A picture's words would be too small on a phone. */
const ownershipMap = (owned: readonly ComponentOwnership[]): string =>
  owned
    .map(({ component, owner, busFactor, authors, moveTo }) => {
      const parts = authors.slice(0, AUTHORS_MAX).map(({ author, share }, at) => {
        const drawn = `width: ${(100 * share).toFixed(1)}%; background: ${PALETTE[at] ?? '#888'}`;
        return `<i style="${drawn}" title="${escaped(author)}: ${percent(share)}"></i>`;
      });
      const move = moveTo === null ? '' : `; ${moveTo.team} makes ${percent(moveTo.share)} of its changes`;
      const [best] = authors;
      const most = best === undefined ? '' : `; ${best.author.replace(/ <.*/, '')} knows ${percent(best.share)}`;
      const about = `${owner ?? 'no owner'}, bus factor ${busFactor}${most}${move}`;
      return `<div class="known"><p><span>${escaped(component)}</span><span class="note">${escaped(about)}</span></p><div>${parts.join('')}</div></div>`;
    })
    .join('');

const loadTable = (loads: readonly TeamLoad[]): string => `<table>
<tr><th>team</th><th class="n">load</th><th class="n">changes</th><th class="n">interest</th><th class="n">reviews</th><th class="n">pages</th><th>saturated</th><th>hire by</th></tr>
${loads
  .map(
    (one) =>
      `<tr><td>${escaped(one.team)}</td><td class="n">${percent(one.load)}</td><td class="n">${time(one.changes)}</td><td class="n">${time(one.interest)}</td><td class="n">${time(one.reviews)}</td><td class="n">${time(one.pages)}</td><td>${dateOf(one.saturatedAtS)}</td><td>${dateOf(one.hireByS)}</td></tr>`,
  )
  .join('')}</table>`;

function planText({ owner, share, chosen, deferred, frozen, interestSavedPerWeek, interestKeptPerWeek }: OwnerPlan): string {
  const freeze = frozen.length === 0 ? '' : ` <span class="blocks">Frozen: ${escaped(frozen.join(', '))}.</span>`;
  return `<h3>${escaped(owner)}</h3><p>${percent(share)} of the time for debt.${freeze} Chosen items save ${time(interestSavedPerWeek)} a week; those put off go on costing ${time(interestKeptPerWeek)}.</p>
<ol>${chosen.map(({ title, component }) => `<li>${escaped(component)}: ${escaped(title)}</li>`).join('')}</ol><p class="note">Put off: ${deferred.length}.</p>`;
}
