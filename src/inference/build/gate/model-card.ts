import type { GateVerdict } from './model-gate.ts';

/** What a card is made from: the files of a derived model's folder. Absent: the step that writes it was not taken. */
export interface CardSources {
  readonly name: string;
  readonly recipe: {
    readonly command: string;
    readonly inputs: readonly { readonly path: string; readonly sha256: string; readonly bytes: number }[];
    readonly parameters: Readonly<Record<string, unknown>>;
    readonly outputs: readonly { readonly path: string; readonly sha256: string; readonly bytes: number }[];
  };
  /** What the step that made the model measured: any JSON. Its figures are shown by their paths. */
  readonly report?: unknown;
  readonly verdict?: GateVerdict;
}

/** The card as Markdown. Every figure in it is one of the sources': nothing is written by hand, and what was not measured is named so. */
export function modelCard({ name, recipe, report, verdict }: CardSources): string {
  const files = [...recipe.inputs.map((file) => ['made from', file] as const), ...recipe.outputs.map((file) => ['is', file] as const)];
  return [
    `# ${name}`,
    '',
    `Made by \`${recipe.command}\`. This card is generated from measurements: \`recipe.json\`, \`report.json\` and \`gate.json\` beside it.`,
    '',
    '## Files',
    '',
    ...markdownTable(
      ['', 'file', 'bytes', 'sha256'],
      files.map(([role, { path, bytes, sha256 }]) => [role, path, String(bytes), `\`${sha256}\``]),
    ),
    '',
    '## Parameters',
    '',
    ...markdownTable(
      ['parameter', 'value'],
      Object.entries(recipe.parameters).map(([key, value]) => [key, JSON.stringify(value)]),
    ),
    '',
    '## Quality beside the model it was made from',
    '',
    ...(verdict === undefined ? ['Not measured.'] : qualityLines(verdict)),
    '',
    '## Measured while it was made',
    '',
    ...reportLines(report),
    '',
  ].join('\n');
}

function qualityLines({ passes, checks, queries, documents, ndcgAt10, similarity, broken }: GateVerdict): string[] {
  const counts = `${queries} queries, ${documents} documents, ${similarity === null ? 'no' : similarity.pairs} pairs`;
  return [
    `${passes ? 'Passes' : 'Refused'} (${counts}).`,
    '',
    ...markdownTable(
      ['check', 'value', 'bound', 'holds'],
      checks.map(({ name, value, bound, atMost, holds }) => [
        name,
        figure(value),
        `${atMost ? 'at most' : 'at least'} ${bound}`,
        holds ? 'yes' : 'no',
      ]),
    ),
    '',
    ...markdownTable(
      ['figure', 'base', 'this model'],
      [
        ['nDCG@10', figure(ndcgAt10.base), figure(ndcgAt10.candidate)],
        ...(similarity === null ? [] : [['similarity (Spearman)', figure(similarity.base), figure(similarity.candidate)]]),
        ['zero vectors', String(broken.base.zero), String(broken.candidate.zero)],
        ['vectors not finite', String(broken.base.notFinite), String(broken.candidate.notFinite)],
      ],
    ),
  ];
}

function reportLines(report: unknown): string[] {
  const figures = [...figuresOf(report, '')];
  if (figures.length === 0) return ['Nothing.'];
  return markdownTable(['figure', 'value'], figures);
}

/** Lists in a report are long (a constant each): the card has their length, and the report has them. */
function* figuresOf(value: unknown, path: string): Generator<[string, string]> {
  if (Array.isArray(value)) yield [path, `${value.length} entries in report.json`];
  else if (typeof value === 'number') yield [path, figure(value)];
  else if (value !== null && typeof value === 'object')
    for (const [key, inner] of Object.entries(value)) yield* figuresOf(inner, path === '' ? key : `${path}.${key}`);
  else if (value === null) yield [path, 'not measured'];
  else if (value !== undefined) yield [path, JSON.stringify(value)];
}

const figure = (value: number): string => (Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4))));

const markdownTable = (headings: readonly string[], rows: readonly (readonly string[])[]): string[] => [
  `| ${headings.join(' | ')} |`,
  `|${' --- |'.repeat(headings.length)}`,
  ...rows.map((row) => `| ${row.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`),
];
