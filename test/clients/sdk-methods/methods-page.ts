import type { Target } from './js-cases.ts';
import { SECTIONS } from './sections.ts';
import { REFUSED, refusalOf } from './table.ts';

const HEAD = `# Methods of the OpenAI and Anthropic packages

What the packages \`openai\` (Python 3.57, JavaScript 7.57) and \`anthropic\` (Python 2.15, \`@anthropic-ai/sdk\` 1.10) document, and what comes of it here: each
line is called in both languages, in Python with the synchronous and the asynchronous client, by models of an upstream of each protocol that refuses what OpenAI's and Anthropic's
own servers refuse (\`test/clients/sdk-methods.test.ts\`, which also writes this page). A refusal says in its message which field or call it is about, and what to do. Names are those of
JavaScript; in Python they have underscores. Models are registered as the [README](../../README.md) shows.
`;

/** The page of the table, as it is in docs/api. */
export function methodsPage(): string {
  const parts = SECTIONS.map(({ title, documentation, cases }) => {
    const rows = cases.map((id) => [`\`${id.replace(/^anthropic: /, '')}\``, cellOf(id, 'openai'), cellOf(id, 'anthropic')] as const);
    const isByProtocol = cases.some((id) => typeof REFUSED[id] === 'object');
    const head = isByProtocol ? ['call', 'protocol `openai`', 'protocol `anthropic`'] : ['call', 'answer'];
    const width = head.length;
    return `## ${title}\n\n[Documentation](${documentation}).\n\n${tableOf([head, ...rows.map((row) => row.slice(0, width))])}`;
  });
  return [HEAD, ...parts].join('\n');
}

const cellOf = (id: string, target: Target): string => {
  const refusal = refusalOf(id, target);
  return refusal === undefined ? 'works' : `refused: \`${refusal}\``;
};

/** In Markdown, its columns aligned as the formatter does it. */
function tableOf([head = [], ...rows]: readonly (readonly string[])[]): string {
  const widths = head.map((_, at) => Math.max(...[head, ...rows].map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |\n`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('');
}
