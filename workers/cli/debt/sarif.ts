import type { Log, ReportingDescriptor, Result } from 'sarif';

import type { DebtFinding, DebtRule } from '../../../src/contract/debt/debt-items.ts';
import { detailOf } from '../../../src/debt/rules/rule.ts';
import { OWN_TOOL } from './collectors/collection.ts';
import { aboutRule } from './debt-text.ts';

/** Findings in SARIF 2.1.0, which code hosts show beside the code. `worse`: files whose findings are warnings. */
export function sarifOf(findings: readonly DebtFinding[], worse: ReadonlySet<string>): Log {
  const names = [...new Set(findings.map(({ rule }) => rule))].sort();
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'sluice debt', semanticVersion: OWN_TOOL.tool_version, rules: names.map(ruleOf) } },
        columnKind: 'utf16CodeUnits',
        results: findings.map((finding) => resultOf(finding, names.indexOf(finding.rule), worse)),
      },
    ],
  };
}

const ruleOf = (rule: DebtRule): ReportingDescriptor => ({
  id: rule,
  shortDescription: { text: rule.replaceAll('-', ' ') },
  fullDescription: { text: aboutRule(rule) },
});

function resultOf(finding: DebtFinding, ruleIndex: number, worse: ReadonlySet<string>): Result {
  const { id, rule, subject, symbol, title, remedy, is_blocking, priority } = finding;
  const startLine = finding.evidence.map((fact) => detailOf(fact, 'line')).find((line) => line > 0);
  const isFile = /\.\w+$/.test(subject) && !subject.includes(':');
  return {
    ruleId: rule,
    ruleIndex,
    level: is_blocking ? 'error' : worse.has(subject) ? 'warning' : 'note',
    message: { text: `${title}. To pay it: ${remedy}.` },
    locations: [
      isFile
        ? {
            physicalLocation: {
              artifactLocation: { uri: encodeURI(subject), uriBaseId: '%SRCROOT%' },
              ...(startLine === undefined ? {} : { region: { startLine } }),
            },
          }
        : { logicalLocations: [{ name: subject, fullyQualifiedName: symbol === '' ? subject : `${subject} ${symbol}` }] },
    ],
    // The same item in two runs.
    partialFingerprints: { 'sluiceDebtItem/v1': id },
    rank: Math.max(0, Math.min(100, 50 + 10 * priority.p50)),
  };
}
